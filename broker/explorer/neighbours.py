"""What the page of a neighbourhood asks: shelters here and next door, who gave each, who is missing. (4.3.6, 5.14)"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from broker.explorer.asking import API, Asking, Search, Unanswered, distance, point, total_of
from schemas import catalogue

SHELTERS: Final = ("EvacuationShelter", "EvacuationSite", "DesignatedShelter")
PLACES: Final = 100
"""Entities on a page."""
MOST: Final = 1_000
"""Entities asked for at once, from which the pages are made."""
LIFETIME: Final = "PT20S"
"""How long the map of who holds what is kept; it is read at once."""
_WARNING: Final = re.compile(r'(\d{3}) (\S+) "((?:[^"\\]|\\.)*)"')
_LOOP: Final = "The request came through"  # in a ring of towns, each answers once
_MISSING: Final = {"111": "garbled", "199": "silent", "299": "refused"}
_HERE: Final = "@none"
_FORBIDDEN: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Town:
    """Who may hold shelters: this broker, or a registered source; `missing` says why it gave none now."""

    number: int
    name: str
    id: str
    alias: str = ""
    missing: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Gathered:
    """A page of shelters of all towns, and for each of them the number of its town if that is known."""

    entities: list[dict[str, Any]]
    towns: list[Town]
    origin: Mapping[str, int]
    total: int
    reachable: int


async def towns(asking: Asking, own: str) -> list[Town]:
    """Name this broker and the sources registered for shelters; nobody if a policy hides them. (5.10.2)"""
    asked = {"type": ",".join(map(catalogue.iri, SHELTERS)), "limit": "200"}
    try:
        _, registered = await asking.get(f"{API}/csourceRegistrations?{urlencode(asked)}")
    except Unanswered as problem:
        if problem.code not in _FORBIDDEN:
            raise
        return []
    found = [Town(0, own, _HERE)]
    for number, body in enumerate(registered, 1):
        alias = str(body.get("contextSourceAlias", ""))
        name = str(body.get("registrationName") or alias or body["id"])
        found.append(Town(number, name, str(body["id"]), alias))
    return found


async def gather(asking: Asking, search: Search, own: str) -> Gathered:
    """Ask all towns at once for a page of shelters. (5.7.2)"""
    known = await towns(asking, own)
    kinds = [search.type] if search.type in SHELTERS else SHELTERS
    asked = {
        **replace(search, type=",".join(map(catalogue.iri, kinds)), around=True).parameters(),
        "format": "simplified",
        "count": "true",
        "limit": str(MOST),
    }
    mapped = {"entityMap": "true", "entityMapLifetime": LIFETIME} if len(known) > 1 else {}
    headers, entities = await asking.get(f"{API}/entities?{urlencode(asked | mapped)}")
    origin, counts = await _origins(asking, headers, known)
    missing = _missing(headers)
    total = total_of(headers)
    page = slice((search.page - 1) * PLACES, search.page * PLACES)
    if search.near:
        shown = sorted(entities, key=lambda entity: distance(search.near, point(entity)))[page]
    else:
        shown = _mixed(entities, origin)[page]
        shown.sort(key=lambda entity: origin.get(str(entity["id"]), 0))  # a town's places stand together
    named = {name for town in known for name in (town.alias, town.id)}
    known = [
        replace(town, missing=missing.get(town.alias or town.id, ""), count=counts[town.number])
        for town in known
    ]
    for agent in missing.keys() - named:
        known.append(Town(len(known), agent, "", missing=missing[agent]))
    return Gathered(shown, known, origin, total, min(total, MOST))


def _mixed(entities: list[dict[str, Any]], origin: Mapping[str, int]) -> list[dict[str, Any]]:
    """Take from each town in turn, so that every page shows something of all of them."""
    taken: Counter[int] = Counter()
    ranked = []
    for entity in entities:
        town = origin.get(str(entity["id"]), 0)
        ranked.append((taken[town], town, entity))
        taken[town] += 1
    ranked.sort(key=lambda one: one[:2])
    return [entity for _, _, entity in ranked]


async def _origins(
    asking: Asking, headers: Mapping[str, str], known: list[Town]
) -> tuple[dict[str, int], Counter[int]]:
    """Read in the entity map who holds which entity; nothing if there is no map. (5.14.1, 5.2.39)"""
    location = headers.get("NGSILD-EntityMap")
    if location is None:
        return {}, Counter()
    try:
        _, body = await asking.get(location)
        numbers = {town.id: town.number for town in known}
        origin = {}
        for id, holders in body["entityMap"].items():
            named = [numbers[one] for one in holders if one in numbers]
            if named:
                origin[id] = min(named)
    except (Unanswered, KeyError, TypeError, AttributeError):
        return {}, Counter()  # the shelters can be shown without saying whose they are
    return origin, Counter(origin.values())


def _missing(headers: Mapping[str, str]) -> dict[str, str]:
    """Read in the warnings who gave nothing, by alias or registration, and why. (6.3.17)"""
    getall = getattr(headers, "getall", None)
    told = getall("NGSILD-Warning", []) if getall else [headers.get("NGSILD-Warning", "")]
    return {
        agent: _MISSING[code]
        for code, agent, text in _WARNING.findall(", ".join(told))
        if code in _MISSING and not text.startswith(_LOOP)
    }
