"""Notifications of sources about subscriptions passed on to them: checked, joined, told as our own. (5.8.6)"""

import asyncio
from collections.abc import Sequence
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
from broker.language.visibility import Visibility, visible
from broker.model import notified, tenancy
from broker.model.document import Document
from broker.notify.heard import unsaid
from broker.notify.interest import Interest
from broker.notify.subscription import Body
from broker.operations import asked
from broker.operations.call import Broker, Call
from broker.operations.changing import refuse_people
from broker.operations.distributed_reading import inquiry, parts, proxied
from broker.store.contract import Read


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
    if await _interest(broker, passed, now) is None or broker.subscribing.knows(body):
        return
    with broker.subscribing.taking(body):
        told = await _told(broker, passed, body, source, now)
        _passed(broker, body)
        interest = await _interest(broker, passed, now)
        if interest is not None:  # as it is now: it may have been changed while others were asked
            await _tell(broker, passed, interest, told, now)
            broker.subscribing.note(body)


async def _interest(broker: Broker, passed: Passed, now: int) -> Interest | None:
    """Give the subscription that a copy was made of; None: it is paused. If it is gone its copies shall go, too."""
    book = await broker.notifier.book(passed.tenant)
    interest = book.deliverable(passed.subscription, now)
    if interest is None and book.awaits_context(passed.subscription):
        raise ServiceUnavailable("The @context of the subscription cannot be had now; send it again later.")
    if interest is None and not book.holds(passed.subscription):
        broker.subscribing.follow(passed.tenant, passed.subscription, {})
        raise _unknown()
    return interest


async def _told(broker: Broker, passed: Passed, body: Body, source: Any, now: int) -> list[Document]:
    """Read what is told, as far as the subscriber may hear of it, joined with what others have. (5.8.6)"""
    context = await broker.contexts.resolve(source, passed.tenant)
    told = [_covered(broker, passed, one, context, now) for one in _entities(broker, body)]
    interest = await _interest(broker, passed, now)
    if interest is None:
        return []
    seen = broker.notifier.reach(passed.tenant, interest)
    if seen is not None and seen.limited:
        heard = [one for one in told if broker.notifier.hears(passed.tenant, interest, seen, one, now)]
        told = [unsaid(interest, one) for one in heard]
    book = await broker.notifier.book(passed.tenant)
    subscription = book.get(passed.subscription)
    if broker.subscribing.splits(subscription):
        asking, read = await broker.subscribing.asking(passed.tenant, subscription), book.reader(now)
        for start in range(0, len(told), AT_ONCE):
            some = [_whole(broker, passed, asking, one, read, seen) for one in told[start:][:AT_ONCE]]
            told[start : start + AT_ONCE] = await asyncio.gather(*some)
    return told


async def _tell(
    broker: Broker, passed: Passed, interest: Interest, told: Sequence[Document], now: int
) -> None:
    """Tell the subscriber of what meets all that is asked, and is visible. (5.8.6, docs/access.md)"""
    book, seen = await broker.notifier.book(passed.tenant), broker.notifier.reach(passed.tenant, interest)
    read = book.reader(now)
    split = broker.subscribing.splits(book.get(passed.subscription))
    here = split or reduction.judged_here(interest, seen)
    found = [evaluation.found(_judged(interest, one, seen, here), one, read) for one in told]
    documents = [one for one in found if one is not None]
    read = evaluation.seeing(seen, read)
    await broker.notifier.tell(passed.tenant, passed.subscription, documents, read, now)


def _unknown() -> ResourceNotFound:
    return ResourceNotFound("No subscription with this identifier was passed on by this broker.")


def _passed(broker: Broker, body: Any) -> Passed:
    """Find the copy that is meant; who does not know its identifier is told nothing else."""
    if not isinstance(body, dict) or body.get("type") != "Notification":
        raise BadRequestData('A notification is an object with the type "Notification".')
    id = body.get("subscriptionId")
    passed = broker.subscribing.find(id) if isinstance(id, str) else None
    if passed is None or passed.leaving:
        raise _unknown()
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
    broker: Broker,
    passed: Passed,
    asking: Asking,
    document: Document,
    read: Read,
    seen: Visibility | None,
) -> Document:
    """Join what the source tells with what is held here and elsewhere; a deletion stays one. (5.8.6, 4.5.5)

    What is hidden where it is (`seen`) is not joined: the types of another part could bring it into sight."""
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
    further = [version for answer in answers for version in answer]
    if (held := read(id)) is not None:
        further.append(Version(held))
    visible_ones = [(one, visible(one.document, seen)) for one in further]
    versions = [replace(one, document=part) for one, part in visible_ones if part is not None]
    versions.insert(0, Version(document, passed.source))
    return joining.join(versions, proxied(several), asking.now) or document


def _judged(interest: Interest, document: Document, seen: Visibility | None, here: bool) -> Selection:
    """Judge by all that is asked where no source does; of what is gone there is nothing left to judge but its type."""
    selection = interest.selection
    if not here or "deletedAt" in document:
        selection = Selection(selection.selectors)
    return selection if seen is None else replace(selection, visibility=seen)
