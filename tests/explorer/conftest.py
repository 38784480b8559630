"""A broker with the demo city and entities nobody expects, behind the pages."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.neighbours.joining import Neighbour, join
from broker.neighbours.talk import Talk
from engawa.demo import load_demo
from engawa.demo.neighbours import CITIES, samples
from tests.live import Live, live_broker

ATTACK = """<script>alert(1)</script><img src=x onerror=alert(2)>"'`{{7*7}}"""
ODD: list[dict[str, Any]] = [
    {
        "id": "urn:ngsi-ld:変わった種類:縁側／１",
        "type": "変わった種類",
        "名前": {"type": "Property", "value": "和語の属性"},
    },
    {"id": "urn:ngsi-ld:Bare:1", "type": "Bare"},
    {"id": "https://example.org/things/1?a=b&c=%3Cd%3E", "type": ["Thing", "Other"], "scope": ["/a/b", "/c"]},
    {
        "id": "urn:ngsi-ld:Attack:1",
        "type": "Attack",
        "https://uri.etsi.org/ngsi-ld/name": {"type": "Property", "value": ATTACK},
        "link": {"type": "Property", "value": "javascript:alert(3)"},
        "page": {"type": "Property", "value": "https://example.org/?q=<b>"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.7, 35.4]}},
        "https://smartdatamodels.org/dataProvider": {"type": "Property", "value": ATTACK},
        ATTACK[8:13]: {"type": "Property", "value": [1, {"a": "<b>", "b": [True]}]},
    },
    {
        "id": "urn:ngsi-ld:Many:1",
        "type": "Many",
        "https://uri.etsi.org/ngsi-ld/name": {
            "type": "LanguageProperty",
            "languageMap": {"ja": "二つの言葉", "en": "Two tongues"},
        },
        "speed": [
            {"type": "Property", "value": 55, "unitCode": "KMH", "datasetId": "urn:ngsi-ld:dataset:gps"},
            {"type": "Property", "value": 54.5, "accuracy": {"type": "Property", "value": 0.9}},
        ],
        "parts": {"type": "Relationship", "object": ["urn:ngsi-ld:Bare:1", "urn:ngsi-ld:Gone:1"]},
        "kept": {"type": "JsonProperty", "json": {"x": [1, 2]}},
        "listed": {"type": "ListProperty", "valueList": [1, 2, 3]},
        "called": {"type": "VocabProperty", "vocab": "open"},
        "location": {
            "type": "GeoProperty",
            "value": {
                "type": "Polygon",
                "coordinates": [[[134.6, 35.3], [134.8, 35.3], [134.8, 35.5], [134.6, 35.3]]],
            },
        },
        "when": {"type": "Property", "value": {"@type": "DateTime", "@value": "2026-04-01T00:00:00Z"}},
    },
]


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data", title="縁側市の<試験>") as broker:
        yield broker


@pytest.fixture
async def city(empty: Live) -> Live:
    await load_demo(empty.url)
    reply = await empty.post("/entityOperations/upsert", ODD)
    assert reply.status == 201, reply.json
    return empty


@pytest.fixture
async def neighbourhood(tmp_path: Path) -> AsyncIterator[Live]:
    """Give the broker of 養父, joined with that of 豊岡 and with one that is not there."""
    async with (
        live_broker(tmp_path / "yabu", title="養父市", alias="yabu") as yabu,
        live_broker(tmp_path / "toyooka", title="豊岡市", alias="toyooka") as toyooka,
    ):
        for live, name in ((yabu, "yabu"), (toyooka, "toyooka")):
            reply = await live.post("/entityOperations/upsert", list(samples(CITIES[name])))
            assert reply.status == 201, reply.json
        here = Talk(yabu.session, yabu.url)
        await join(here, Neighbour(toyooka.url, alias="toyooka", name="豊岡市"))
        await join(here, Neighbour("http://127.0.0.1:9", alias="kieta", name="消えた<街>"))
        yield yabu
