"""The pages that show a person what the broker holds: types, a map beside a list, one entity in all its forms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web

from base.pages import Pages, language_of, texts
from broker.explorer import chart, neighbours, presentation
from broker.explorer.asking import (
    API,
    FORMS,
    PAGE,
    Asking,
    Fetch,
    Found,
    Search,
    Unanswered,
    distance,
    point,
)
from broker.settings import BrokerSettings
from schemas import catalogue

HERE: Final = Path(__file__).parent
PREFIX: Final = "/explorer/static/"
NEIGHBOURS: Final = "/explorer/neighbours"
MARKS: Final = 6  # in how many ways the pins of towns look
KILOMETRES: Final = (1, 2, 5, 10, 20, 50)
DEEPEST: Final = 3_000  # pages; further on, narrowing down serves people better
_TENANT = re.compile(r"[\w.-]{1,100}\Z", re.ASCII)
_NEAR = re.compile(r"\s*([+-]?\d{1,2}(?:\.\d{1,12})?)\s*[,、，\s]\s*([+-]?\d{1,3}(?:\.\d{1,12})?)\s*\Z")


def routes(fetch: Fetch, settings: BrokerSettings) -> list[web.RouteDef]:
    """Give the routes of the pages; `fetch` answers a GET of the broker's interface."""
    explorer = Explorer(fetch, settings)
    return [
        web.get("/", explorer.home),
        web.get("/explorer/entity", explorer.entity),
        web.get(NEIGHBOURS, explorer.neighbours),
        web.get(urlsplit(catalogue.CONTEXT_URL).path, _context),
        *explorer.pages.routes(),
    ]


async def _context(_: web.Request) -> web.Response:
    body = (catalogue.CONTEXT_FOLDER / "city-v1.jsonld").read_bytes()
    return web.Response(body=body, headers={"Content-Type": "application/ld+json"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list."""

    number: int
    title: str
    language: str
    href: str
    kinds: tuple[str, ...]
    lines: tuple[presentation.Value, ...]
    hazards: tuple[str, ...]
    place: tuple[float, float] | None
    away: str
    town: str = ""
    mark: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the language and tenant, and links that keep both."""

    request: web.Request
    language: str
    tenant: str

    def link(self, path: str, **parameters: str | int) -> str:
        """Write a link within the pages."""
        kept = {}
        if self.request.query.get("lang") == self.language:
            kept["lang"] = self.language
        if self.tenant:
            kept["tenant"] = self.tenant
        query = urlencode({**{k: v for k, v in parameters.items() if v != ""}, **kept})
        return f"{path}?{query}" if query else path

    def in_language(self, language: str) -> str:
        """Link to the same page in another language."""
        query = {**self.request.query, "lang": language}
        return f"{self.request.path}?{urlencode(query)}"

    @property
    def origin(self) -> str:
        """Name the address under which the reader reached us."""
        return f"{self.request.scheme}://{self.request.host}"


class Explorer:
    """The pages over one broker."""

    def __init__(self, fetch: Fetch, settings: BrokerSettings) -> None:
        self._fetch = fetch
        self._settings = settings
        self.pages = Pages(
            templates=HERE / "templates",
            static=HERE / "static",
            words=texts(HERE / "texts.toml"),
            prefix=PREFIX,
            images=_origins(settings.tiles),
            values={
                "site": settings.title,
                "api": API,
                "context_path": urlsplit(catalogue.CONTEXT_URL).path,
                "tiles": settings.tiles,
                "tiles_attribution": settings.tiles_attribution,
                "label": presentation.type_label,
                "tongue": presentation.language_of_text,
                "chart_size": (chart.WIDTH, chart.HEIGHT),
            },
        )

    async def home(self, request: web.Request) -> web.Response:
        """Show types with counts, and a map beside a list."""
        reader = _reader(request)
        search, wrong = _search(request.query)
        try:
            asking = await Asking(self._fetch, reader.tenant).understood()
            types = await asking.types()
            everything = await asking.count() if types else 0
            joined = len(await neighbours.towns(asking, "")) != 1
            found = Found([], 0, 0) if wrong or not types else await asking.search(search)
        except Unanswered as problem:
            return self._failed(reader, problem)
        entries = [
            _entry(n, e, search, reader) for n, e in enumerate(found.entities, 1 + (search.page - 1) * PAGE)
        ]
        places = [(entry.number, entry.place) for entry in entries if entry.place]
        return self._render(
            "home.html",
            reader,
            search=search,
            wrong=wrong,
            near_text=request.query.get("near", ""),
            types=types,
            neighbours_link=reader.link(NEIGHBOURS) if joined else "",
            everything=everything,
            hazards=presentation.hazard_choices(reader.language),
            kilometres=KILOMETRES,
            action="/",
            reset=reader.link("/"),
            entries=entries,
            total=found.total,
            size=PAGE,
            last_page=min(-(-found.reachable // PAGE), DEEPEST),
            picture=chart.draw(places, search.near),
            page_link=lambda page: reader.link("/", **{**_kept(search), "page": page}),
            type_link=lambda name: reader.link("/", **{**_kept(search), "type": name}),
        )

    async def neighbours(self, request: web.Request) -> web.Response:
        """Show the shelters of this town and its neighbours on one map, and who gave none."""
        reader = _reader(request)
        search, wrong = _search(request.query)
        try:
            asking = await Asking(self._fetch, reader.tenant).understood()
            found = await neighbours.gather(
                asking, replace(search, near=None) if wrong else search, self._settings.title
            )
        except Unanswered as problem:
            return self._failed(reader, problem)
        entries = []
        for number, entity in enumerate(found.entities, 1 + (search.page - 1) * neighbours.PLACES):
            town = found.origin.get(str(entity.get("id", "")))
            entry = _entry(number, entity, search, reader)
            if town is not None:
                entry = replace(entry, town=found.towns[town].name, mark=town % MARKS)
            entries.append(entry)
        places = [(entry.number, entry.place) for entry in entries if entry.place]
        return self._render(
            "neighbours.html",
            reader,
            search=search,
            wrong=wrong,
            near_text=request.query.get("near", ""),
            towns=found.towns,
            known=bool(found.origin),
            missing=[town for town in found.towns if town.missing],
            kinds=neighbours.SHELTERS,
            marks=MARKS,
            again=str(request.rel_url),
            hazards=presentation.hazard_choices(reader.language),
            kilometres=KILOMETRES,
            entries=entries,
            total=found.total,
            size=neighbours.PLACES,
            last_page=-(-found.reachable // neighbours.PLACES),
            picture=chart.draw(places, search.near),
            page_link=lambda page: reader.link(NEIGHBOURS, **{**_kept(search), "page": page}),
            action=NEIGHBOURS,
            reset=reader.link(NEIGHBOURS),
        )

    async def entity(self, request: web.Request) -> web.Response:
        """Show one entity: what it says, where it is, and all its representations."""
        reader = _reader(request)
        id = request.query.get("id", "")
        form = request.query.get("form", FORMS[0])
        form = form if form in FORMS else FORMS[0]
        try:
            asking = await Asking(self._fetch, reader.tenant).understood()
            full = await asking.entity(id, "sysAttrs")
            body = await asking.entity(id, form)
        except Unanswered as problem:
            return self._failed(reader, problem)
        where = point({"location": _located(full)})
        target, accept = asking.retrieval(id, form)
        name = presentation.title(full, reader.language)
        return self._render(
            "entity.html",
            reader,
            facts=presentation.facts(full),
            name=name,
            name_language=presentation.language_of_text(name),
            types=presentation.types(full),
            attributes=presentation.attributes(full, reader.language),
            forms=[(f, reader.link("/explorer/entity", id=id, form=f) + "#forms") for f in FORMS],
            form=form,
            raw=presentation.pretty(body),
            curl=asking.curl(reader.origin, target, accept),
            where=where,
            picture=chart.draw([(1, where)]) if where else None,
            near_link=reader.link("/", near=f"{where[0]}, {where[1]}", km=5) if where else "",
            entity_link=lambda other: reader.link("/explorer/entity", id=other),
        )

    def _failed(self, reader: Reader, problem: Unanswered) -> web.Response:
        why = {404: "missing", 401: "closed", 403: "closed"}.get(problem.code, "failed")
        status = problem.code if problem.code < 500 else 502
        return self._render("failed.html", reader, status=status, why=why, detail=problem.detail)

    def _render(self, template: str, reader: Reader, *, status: int = 200, **values: Any) -> web.Response:
        return self.pages.render(
            template,
            reader.language,
            status=status,
            home=reader.link("/"),
            in_language=reader.in_language,
            tenant=reader.tenant,
            kept_language=reader.request.query.get("lang", ""),
            **values,
        )


def _reader(request: web.Request) -> Reader:
    language = language_of(request.query.get("lang"), request.headers.get("Accept-Language", ""))
    tenant = request.query.get("tenant", "")
    return Reader(request, language, tenant if _TENANT.match(tenant) else "")


def _search(query: Mapping[str, str]) -> tuple[Search, bool]:
    """Read what the reader looks for; the second says that the position cannot be read."""
    near_text = query.get("near", "").translate(str.maketrans("０１２３４５６７８９．−", "0123456789.-"))
    shape = _NEAR.match(near_text)
    near = (float(shape[1]), float(shape[2])) if shape else None
    if near and (abs(near[0]) > 90 or abs(near[1]) > 180):
        near = None
    km, page = query.get("km", ""), query.get("page", "")
    codes = [code for code, _ in presentation.hazard_choices("ja")]
    search = Search(
        type=query.get("type", "")[:500],
        text=query.get("text", "").strip()[:100],
        hazard=hazard if (hazard := query.get("hazard", "")) in codes else "",
        near=near,
        metres=1000 * (int(km) if km.isascii() and km.isdigit() and int(km) in KILOMETRES else 5),
        page=min(int(page), DEEPEST)
        if page.isascii() and page.isdigit() and 0 < len(page) < 6 and int(page)
        else 1,
    )
    return search, bool(near_text.strip()) and near is None


def _kept(search: Search) -> dict[str, str | int]:
    kept: dict[str, str | int] = {"type": search.type, "text": search.text, "hazard": search.hazard}
    if search.near:
        kept |= {"near": f"{search.near[0]}, {search.near[1]}", "km": search.metres // 1000}
    return kept


def _entry(number: int, entity: dict[str, Any], search: Search, reader: Reader) -> Entry:
    name = presentation.title(entity, reader.language)
    place = point(entity)
    return Entry(
        number=number,
        title=name,
        language=presentation.language_of_text(name),
        href=reader.link("/explorer/entity", id=str(entity.get("id", ""))),
        kinds=tuple(presentation.type_label(t, reader.language) for t in presentation.types(entity)),
        lines=tuple(presentation.summary(entity, reader.language)),
        hazards=tuple(presentation.hazards(entity, reader.language)),
        place=place,
        away=presentation.length(distance(search.near, place)) if search.near and place else "",
    )


def _located(entity: Mapping[str, Any]) -> Any:
    location = entity.get("location")
    location = location[0] if isinstance(location, list) and location else location
    return location.get("value") if isinstance(location, dict) else None


def _origins(tiles: str) -> list[str]:
    parts = urlsplit(tiles.replace("{s}", "*"))
    return [f"{parts.scheme}://{quote(parts.netloc, safe='*.:[]-')}"] if parts.scheme and parts.netloc else []
