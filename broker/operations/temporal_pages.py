"""The Temporal Evolutions of a page: read within the scopes asked for, cut in the order of time. (5.7.4.4, 6.3.10)"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from base import clock
from broker.language import scope as scopes
from broker.language.scope import ScopeQuery
from broker.language.span import Span
from broker.language.timerel import TemporalQuery
from broker.model.document import SCOPE, Instance
from broker.model.duration import LAST
from broker.model.temporal import is_deletion, moment
from broker.operations.temporal_asked import TemporalWanted
from broker.store.evolution import Asked, Evolution, Evolutions

Instances = dict[str, list[Instance]]


@dataclass(frozen=True, slots=True)
class Pages:
    """Evolutions by entity id; `cut` is set where instances beyond that time are left out. (6.3.10)"""

    evolutions: Mapping[str, Instances]
    cut: int | None


async def read(history: Evolutions, ids: Iterable[str], wanted: TemporalWanted, most: int) -> Pages:
    """Read what is wanted of each entity, no more than `most` instances altogether. (6.3.10)"""
    found: dict[str, Instances] = {}
    cut: int | None = None
    count = 0
    for id in ids:
        await asyncio.sleep(0)  # others have their turn between two entities
        evolution = await _evolution(history, id, wanted, most, cut)
        found[id] = evolution.instances
        cut = _tighter(cut, evolution.cut, wanted)
        count += _count(evolution.instances)
        if count > 2 * most:  # now and then, for it looks at all of them
            found, cut = await asyncio.to_thread(_trimmed, found, wanted, most, cut)
            count = sum(map(_count, found.values()))
    if count > most:
        return Pages(*await asyncio.to_thread(_trimmed, found, wanted, most, cut))
    return Pages(*_trimmed(found, wanted, most, cut))


def _count(evolved: Instances) -> int:
    return sum(map(len, evolved.values()))


def _trimmed(
    found: dict[str, Instances], wanted: TemporalWanted, most: int, cut: int | None
) -> tuple[dict[str, Instances], int | None]:
    """Leave out what lies beyond the cut, and cut earlier where there is still too much."""
    if sum(map(_count, found.values())) > most:
        cut = _tighter(cut, _limit(found.values(), wanted, most), wanted)
    if cut is not None:
        found = {id: _within(evolved, wanted, cut) for id, evolved in found.items()}
    return found, cut


async def _evolution(
    history: Evolutions, id: str, wanted: TemporalWanted, most: int, cut: int | None
) -> Evolution:
    """Read one entity: only as far as the page goes, only while it was in a scope asked for. (5.7.4.4)"""
    span = wanted.query.span
    if span is not None and cut is not None:
        span = _until(span, cut, wanted.query)
    query = wanted.selection.scope
    if query is None or span is None:
        return await history.evolution(id, wanted.instances(most, span))
    return await _in_scopes(history, id, wanted, most, span, query)


def _until(span: Span, cut: int, query: TemporalQuery) -> Span:
    return replace(span, end=cut + 1) if query.last_n is None else replace(span, start=cut)


async def _in_scopes(
    history: Evolutions, id: str, wanted: TemporalWanted, most: int, span: Span, query: ScopeQuery
) -> Evolution:
    """Read the instances from while a scope asked for was valid, and these scopes. (4.18, C.5.16)"""
    there = await valid(history, id, span, query)
    parts = [await history.evolution(id, wanted.instances(most, part)) for part, _ in there]
    merged: Instances = {}
    cut: int | None = None
    for part in parts:
        cut = _tighter(cut, part.cut, wanted)
        for attr, held in part.instances.items():
            if attr != SCOPE:
                merged.setdefault(attr, []).extend(held)
    if wanted.query.last_n is not None:
        merged = {attr: held[-wanted.query.last_n :] for attr, held in merged.items()}
    if wanted.attrs is None or SCOPE in wanted.attrs:
        merged[SCOPE] = [instance for _, instance in there]
    return Evolution(merged, cut)


async def valid(history: Evolutions, id: str, span: Span, query: ScopeQuery) -> list[tuple[Span, Instance]]:
    """Say from when to when, within a span, an entity was in the scopes asked for: until the scope changed. (4.18)"""
    known = (await history.evolution(id, Asked(attrs=frozenset({SCOPE})))).instances.get(SCOPE, [])
    starts = [moment(instance, span.property) for instance in known]
    there = []
    for instance, began, ended in zip(known, starts, [*starts[1:], LAST], strict=False):
        start = began if span.start is None else max(began, span.start)
        end = ended if span.end is None else min(ended, span.end)
        held = not is_deletion(instance) and scopes.matches(query, instance["value"])
        if held and start < end:
            there.append((Span(span.property, start, end), instance))
    return there


def times(evolutions: Iterable[Instances], wanted: TemporalWanted) -> list[int]:
    """Give the times of all instances but scopes, which may have begun before the range."""
    name = wanted.form.timeproperty
    return [
        moment(instance, name)
        for evolved in evolutions
        for attr, held in evolved.items()
        if attr != SCOPE
        for instance in held
    ]


def _limit(evolutions: Iterable[Instances], wanted: TemporalWanted, most: int) -> int | None:
    """Find the time where a page of so many instances ends; instances of one time stay together."""
    ordered = sorted(times(evolutions, wanted), reverse=wanted.query.last_n is not None)
    if len(ordered) <= most:
        return None
    last = ordered[most - 1]
    if last != ordered[most]:
        return last
    return next((at for at in reversed(ordered[:most]) if at != last), last)


def _within(evolved: Instances, wanted: TemporalWanted, cut: int) -> Instances:
    """Leave out what lies beyond the cut. (6.3.10)"""
    name, backward = wanted.form.timeproperty, wanted.query.last_n is not None

    def inside(instance: Instance) -> bool:
        at = moment(instance, name)
        return at >= cut if backward else at <= cut

    kept = {
        attr: held if attr == SCOPE else [one for one in held if inside(one)]
        for attr, held in evolved.items()
    }
    return {attr: held for attr, held in kept.items() if held}


def _tighter(one: int | None, other: int | None, wanted: TemporalWanted) -> int | None:
    given = [cut for cut in (one, other) if cut is not None]
    if not given:
        return None
    return min(given) if wanted.query.last_n is None else max(given)


def content_range(pages: Pages, wanted: TemporalWanted) -> str:
    """Write Content-Range: the range of time that the page covers. (6.3.10)"""
    at = sorted(times(pages.evolutions.values(), wanted)) or [pages.cut or 0]
    span = wanted.query.span
    if wanted.query.last_n is None:
        first = span.start if span is not None and span.start is not None else at[0]
        return f"DateTime {text(first)}-{text(at[-1])}/*"
    first = span.end if span is not None and span.end is not None else at[-1]
    return f"DateTime {text(first)}-{text(at[0])}/{wanted.query.last_n}"


def text(moment: int) -> str:
    """Write a DateTime, without a fraction of a second where it has none. (4.6.3)"""
    return clock.show(moment).replace(".000Z", "Z")
