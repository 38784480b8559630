"""Running a query: the way through the tables, the exact re-check, the page, the limits. (5.7.2, 5.5.9)"""

import contextlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge, nsmallest
from itertools import islice
from time import monotonic
from typing import Any, Final

import apsw

from base.database import Connection, snapshot
from base.errors import TooComplexQuery
from broker.language import evaluation
from broker.language.ordering import Keys, Ordering
from broker.language.selection import Selection, Window
from broker.language.visibility import Visibility, visible
from broker.model.document import Document
from broker.model.expiry import living
from broker.store.contract import Page, Stamp
from broker.store.sqlite import entities, tally
from broker.store.sqlite.names import Names
from broker.store.sqlite.reading import parts_of
from broker.store.sqlite.translation import Translator
from broker.store.sqlite.way import Way

INLINE_DOCUMENTS: Final = 64
INLINE_SECONDS: Final = 0.004
_STEPS: Final = 4_000
_BLOCK: Final = 4_000
_TOGETHER: Final = 200


class Unfinished(Exception):
    """A query that takes longer than it was given."""


@dataclass(slots=True)
class Budget:
    """What one run of a query may cost, and what it did."""

    seconds: float
    documents: int | None = None
    scanned: int = 0
    end: float = field(init=False)

    def __post_init__(self) -> None:
        self.end = monotonic() + self.seconds

    def scan(self) -> None:
        """Account for one document read; Unfinished when that was one too many."""
        self.scanned += 1
        if self.documents is not None and self.scanned > self.documents:
            raise Unfinished
        if self.scanned % 64 == 0 and monotonic() > self.end:
            raise Unfinished

    def over(self) -> bool:
        """Say whether the time is up."""
        return monotonic() > self.end


def find(
    connection: Connection, names: Names, selection: Selection, window: Window, now: int, budget: Budget
) -> Page:
    """Find a page of entities within the budget; Unfinished when it does not suffice."""
    with _within(connection, budget):
        return _find(connection, names, selection, window, now, budget)


def order(
    connection: Connection, names: Names, selection: Selection, ordering: Ordering, now: int, budget: Budget
) -> "array[int]":
    """Give the keys of all entities selected, in an order; Unfinished when the budget does not suffice."""
    with _within(connection, budget):
        condition = Translator(connection, names, selection.visibility).selection(selection)
        way = Way(connection, condition, condition.exact if condition else _everything(selection), None)
        hits = _hits(way, selection, ordering.attributes, now, budget)
        rows = ((key, stamp.key) for key, stamp in _keyed(hits, ordering.keys))
        # in blocks: a long sort would not let other threads of Python run
        blocks = list(iter(lambda: sorted(islice(rows, _BLOCK)), []))
        return array("q", [key for _, key in merge(*blocks)])


def tallied(
    connection: Connection, names: Names, visibility: Visibility, now: int, budget: Budget
) -> dict[tally.Entry, int]:
    """Count types and attributes of what is visible; Unfinished when the budget does not suffice. (5.7.5, 5.7.8)"""
    with _within(connection, budget):
        selection = Selection(visibility=visibility)
        condition = Translator(connection, names, visibility).selection(selection)
        way = Way(connection, condition, condition.exact if condition else _everything(selection), None)
        counters: Counter[tally.Entry] = Counter()
        for _, document in _hits(way, selection, frozenset(), now, budget, whole=True):
            counters.update(tally.entries(document))
        return counters


def counters(connection: Connection, expired: Sequence[str], now: int) -> dict[tally.Entry, int]:
    """Read the counters, corrected by what has expired but is not removed yet. (5.7.5, 5.7.8)"""
    counted = tally.read(connection)
    for id in expired:
        row = entities.find(connection, id)
        if row:
            for entry in tally.entries(row.document) - tally.entries(living(row.document, now)):
                counted[entry] = counted.get(entry, 0) - 1
    return counted


@contextlib.contextmanager
def _within(connection: Connection, budget: Budget) -> Iterator[None]:
    """Read one state of the database, for no longer than the budget allows."""
    with snapshot(connection):
        # only around the reading: the end of the snapshot must not be interrupted as well
        connection.set_progress_handler(budget.over, _STEPS)
        try:
            yield
        except apsw.InterruptError as error:
            raise Unfinished from error
        finally:
            connection.set_progress_handler(None)


def too_complex(seconds: float) -> TooComplexQuery:
    """Say that a query took too long."""
    return TooComplexQuery(
        f"The query needs more than {seconds:g} seconds; narrow it by type, id, scope or area."
    )


def _find(
    connection: Connection, names: Names, selection: Selection, window: Window, now: int, budget: Budget
) -> Page:
    condition = Translator(connection, names, selection.visibility).selection(selection)
    exact = condition.exact if condition else _everything(selection)
    every = window.ordering is not None or window.by_id or (window.count and not exact)
    way = Way(connection, condition, exact, None if every else window.offset + window.limit + 1)
    if window.ordering:
        ordering = window.ordering
        return _cut_in_order(way, selection, window, ordering.keys, ordering.attributes, now, budget)
    if way.exact and not connection.execute("SELECT 1 FROM entity WHERE expires <= ? LIMIT 1", (now,)).get:
        return _cut_by_sql(way, window)
    if window.by_id:
        return _cut_in_order(way, selection, window, _ids, frozenset(), now, budget)
    return _cut_by_evaluation(way, selection, window, now, budget)


def _cut_by_sql(way: Way, window: Window) -> Page:
    count = way.count() if window.count else None
    stamps = (way.stamps_by_id if window.by_id else way.stamps)(window.limit + 1, window.offset)
    return Page(stamps[: window.limit], count, len(stamps) > window.limit)


def _cut_by_evaluation(way: Way, selection: Selection, window: Window, now: int, budget: Budget) -> Page:
    stamps: list[Stamp] = []
    hits = 0
    enough = window.offset + window.limit
    for stamp, _ in _hits(way, selection, frozenset(), now, budget):
        hits += 1
        if window.offset < hits <= enough:
            stamps.append(stamp)
        elif hits > enough and not window.count:
            break
    return Page(stamps, hits if window.count else None, hits > enough)


def _cut_in_order(
    way: Way,
    selection: Selection,
    window: Window,
    sorting: Keys,
    looked_at: frozenset[str],
    now: int,
    budget: Budget,
) -> Page:
    """Look at all, and keep no more than what is first in the order up to the end of the page. (4.23)"""
    hits = 0

    def keyed() -> Iterator[tuple[Any, int, Stamp]]:
        nonlocal hits
        for key, stamp in _keyed(_hits(way, selection, looked_at, now, budget), sorting):
            hits += 1
            yield key, stamp.key, stamp

    enough = window.offset + window.limit
    first = nsmallest(enough, keyed())
    stamps = [stamp for _, _, stamp in first[window.offset :]]
    return Page(stamps, hits if window.count else None, hits > enough)


def _ids(documents: Sequence[Document]) -> Sequence[Any]:
    return [document["id"] for document in documents]


def _keyed(hits: Iterator[tuple[Stamp, Document]], sorting: Keys) -> Iterator[tuple[Any, Stamp]]:
    """Give what sorts each entity; some are looked at together, as distances are measured faster so."""
    while some := list(islice(hits, _TOGETHER)):
        keys = sorting([document for _, document in some])
        yield from zip(keys, (stamp for stamp, _ in some), strict=True)


def _hits(
    way: Way,
    selection: Selection,
    looked_at: frozenset[str],
    now: int,
    budget: Budget,
    *,
    whole: bool = False,
) -> Iterator[tuple[Stamp, Document]]:
    """Run through the entities selected, each with (at least) the attributes looked at, or whole."""

    def resolve(id: str) -> Document | None:
        stored = entities.document(way.connection, id, now)
        return stored.document if stored else None

    for key, version, expires, document in way.documents(None if whole else _parts(selection, looked_at)):
        budget.scan()
        alive: Document | None = document
        certain = way.exact
        if expires is not None and expires <= now:
            alive, certain = living(document, now), False
        if alive is None:
            continue
        seen = (
            visible(alive, selection.visibility) if certain else evaluation.found(selection, alive, resolve)
        )
        if seen is not None:
            yield Stamp(seen["id"], version, expires, key), seen


def _parts(selection: Selection, looked_at: frozenset[str]) -> tuple[str, ...] | None:
    """Name the attributes that are looked at; None: all, for they tell when what is visible was modified."""
    if selection.visibility is not None and selection.visibility.limited:
        return None
    names = selection.attrs | looked_at
    if selection.q:
        names |= selection.q.attributes
    if selection.geo:
        names |= {selection.geo.geoproperty}
    return parts_of(names)


def _everything(selection: Selection) -> bool:
    visibility = selection.visibility
    if visibility is not None and not visibility.everywhere:
        return False
    return selection == Selection(dataset_ids=selection.dataset_ids, visibility=visibility)
