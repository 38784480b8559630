"""Changes that concern registered sources too: shared out, passed on, done here, told together. (4.3.6, 5.6)

The sources are asked first and what remains is committed here last (decision 15). (5.6.1.4)
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from base.errors import Problem, ResourceNotFound
from base.jsonld import TermTable
from broker.federation import Asking, Directed, Request, settling, splitting
from broker.federation.settling import Fault, Part
from broker.federation.splitting import CHANGED, Attributes, Given, Share, Split
from broker.language import types
from broker.language.selection import EntitySelector
from broker.language.sources import Match, SourceSelection
from broker.language.types import TypeSelection
from broker.model.document import Document
from broker.model.merge import UpdateResult
from broker.operations.call import NO_CONTENT, Answer, Broker, Call
from broker.operations.rendering import dump

Here = Callable[[Document], Awaitable[UpdateResult | None]]
"""Does here what remains of a change."""


@dataclass(frozen=True, slots=True)
class Kind:
    """An operation as sources are asked for it: its name (4.20), method and path below the entity."""

    operation: str
    method: str
    tail: str = ""
    merge_patch: bool = False


CREATE = Kind("createEntity", "POST")
REPLACE = Kind("replaceEntity", "PUT")
MERGE = Kind("mergeEntity", "PATCH", merge_patch=True)
DELETE = Kind("deleteEntity", "DELETE")
UPDATE = Kind("updateEntity", "PATCH", "/attrs/", merge_patch=True)
APPEND = Kind("appendAttrs", "POST", "/attrs/")
UPDATE_ATTRIBUTE = Kind("updateAttrs", "PATCH", merge_patch=True)
REPLACE_ATTRIBUTE = Kind("replaceAttrs", "PUT")
DELETE_ATTRIBUTE = Kind("deleteAttrs", "DELETE")


async def change_entity(
    call: Call, broker: Broker, asking: Asking, kind: Kind, document: Document, here: Here
) -> list[Part]:
    """Change an entity by a whole document or a fragment, wherever its parts belong. (5.6.1-5.6.3, 5.6.17, 5.6.18)"""
    id: str = call.path.get("entityId") or document["id"]
    given = Given(
        id,
        frozenset(document.get("type", ())),
        held(call, broker, id),
        splitting.attributes_of(document),
        "scope" in document or "expiresAt" in document,
    )
    shares = split(call, broker, asking, {kind.operation}, given)
    path = "/entities" if kind is CREATE else f"/entities/{quote(id, safe=':')}{kind.tail}"
    parts = await told(
        broker,
        asking,
        shares,
        lambda share: Request(
            kind.method,
            path,
            kept_to(call, share),
            splitting.reduced(call.body, share, call.context.table),
            kind.merge_patch,
        ),
    )
    if shares.local or (kind is REPLACE and given.held):
        rest = splitting.remaining(document, shares.rest) if shares.taken else document
        names = names_of(shares.rest) or frozenset({"scope"})
        parts.append(await done_here(here(rest), names))
    return parts


async def replace_entity(
    call: Call, broker: Broker, asking: Asking, document: Document, here: Here
) -> list[Part]:
    """Replace an entity wherever its parts are; it need not be here if all its attributes are elsewhere. (5.6.18.4)"""
    parts = await change_entity(call, broker, asking, REPLACE, document, here)
    return unless_elsewhere(parts)


def unless_elsewhere(parts: list[Part]) -> list[Part]:
    """Leave out that something is not here, where sources took all that was to be done here. (5.6.18.4)"""
    kept = names_of(*(part.names for part in parts if part.source is not None and part.complete))
    return [part for part in parts if not (_absent_here(part) and len(parts) > 1 and part.names <= kept)]


async def delete_entity(call: Call, broker: Broker, asking: Asking, id: str, here: Here) -> list[Part]:
    """Delete an entity wherever it is; it need not be here. (5.6.6.4)"""
    given = Given(id, held=held(call, broker, id))
    shares = split(call, broker, asking, {DELETE.operation}, given)
    path = f"/entities/{quote(id, safe=':')}"
    parts = await told(
        broker, asking, shares, lambda share: Request(DELETE.method, path, kept_to(call, share))
    )
    own = await done_here(here({}), ())
    return parts if parts and _absent_here(own) else [*parts, own]


async def change_attribute(
    call: Call,
    broker: Broker,
    asking: Asking,
    kind: Kind,
    attributes: Attributes,
    here: Callable[[frozenset[str]], Awaitable[None]],
) -> list[Part]:
    """Change one attribute, at the sources that alone hold it or else here and at others. (5.6.4, 5.6.5, 5.6.19)"""
    id = call.path["entityId"]
    given = Given(id, held=held(call, broker, id), attributes=attributes)
    shares = split(call, broker, asking, {kind.operation}, given)
    path = f"/entities/{quote(id, safe=':')}/attrs/{quote(call.path['attrId'], safe='')}"
    parts = await told(
        broker,
        asking,
        shares,
        lambda share: Request(
            kind.method, path, kept_to(call, share), _attribute_body(call.body, share), kind.merge_patch
        ),
    )
    if shares.local:
        (datasets,) = shares.rest.values()
        parts.append(await done_here(here(datasets), attributes))
    return parts


def _attribute_body(body: Any, share: Share) -> Any:
    if isinstance(body, dict):
        return {name: value for name, value in body.items() if name != "@context"}
    (datasets,) = share.attributes.values()
    return splitting.covered_instances(body, datasets)


def split(
    call: Call,
    broker: Broker,
    asking: Asking,
    operations: Collection[str],
    given: Given,
    find: Callable[[SourceSelection], Iterable[Match]] | None = None,
) -> Split:
    """Share a change out among the registrations that match it. (5.12)"""
    selection = TypeSelection(tuple((name,) for name in given.types)) if given.types else None
    if "type" in call.params:
        named = types.parse(call.params["type"], call.context.table)
        selection, given = named, replace(given, types=named.types, held=frozenset())
    wanted = SourceSelection(
        (EntitySelector((given.id,), None, selection),), frozenset(given.attributes or ())
    )
    matches = find(wanted) if find is not None else broker.federation.matches(asking, wanted, CHANGED)
    return splitting.split(given, matches, operations, lambda source: broker.federation.loops(asking, source))


async def told(
    broker: Broker, asking: Asking, shares: Split, request: Callable[[Share], Request]
) -> list[Part]:
    """Pass each share on to its source, all at once; a source that offers no such change is a Conflict. (5.6.1.4)"""
    directed = [Directed(share.source, request(share)) for share in shares.shares if share.offered]
    outcomes = iter(await broker.federation.ask(asking, directed))
    table = asking.context.table
    return [
        settling.part_of(next(outcomes), names_of(share.attributes) or {"scope"}, table.iri)
        if share.offered
        else settling.not_offered(share.source, share.attributes)
        for share in shares.shares
    ]


async def done_here(change: Awaitable[UpdateResult | None], names: Iterable[str]) -> Part:
    """Do what remains here and say what came of it."""
    try:
        result = await change
    except Problem as problem:
        return settling.failed(None, names, problem)
    if result is None:
        return Part(None, frozenset(names))
    refused = [Fault(ResourceNotFound(reason).body(), attribute) for attribute, reason in result.not_updated]
    return Part(None, frozenset(result.updated or names), None, tuple(refused))


def passed_on(call: Call) -> Mapping[str, str]:
    """Give the parameters that a request is passed on with. (6.3.18)"""
    return {name: value for name, value in call.params.items() if name != "local"}


def kept_to(call: Call, share: Share) -> Mapping[str, str]:
    """Give the parameters that a change is passed on with, which keep it to registered types. (4.3.6.1)"""
    return {**passed_on(call), **types_asked(share, call.context.table)}


def types_asked(share: Share, table: TermTable) -> Mapping[str, str]:
    """Ask for the types a source is registered for where nobody knows which the entity has. (4.3.6.1, 4.17)"""
    return {"type": "|".join(sorted(map(table.term, share.unsaid)))} if share.unsaid else {}


def names_of(*names: Iterable[str]) -> frozenset[str]:
    """Join names of attributes."""
    return frozenset().union(*names)


def _absent_here(part: Part) -> bool:
    return part.source is None and isinstance(part.refused, ResourceNotFound)


def held(call: Call, broker: Broker, id: str) -> frozenset[str]:
    """Name the types of an entity as it is held here; none: it is not."""
    stored = broker.catalogue.open(call.tenant).document(id, call.now)
    return frozenset(stored.document["type"]) if stored is not None else frozenset()


def as_batch(id: str, parts: list[Part], success: Answer = NO_CONTENT) -> Answer:
    """Answer with success, an error, or 207 and a BatchOperationResult. (5.2.16, 6.3.17)"""
    if all(part.complete for part in parts):
        return success
    if (problem := settling.refusal(parts)) is not None:
        raise problem
    return Answer(207, dump(settling.batch_result(id, parts)), headers=success.headers)


def as_update(parts: list[Part]) -> Answer:
    """Answer 204, an error, or 207 and an UpdateResult. (5.2.18, 6.3.17)"""
    if all(part.complete for part in parts):
        return NO_CONTENT
    if (problem := settling.refusal(parts)) is not None:
        raise problem
    return Answer(207, dump(settling.update_result(parts)))
