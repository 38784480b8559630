"""What the published forms have in common when a row becomes an entity."""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from broker.load.values import Notes, Unusable, coordinates, flag
from schemas import catalogue

Entity = dict[str, Any]
Build = Callable[[Sequence[Any], Notes], Entity]

HAZARDS: Final = (
    ("洪水", "flood"),
    ("崖崩れ、土石流及び地滑り", "landslide"),
    ("高潮", "stormSurge"),
    ("地震", "earthquake"),
    ("津波", "tsunami"),
    ("大規模な火事", "greatFire"),
    ("内水氾濫", "inlandFlood"),
    ("火山現象", "eruption"),
)
_BLANKS = re.compile(r"\s+")

# IRIs stand in the entities themselves: whatever @context a broker knows, they mean the same everywhere
IRI: Final = {**catalogue.context(), **catalogue.CORE_TERMS}


@dataclass(frozen=True, slots=True)
class Form:
    """A recognised form: what it is called, the type of its entities, the attributes it decides on, row → entity."""

    name: str
    type: str
    attributes: frozenset[str]
    build: Build


def iris(*names: str) -> frozenset[str]:
    """Expand several terms."""
    return frozenset(IRI[name] for name in names)


def a_property(value: Any) -> dict[str, Any]:
    """Write a Property."""
    return {"type": "Property", "value": value}


TRUE: Final = a_property(True)
FALSE: Final = a_property(False)


def one_line(text: str) -> str:
    """Write a cell on one line: quoted line breaks and runs of blanks become one blank."""
    return _BLANKS.sub(" ", text).strip() if not text.isprintable() or "  " in text else text.strip()


def some_text(value: str) -> str:
    """Write a cell that may have several lines."""
    return value.strip().replace("\r\n", "\n").replace("\r", "\n")


def a_point(cells: Sequence[Any], latitude: int, longitude: int, notes: Notes) -> dict[str, Any] | None:
    """Write the location of a row, if it has one."""
    place = coordinates(cells[latitude], cells[longitude])
    if place is None:
        notes.add("the row has no coordinates; the place will be in lists but not on the map")
        return None
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": place}}


def hazard_reader(
    columns: dict[str, int], prefix: str
) -> Callable[[Sequence[Any], Notes], dict[str, Any] | None]:
    """Give the function that reads the eight hazard columns of a row."""
    named = [(columns[prefix + name], name, code) for name, code in HAZARDS]
    pick = itemgetter(*(place for place, _, _ in named))

    @functools.lru_cache(512)
    def plainly(flags: tuple[str, ...]) -> dict[str, Any] | None:
        if any(sign not in ("", "1") for sign in flags):
            raise Unusable
        codes = [code for sign, (_, _, code) in zip(flags, named, strict=True) if sign]
        return a_property(codes) if codes else None

    def read(cells: Sequence[Any], notes: Notes) -> dict[str, Any] | None:
        try:
            return plainly(pick(cells))
        except Unusable:
            codes = [code for place, name, code in named if flag(cells[place], name, notes)]
            return a_property(codes) if codes else None

    return read
