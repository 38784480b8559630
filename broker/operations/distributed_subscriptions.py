"""Notifications of sources about subscriptions passed on to them: checked, joined, told as our own. (5.8.6)"""

import asyncio
from dataclasses import replace
from typing import Any, Final

from base.errors import BadRequestData, LoopDetected, ResourceNotFound, ServiceUnavailable
from base.jsonld import Context
from broker.federation import Asking, joining, narrowing, reduction, via
from broker.federation.entity_requests import retrieving
from broker.federation.joining import Version
from broker.federation.passed import Passed, place_of
from broker.language import evaluation
from broker.language.selection import EntitySelector, Selection
from broker.language.sources import SourceSelection
from broker.language.visibility import Visibility
from broker.model import notified, tenancy
from broker.model.document import Document
from broker.notify.heard import unsaid
from broker.notify.interest import Interest
from broker.notify.subscription import Body
from broker.operations import asked
from broker.operations.call import Broker, Call
from broker.operations.changing import refuse_people
from broker.operations.distributed_reading import inquiry, parts, proxied


def request_of(call: Call, broker: Broker) -> Body:
    """Note how a subscription came, for passing it on; one that came through this broker is refused. (6.3.18)"""
    names = via.pseudonyms(call.headers.get("Via"))
    if tenancy.alias_of(broker.alias, call.tenant) in names:
        raise LoopDetected("The subscription came through this broker already; it is not made here again.")
    made: Body = {"origin": broker.address(call)}
    if names:
        made["via"] = list(names)
    if asked.flag(call.params, "local"):
        made["local"] = True
    return made


AT_ONCE: Final = 8
"""Entities joined at the same time: each makes other sources be asked."""


async def take_notification(broker: Broker, body: Any, source: Any, now: int) -> None:
    """Take what a source tells of a copy that was passed on to it; `source` names the @context. (5.8.6)"""
    passed = _passed(broker, body)
    book = await broker.notifier.book(passed.tenant)
    interest = book.deliverable(passed.subscription, now)
    if interest is None and book.awaits_context(passed.subscription):
        raise ServiceUnavailable("The @context of the subscription cannot be had now; send it again later.")
    if interest is None or broker.subscribing.knows(body):
        return
    context = await broker.contexts.resolve(source, passed.tenant)
    seen = broker.notifier.reach(passed.tenant, interest)
    told = [_covered(broker, passed, one, context, now) for one in _entities(broker, body)]
    if seen is not None and seen.limited:
        heard = [one for one in told if broker.notifier.hears(passed.tenant, interest, seen, one, now)]
        told = [unsaid(interest, one) for one in heard]
    subscription = book.get(passed.subscription)
    split = broker.subscribing.splits(subscription)
    read = book.reader(now)
    if split:
        asking = await broker.subscribing.asking(passed.tenant, subscription)
        for start in range(0, len(told), AT_ONCE):
            some = [_whole(broker, passed, asking, one, read(one["id"])) for one in told[start:][:AT_ONCE]]
            told[start : start + AT_ONCE] = await asyncio.gather(*some)
    here = split or reduction.judged_here(interest, seen)
    found = [evaluation.found(_judged(interest, one, seen, here), one, read) for one in told]
    documents = [one for one in found if one is not None]
    read = evaluation.seeing(seen, read)
    await broker.notifier.tell(passed.tenant, passed.subscription, documents, read, now)
    broker.subscribing.note(body)


def _passed(broker: Broker, body: Any) -> Passed:
    """Find the copy that is meant; who does not know its identifier is told nothing else."""
    if not isinstance(body, dict) or body.get("type") != "Notification":
        raise BadRequestData('A notification is an object with the type "Notification".')
    id = body.get("subscriptionId")
    passed = broker.subscribing.find(id) if isinstance(id, str) else None
    if passed is None or passed.leaving:
        raise ResourceNotFound("No subscription with this identifier was passed on by this broker.")
    return passed


def _entities(broker: Broker, body: Body) -> list[Any]:
    data, most = body.get("data"), broker.settings.page_most
    if not isinstance(data, list) or len(data) > most:
        raise BadRequestData(f"data of a notification must be a list of at most {most} entities.")
    return data


def _covered(broker: Broker, passed: Passed, body: Any, context: Context, now: int) -> Document:
    """Read one entity and keep of it what the source registered. (4.3.6.1)"""
    document = notified.read(body, context.table, now)
    refuse_people(broker, document)
    source = passed.source
    if "deletedAt" in document and not document["attrs"]:
        if any(narrowing.concerns(info, document) for info in source.information):
            return document
    elif (covered := narrowing.covered(source, source.information, document)) is not None:
        return covered
    raise BadRequestData("An entity in the notification is not among those the source registered.")


async def _whole(
    broker: Broker, passed: Passed, asking: Asking, document: Document, held: Document | None
) -> Document:
    """Join what the source tells with what is held here and elsewhere; a deletion stays one. (5.8.6, 4.5.5)"""
    if "deletedAt" in document:
        return document
    id = document["id"]
    selector = EntitySelector((id,))
    asks = inquiry(broker, asking, (selector,))
    several = [
        one
        for one in parts(broker, asking, SourceSelection((selector,)), ("retrieveEntity",))
        if place_of(one.match.source) != passed.place
    ]
    table = asking.context.table
    answers = await asyncio.gather(
        *[asks.retrieve(one.part, one.match, id, retrieving(one.part, table)) for one in several]
    )
    versions = [Version(document, passed.source), *[version for answer in answers for version in answer]]
    if held is not None:
        versions.append(Version(held))
    return joining.join(versions, proxied(several), asking.now) or document


def _judged(interest: Interest, document: Document, seen: Visibility | None, here: bool) -> Selection:
    """Judge by all that is asked where no source does; of what is gone there is nothing left to judge but its type."""
    selection = interest.selection
    if not here or "deletedAt" in document:
        selection = Selection(selection.selectors)
    return selection if seen is None else replace(selection, visibility=seen)
