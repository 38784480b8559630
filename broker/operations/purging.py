"""Purging entities, here and at the registered sources that hold such. (5.6.21, 6.4.3.3)"""

from collections.abc import Iterator, Mapping
from typing import Final

from base.errors import BadRequestData, NotPermitted, Problem
from base.jsonld import TermTable
from broker.federation import Asking, Directed, Request, entity_requests, narrowing, settling
from broker.federation.settling import Part
from broker.federation.splitting import CHANGED, PROXIED
from broker.language.selection import Window
from broker.language.sources import Match, SourceSelection
from broker.model import merge
from broker.model.document import Document
from broker.operations import asked, distributed, entities
from broker.operations.asked import Wanted
from broker.operations.call import NO_CONTENT, Answer, Broker, Call, Params
from broker.operations.rendering import dump
from broker.store.contract import EntityChange, Rule, TenantStore

PURGE_PAGE = 500
_OPERATION: Final = "purgeEntity"
_SELECTING: Final = frozenset({"type", "id", "idPattern", "attrs", "drop"})
_STAYING: Final = frozenset({"local", "csf", "geometryProperty"})


async def purge_entities(call: Call, broker: Broker) -> Answer:
    """Delete all entities, or some attributes of all entities, that a query selects. (5.6.21, 6.4.3.3)"""
    if not call.local_caller:
        raise NotPermitted(
            "Purge needs a permission that anonymous callers do not have here; delete entities by id."
        )
    params = Params({name: value for name, value in call.params.items() if name != "geometryProperty"})
    wanted = asked.from_params(params, call.context.table, False, entities.limits(broker.settings))
    if wanted.selection.q is not None and wanted.selection.q.depth:
        raise BadRequestData("A purge cannot follow Relationships; select by the entities' own attributes.")
    if not wanted.narrow_enough():
        raise BadRequestData("The purge is too wide; give type, attrs, q or georel, or local=true.")
    rule = _rule(call)
    store = broker.catalogue.open(call.tenant)
    asking = distributed.asking(call, broker)
    parts = [] if asking is None else await _elsewhere(call, broker, asking, wanted)
    ids, refused = await _here(call, broker, store, wanted, rule)
    return _answer(ids, refused, parts)


def _rule(call: Call) -> Rule:
    drop = asked.names(call.params.get("drop"), call.context.table)
    keep = asked.names(call.params.get("keep"), call.context.table)
    if drop and keep:
        raise BadRequestData("keep and drop exclude each other.")

    def rule(current: Document | None) -> Document | None:
        if current is None or not (drop or keep):
            return None
        return merge.purge_attributes(current, call.now, drop=drop or None, keep=keep or None)

    return rule


async def _here(
    call: Call, broker: Broker, store: TenantStore, wanted: Wanted, rule: Rule
) -> tuple[list[str], list[tuple[str, Problem]]]:
    ids: list[str] = []
    while True:
        found = await store.query(wanted.selection, Window(PURGE_PAGE, len(ids)), call.now)
        ids += [stamp.id for stamp in found.stamps]
        if not found.more:
            break
    refused: list[tuple[str, Problem]] = []
    for start in range(0, len(ids), PURGE_PAGE):
        changes = [EntityChange(id, rule) for id in ids[start : start + PURGE_PAGE]]
        outcomes = await store.change(changes, call.now, broker.notifier.react_for(call.tenant))
        told = zip(changes, outcomes, strict=True)
        refused += [(change.id, outcome.problem) for change, outcome in told if outcome.problem is not None]
    return ids, refused


async def _elsewhere(call: Call, broker: Broker, asking: Asking, wanted: Wanted) -> list[Part]:
    """Ask the sources to purge what the request selects, each no more than it is registered for. (5.6.21.4, 4.3.6.1)"""
    selection = wanted.selection
    sought = SourceSelection(selection.selectors, selection.attrs, csf=wanted.csf)
    parts: list[Part] = []
    directed: list[Directed] = []
    for match in broker.federation.matches(asking, sought, CHANGED):
        if broker.federation.loops(asking, match.source):
            continue
        if _OPERATION in match.source.operations:
            requests = _requests(call, match, wanted)
            directed += [Directed(match.source, Request("DELETE", "/entities", one)) for one in requests]
        elif match.source.mode in PROXIED:
            parts.append(settling.not_offered(match.source))
    outcomes = await broker.federation.ask(asking, directed)
    return parts + [settling.part_of(outcome, (), call.context.table.iri) for outcome in outcomes]


def _requests(call: Call, match: Match, wanted: Wanted) -> Iterator[Mapping[str, str]]:
    table = call.context.table
    left = {
        name: text for name, text in call.params.items() if name not in _SELECTING and name not in _STAYING
    }
    for part in narrowing.narrow(match, wanted.selection.selectors, wanted.selection.attrs):
        dropped = _dropped(call, match, table)
        if dropped is None or dropped:
            yield {**_selected(part, table), **left, **({"drop": dropped} if dropped else {})}


def _dropped(call: Call, match: Match, table: TermTable) -> str | None:
    """Name what is to be dropped of what the source is registered for; '': nothing of that."""
    if "drop" not in call.params:
        return None
    names = asked.names(call.params["drop"], table)
    if all(info.attributes for info in match.information):
        names = names.intersection(
            *[frozenset[str]().union(*(info.attributes for info in match.information))]
        )
    return ",".join(sorted(map(table.term, names)))


def _selected(part: narrowing.Part, table: TermTable) -> dict[str, str]:
    selector, params = part.selector, dict[str, str]()
    if selector.types is not None:
        params["type"] = entity_requests.written(selector.types, table)
    if selector.ids:
        params["id"] = ",".join(selector.ids)
    elif selector.id_pattern is not None:
        params["idPattern"] = selector.id_pattern
    if part.attributes:
        params["attrs"] = ",".join(sorted(map(table.term, part.attributes)))
    return params


def _answer(ids: list[str], refused: list[tuple[str, Problem]], parts: list[Part]) -> Answer:
    """Answer 204, an error, or 207 with what could not be purged, here or elsewhere. (6.4.3.3)"""
    errors = [{"entityId": id, "error": problem.body()} for id, problem in refused]
    errors += [error for part in parts for error in settling.errors_of(None, part)]
    if not errors:
        return NO_CONTENT
    if not ids and (problem := settling.refusal(parts)) is not None:
        raise problem
    kept = {id for id, _ in refused}
    return Answer(207, dump({"success": [id for id in ids if id not in kept], "errors": errors}))
