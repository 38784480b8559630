"""The pages over a real broker: complete without JavaScript, for any entity, escaped, in two languages."""

import html
import re
from html.parser import HTMLParser
from urllib.parse import quote

import aiohttp
import pytest

from base.pages import language_of, texts
from broker.explorer.asking import FORMS
from broker.explorer.pages import HERE
from tests.explorer.conftest import ATTACK, ODD
from tests.live import Live

VOID = {"meta", "link", "img", "input", "br"}
ENTITY = "/explorer/entity?id="


class Reading(HTMLParser):
    """What a browser would find: tags with attributes, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.source = page
        self.text = ""
        self.spoken: list[tuple[str, str]] = []
        self._languages: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag not in VOID:
            around = self._languages[-1][1] if self._languages else ""
            self._languages.append((tag, given.get("lang", around)))

    def handle_endtag(self, tag: str) -> None:
        while self._languages and self._languages.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._languages and self._languages[-1][0] != "title":  # which cannot be in two languages
            self.spoken.append((data, self._languages[-1][1]))

    def links(self) -> list[str]:
        return [given["href"] for tag, given in self.tags if tag == "a" and "href" in given]


async def read(live: Live, target: str, *, status: int = 200, accept: str = "ja") -> Reading:
    async with live.session.get(live.url + target, headers={"Accept-Language": accept}) as reply:
        page = await reply.text()
        assert reply.status == status, page
        return Reading(page)


async def test_shows_types_with_counts_and_a_list(city: Live) -> None:
    page = await read(city, "/")
    words = re.sub(r"\s+", "", page.text)
    assert "指定緊急避難場所26件" in words and "河川水位4件" in words and "すべて74件" in words
    assert len([1 for tag, given in page.tags if given.get("class") == "entry"]) == 30
    assert any(tag == "svg" for tag, _ in page.tags)


async def test_pages_through_all_of_it_once(city: Live) -> None:
    seen: list[str] = []
    target: str | None = "/"
    while target:
        page = await read(city, target)
        links = [link for link in page.links() if link.startswith(ENTITY)]
        seen += dict.fromkeys(links)
        target = next((given["href"] for tag, given in page.tags if given.get("rel") == "next"), None)
    assert len(seen) == len(set(seen)) == 69 + len(ODD)


SEARCHES = [
    ("type=EvacuationSite&hazard=flood", None),
    ("type=FloodMonitoring", 4),
    ("text=軒下", 4),
    ("text=軒下+公園", 1),
    ("text=" + quote('")|(;.*['), 30),
    ("type=NoSuchType", 0),
    ("hazard=nonsense&page=x&km=-1&form=?", 30),
    ("near=35.4015,134.7045&km=1", None),
    ("near=３５．４０１５、１３４．７０４５&km=1", None),
]


async def test_narrows_down(city: Live) -> None:
    for query, found in SEARCHES:
        page = await read(city, "/?" + quote(query, safe="=&%+"))
        entries = [given for tag, given in page.tags if given.get("class") == "entry"]
        assert entries if found is None else len(entries) == found, query


async def test_near_a_place_the_nearest_come_first(city: Live) -> None:
    page = await read(city, "/?near=35.4015,134.7045&km=5")
    lengths = re.findall(r'class="away">([\d.]+) (k?m)<', page.source)
    away = [float(number) * (1000 if unit == "km" else 1) for number, unit in lengths]
    assert len(away) > 5 and away == sorted(away)
    assert "近い順" in page.text


async def test_says_how_to_write_a_position(city: Live) -> None:
    page = await read(city, "/?near=市役所")
    assert "緯度と経度を" in page.text
    assert [given for tag, given in page.tags if given.get("aria-invalid") == "true"]


async def test_shows_any_entity_in_any_form(city: Live) -> None:
    for id in [entity["id"] for entity in ODD]:
        for form in FORMS:
            page = await read(city, f"{ENTITY}{quote(id, safe='')}&form={form}")
            assert id in page.text
            (current,) = [given for tag, given in page.tags if given.get("aria-current") == "page"]
            assert f"form={form}" in current["href"]


async def test_nothing_stored_becomes_markup(city: Live) -> None:
    for target in (
        "/?type=Attack",
        ENTITY + "urn:ngsi-ld:Attack:1",
        "/?type=" + quote(ATTACK),
        "/?text=" + quote(ATTACK),
    ):
        for language in ("ja", "en"):
            page = await read(
                city, f"{target}&lang={language}", status=400 if target.startswith("/?type=%3C") else 200
            )
            assert not [given for _, given in page.tags if any(name.startswith("on") for name in given)]
            sources = [given.get("src", "") for tag, given in page.tags if tag in ("script", "img")]
            assert sources and all(source.startswith("/explorer/static/") for source in sources)
            assert not [link for link in page.links() if link.lower().startswith("javascript")]
            assert "49" not in re.findall(r"\{\{7\*7\}\}|49(?=[\"'<`])", page.text)
    page = await read(city, ENTITY + "urn:ngsi-ld:Attack:1")
    assert page.text.count(ATTACK) >= 3


async def test_every_instance_language_part_and_sub_attribute_is_shown(city: Live) -> None:
    page = await read(city, ENTITY + "urn:ngsi-ld:Many:1&lang=en")
    for text in (
        "Two tongues",
        "55",
        "KMH",
        "urn:ngsi-ld:dataset:gps",
        "54.5",
        "accuracy",
        "0.9",
        "urn:ngsi-ld:Gone:1",
        "2026-04-01T00:00:00Z",
    ):
        assert text in page.text
    assert ENTITY + "urn%3Angsi-ld%3ABare%3A1&lang=en" in page.links()
    assert "35.400000, 134.700000" in page.text  # the middle of the polygon


async def test_the_curl_line_gives_what_the_page_shows(city: Live) -> None:
    page = await read(city, ENTITY + quote(ODD[2]["id"], safe="") + "&form=simplified")
    line = re.search(r"curl '([^']+)'((?: -H '[^']+')*)", page.text)
    assert line
    headers = dict(h.split(": ", 1) for h in re.findall(r"-H '([^']+)'", line[2]))
    async with aiohttp.ClientSession() as session, session.get(line[1], headers=headers) as reply:
        assert reply.status == 200
        assert (await reply.json(content_type=None))["id"] == ODD[2]["id"]
    assert page.text.count("https://example.org/things/1?a=b&c=%3Cd%3E") >= 2


async def test_an_unknown_entity_is_a_kind_404(city: Live) -> None:
    for id in ("urn:ngsi-ld:Nothing:1", "", "no uri", "../../x"):
        target = ENTITY + quote(id, safe="")
        async with city.session.get(city.url + target) as reply:
            assert reply.status in (400, 404)
            assert "text/html" in reply.headers["Content-Type"]


async def test_an_empty_broker_says_how_to_fill_it(empty: Live) -> None:
    page = await read(empty, "/")
    assert "engawa load shelters" in page.text


async def test_a_tenant_is_kept_in_all_links(empty: Live) -> None:
    from engawa.demo import load_demo

    await load_demo(empty.url, "other")
    page = await read(empty, "/?tenant=other&lang=en")
    ours = [link for link in page.links() if link.startswith(("/?", ENTITY))]
    assert ours and all("tenant=other" in link for link in ours)
    assert (await read(empty, "/?tenant=unknown", status=404)).text
    assert "engawa load" in (await read(empty, "/?tenant=no%0Asuch")).text


async def test_headers_are_strict_and_nothing_is_inline(city: Live) -> None:
    for target in ("/", ENTITY + "urn:ngsi-ld:Bare:1"):
        async with city.session.get(city.url + target) as reply:
            policy = reply.headers["Content-Security-Policy"]
            body = await reply.text()
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "style=" not in body and "<style" not in body
        assert not re.search(r"<script(?![^>]*\bsrc=)", body)
        assert "http://" not in re.sub(
            r"http://127\.0\.0\.1:\d+|http://www\.w3\.org", "", html.unescape(body)
        )


async def test_english_is_complete_and_asked_for_in_two_ways(city: Live) -> None:
    asked, accepted = await read(city, "/?lang=en"), await read(city, "/", accept="en-GB,en;q=0.9,ja;q=0.5")
    for page in (asked, accepted):
        assert ("html", {"lang": "en"}) in page.tags
        assert "Emergency evacuation site" in page.text
        foreign = [
            text
            for text, language in page.spoken
            if language == "en" and re.search("[ぁ-んァ-ヶ一-龠]", text)
        ]
        assert not foreign


def test_every_text_has_both_languages_and_is_used() -> None:
    words = texts(HERE / "texts.toml")
    sources = [HERE / "templates", HERE.parent.parent / "base" / "templates"]
    pages = "".join(file.read_text(encoding="utf-8") for folder in sources for file in folder.glob("*.html"))
    python = (HERE / "presentation.py").read_text(encoding="utf-8")
    for key, text in words.items():
        assert set(text) == {"ja", "en"} and all(text.values())
        assert sorted(re.findall(r"\{(\w+)\}", text["ja"])) == sorted(re.findall(r"\{(\w+)\}", text["en"]))
        assert f"'{key}'" in pages or f'"{key}"' in python or key.startswith("form_")


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        (None, "", "ja"),
        (None, "en", "en"),
        (None, "fr,en-US;q=0.8,ja;q=0.5", "en"),
        (None, "en;q=0.3,ja;q=0.5", "ja"),
        ("ja", "en", "ja"),
        ("xx", "en;q=nonsense", "ja"),
    ],
)
def test_the_language_is_the_one_asked_for_else_the_readers(
    asked: str | None, accepted: str, chosen: str
) -> None:
    assert language_of(asked, accepted) == chosen


async def test_static_files_are_served_and_nothing_else(city: Live) -> None:
    async with city.session.get(city.url + "/explorer/static/engawa.css") as reply:
        assert reply.status == 200 and reply.headers["Content-Type"].startswith("text/css")
    for name in ("../texts.toml", "%2e%2e/texts.toml", "nothing.css", "..%2ftexts.toml"):
        async with city.session.get(
            aiohttp.client.URL(f"{city.url}/explorer/static/{name}", encoded=True)
        ) as reply:
            assert reply.status == 404


async def test_the_terms_can_be_fetched(city: Live) -> None:
    async with city.session.get(city.url + "/context/city-v1.jsonld") as reply:
        assert reply.headers["Content-Type"] == "application/ld+json"
        assert "hazardTypes" in (await reply.json(content_type=None))["@context"]
