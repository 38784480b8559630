"""The resources /subscriptions and /subscriptions/{subscriptionId}. (5.8, 6.10, 6.11)"""

from collections.abc import Sequence
from urllib.parse import quote

from base import ids
from base.errors import BadRequestData
from broker.access.rights import owner_in, owner_of, same_maker
from broker.model import validate
from broker.notify import presentation, subscription
from broker.notify.book import Book, absent
from broker.notify.subscription import ENTITIES, REGISTRATIONS, Body, Given
from broker.operations import asked, paging, rendering
from broker.operations.asked import Limits
from broker.operations.call import NO_CONTENT, Answer, Broker, Call
from broker.operations.distributed_subscriptions import request_of

ROOTS = {ENTITIES: "/ngsi-ld/v1/subscriptions", REGISTRATIONS: "/ngsi-ld/v1/csourceSubscriptions"}


async def create_subscription(call: Call, broker: Broker) -> Answer:
    """Create a subscription. (5.8.1, 6.10.3.1)"""
    return await create(call, broker, ENTITIES)


async def query_subscriptions(call: Call, broker: Broker) -> Answer:
    """List subscriptions in the order of their creation. (5.8.4, 6.10.3.2)"""
    return await query(call, broker, ENTITIES)


async def retrieve_subscription(call: Call, broker: Broker) -> Answer:
    """Retrieve a subscription. (5.8.3, 6.11.3.1)"""
    return await retrieve(call, broker, ENTITIES)


async def update_subscription(call: Call, broker: Broker) -> Answer:
    """Update a subscription. (5.8.2, 6.11.3.2)"""
    return await update(call, broker, ENTITIES)


async def delete_subscription(call: Call, broker: Broker) -> Answer:
    """Delete a subscription. (5.8.5, 6.11.3.3)"""
    return await delete(call, broker, ENTITIES)


async def create(call: Call, broker: Broker, about: str) -> Answer:
    """Keep a subscription to entities or registrations. (5.8.1, 5.11.2)"""
    body = subscription.create(call.body, ids.urn("Subscription"), _given(call, about))
    if about == ENTITIES:
        body["request"] = request_of(call, broker)
    if call.rights is not None:
        body["owner"] = owner_of(call.caller)
    await _name_context(call, broker, body)
    await broker.notifier.subscribe(call.tenant, body, about)
    broker.subscribing.follow(call.tenant, body["id"], call.headers)
    return Answer(201, headers={"Location": f"{ROOTS[about]}/{quote(body['id'], safe=':')}"})


async def query(call: Call, broker: Broker, about: str, further: Sequence[Body] = ()) -> Answer:
    """List subscriptions to entities or registrations, a page of them; `further` ones last. (5.8.4, 5.11.5)"""
    settings = broker.settings
    limits = Limits(settings.page_default, settings.page_most, settings.query_terms)
    window = asked.window(call.params, limits)
    book = await broker.notifier.book(call.tenant, about)
    every = book.all()
    if call.rights is not None:
        every = [id for id in every if looks_after(call, book.get(id))]
    start, end, count = window.offset, window.offset + window.limit, len(every) + len(further)
    page = [book.get(id) for id in every[start:end]]
    page += further[max(0, start - len(every)) : max(0, end - len(every))]
    more = end < count
    headers: dict[str, str] = {}
    if links := paging.page_links(call.target, window, more, call.accept):
        headers["Link"] = ", ".join(links)
    if window.count:
        headers["NGSILD-Results-Count"] = str(count)
    return rendering.listing(call, [shown(call, body) for body in page], headers)


async def retrieve(call: Call, broker: Broker, about: str) -> Answer:
    """Give one subscription to entities or registrations. (5.8.3, 5.11.4)"""
    id = _id(call)
    book = await broker.notifier.book(call.tenant, about)
    _check_maker(call, book, id)
    return rendering.listing(call, shown(call, book.get(id)))


async def update(call: Call, broker: Broker, about: str) -> Answer:
    """Change a subscription to entities or registrations. (5.8.2, 5.11.3)"""
    id = _id(call)
    _check_maker(call, await broker.notifier.book(call.tenant, about), id)

    async def rule(current: Body) -> Body:
        changed = subscription.update(current, call.body, _given(call, about))
        await _name_context(call, broker, changed)
        return changed

    await broker.notifier.resubscribe(call.tenant, id, rule, about)
    broker.subscribing.follow(call.tenant, id, call.headers)
    return NO_CONTENT


async def delete(call: Call, broker: Broker, about: str) -> Answer:
    """Drop a subscription to entities or registrations. (5.8.5, 5.11.6)"""
    id = _id(call)
    _check_maker(call, await broker.notifier.book(call.tenant, about), id)
    await broker.notifier.unsubscribe(call.tenant, id, about)
    broker.subscribing.follow(call.tenant, id, call.headers)
    return NO_CONTENT


def _check_maker(call: Call, book: Book, id: str) -> None:
    """Treat the subscriptions of others as if they were not there."""
    if not looks_after(call, book.get(id)):
        raise absent(id)


def looks_after(call: Call, body: Body) -> bool:
    """Say whether a subscription is the caller's own, or the caller may look after those of others."""
    if call.rights is None or call.rights.may("manage"):
        return True
    return same_maker(call.caller, owner_in(body.get("owner")))


def _given(call: Call, about: str) -> Given:
    return Given(call.context.table, call.now, call.context.source, about)


def _id(call: Call) -> str:
    id = call.path["subscriptionId"]
    if not validate.is_uri(id):
        raise BadRequestData("The id of a subscription must be a URI such as urn:ngsi-ld:Subscription:1.")
    return id


async def _name_context(call: Call, broker: Broker, body: Body) -> None:
    """Initialise jsonldContext with a URL of the subscription's own @context. (5.8.1.4)"""
    if "jsonldContext" not in body:
        body["madeContext"] = True
        body["jsonldContext"] = await broker.contexts.implicit(
            body["@context"], call.tenant, broker.address(call)
        )


def shown(call: Call, body: Body) -> Body:
    """Show a subscription to its reader. (5.8.3.5)"""
    sys_attrs = "sysAttrs" in call.params.get("options", "").split(",")
    return presentation.show(body, call.context.table, call.now, sys_attrs=sys_attrs)
