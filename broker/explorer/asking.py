"""What the pages ask of the broker, in the words of its own interface. (6.4, 6.5, 6.25)"""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from base.errors import Problem
from schemas import catalogue

Fetch = Callable[[str, Mapping[str, str]], Awaitable[tuple[int, Mapping[str, str], Any]]]

API: Final = "/ngsi-ld/v1"
LINK: Final = (
    f'<{catalogue.CONTEXT_URL}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
)
PAGE: Final = 30
NEAREST: Final = 1_000
TYPES: Final = 60
FORMS: Final = ("normalized", "concise", "simplified", "geojson")
EARTH: Final = 6_371_008.8
_SMALLER: Final = 8
_WORD = re.compile(r"[^\w]+")


class Unanswered(Problem):
    """The broker did not answer what a page needs."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.code = status


@dataclass(frozen=True, slots=True)
class Search:
    """What the reader is looking for."""

    type: str = ""
    text: str = ""
    hazard: str = ""
    near: tuple[float, float] | None = None  # latitude, longitude
    metres: int = 5_000
    page: int = 1
    around: bool = False  # what the neighbours hold, too

    def parameters(self) -> dict[str, str]:
        """Write the search as parameters of a query for entities. (6.4.3.2)"""
        asked = {"type": self.type} if self.type else {}
        if not self.around:
            asked["local"] = "true"
        conditions = []
        if self.hazard:
            conditions.append(f'hazardTypes=="{self.hazard}"')
        if pattern := _WORD.sub(".*", self.text).strip(".*"):
            conditions.append(f'name~=".*{pattern}.*"')
        if conditions:
            asked["q"] = ";".join(conditions)
        if self.near:
            asked |= {
                "georel": f"near;maxDistance=={self.metres}",
                "geometry": "Point",
                "coordinates": f"[{self.near[1]},{self.near[0]}]",
            }
        return asked


@dataclass(frozen=True, slots=True)
class Found:
    """A page of entities, simplified, how many there are in all, and how many can be paged through."""

    entities: list[dict[str, Any]]
    total: int
    reachable: int


@dataclass(frozen=True, slots=True)
class Asking:
    """Questions to one tenant of the broker."""

    fetch: Fetch
    tenant: str = ""
    link: str = LINK

    def headers(self, accept: str = "application/json") -> dict[str, str]:
        """Give the headers of a question."""
        headers = {"Accept": accept}
        if self.link:
            headers["Link"] = self.link
        if self.tenant:
            headers["NGSILD-Tenant"] = self.tenant
        return headers

    async def understood(self) -> "Asking":
        """Give questions in the city's terms, or in IRIs if this broker cannot get the city's @context."""
        status, _, _ = await self.fetch(
            f"{API}/entities?type=EvacuationSite&limit=1&local=true", self.headers()
        )
        return replace(self, link="") if status in (400, 503, 504) else self

    async def types(self) -> list[tuple[str, int]]:
        """List the entity types and how many entities each has, most first. (6.25.3.1)"""
        _, answer = await self.get(f"{API}/types?local=true")
        names = [str(name) for name in answer["typeList"]][:TYPES]
        counts = await asyncio.gather(*(self.count(name) for name in names))
        return sorted(zip(names, counts, strict=True), key=lambda pair: (-pair[1], pair[0]))

    async def count(self, type: str = "") -> int:
        """Count the entities of a type, or all there are. (6.3.13)"""
        headers, _ = await self._query(Search(type=type), {"limit": "0"})
        return total_of(headers)

    async def search(self, search: Search) -> Found:
        """Find a page of entities."""
        if search.near:
            return await self._nearest(search)
        page = {"limit": str(PAGE), "offset": str((search.page - 1) * PAGE)}
        headers, entities = await self._query(search, page)
        return Found(entities, total_of(headers), total_of(headers))

    async def _nearest(self, search: Search) -> Found:
        """Find the entities near a place, the nearest first; a crowd is read from a smaller circle only."""
        total = within = total_of((await self._query(search, {"limit": "0"}))[0])
        for _ in range(_SMALLER):
            if within <= NEAREST:
                break
            search = replace(search, metres=max(1, int(search.metres * 0.8 * math.sqrt(NEAREST / within))))
            within = total_of((await self._query(search, {"limit": "0"}))[0])
        _, entities = await self._query(search, {"limit": str(NEAREST)})
        entities = sorted(entities, key=lambda entity: distance(search.near, point(entity)))
        return Found(entities[(search.page - 1) * PAGE : search.page * PAGE], total, len(entities))

    async def _query(
        self, search: Search, page: Mapping[str, str]
    ) -> tuple[Mapping[str, str], list[dict[str, Any]]]:
        asked = {**search.parameters(), **page, "count": "true", "format": "simplified"}
        headers, entities = await self.get(f"{API}/entities?{urlencode(asked)}")
        return headers, entities

    async def entity(self, id: str, form: str) -> Any:
        """Retrieve an entity in one of its forms, or normalized with its times (sysAttrs). (6.5.3.1)"""
        _, body = await self.get(*self.retrieval(id, form))
        return body

    def retrieval(self, id: str, form: str) -> tuple[str, str]:
        """Give target and accepted media type that retrieve an entity in a form."""
        target = f"{API}/entities/{quote(id, safe=':')}"
        if form in ("concise", "simplified"):
            target += f"?format={form}"
        elif form == "sysAttrs":
            target += "?options=sysAttrs"
        return target, "application/geo+json" if form == "geojson" else "application/json"

    def curl(self, origin: str, target: str, accept: str) -> str:
        """Write a question as a line for a shell."""
        headers = {k: v for k, v in self.headers(accept).items() if v != "application/json"}
        words = ["curl", _quoted(origin + target)]
        for name, value in headers.items():
            words += ["-H", _quoted(f"{name}: {value}")]
        return " ".join(words)

    async def get(self, target: str, accept: str = "application/json") -> tuple[Mapping[str, str], Any]:
        """Ask for something and give headers and JSON; Unanswered if the broker refuses."""
        status, headers, body = await self.fetch(target, self.headers(accept))
        if status not in (200, 201):
            detail = body.get("detail") if isinstance(body, dict) else None
            raise Unanswered(status, str(detail or ""))
        return headers, body


def point(entity: Mapping[str, Any]) -> tuple[float, float] | None:
    """Give latitude and longitude of a simplified entity: of its point, or the middle of its geometry."""
    location = entity.get("location")
    if not isinstance(location, dict) or not (pairs := list(_pairs(location.get("coordinates")))):
        return None
    longitudes, latitudes = [p[0] for p in pairs], [p[1] for p in pairs]
    return (min(latitudes) + max(latitudes)) / 2, (min(longitudes) + max(longitudes)) / 2


def total_of(headers: Mapping[str, str]) -> int:
    """Read how many there are in all. (6.3.13)"""
    return int(headers.get("NGSILD-Results-Count", 0))


def _pairs(coordinates: Any) -> list[tuple[float, float]]:
    if not isinstance(coordinates, list) or not coordinates:
        return []
    if isinstance(coordinates[0], list):
        return [pair for part in coordinates for pair in _pairs(part)]
    numbers = [n for n in coordinates[:2] if isinstance(n, int | float)]
    return [(float(numbers[0]), float(numbers[1]))] if len(numbers) == 2 else []


def distance(here: tuple[float, float] | None, there: tuple[float, float] | None) -> float:
    """Measure the great circle between two places in metres; endless when one is unknown."""
    if here is None or there is None:
        return math.inf
    (a, b), (c, d) = ((math.radians(x), math.radians(y)) for x, y in (here, there))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * EARTH * math.asin(min(1.0, math.sqrt(half)))


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
