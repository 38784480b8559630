"""Any bytes as body, parameter, path or header are answered without a 5xx; the broker stays in order. (5.5.4, 5.5.6)"""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.app import OPERATIONS
from broker.operations.call import Operation
from tests.live import Live, live_broker

EXPECTED = {
    501,
    503,
    504,
}  # honest answers about others: an @context that cannot be fetched, a part not offered
ID = "urn:ngsi-ld:T:1"

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)
members = st.sampled_from(
    [
        "id",
        "type",
        "value",
        "object",
        "datasetId",
        "observedAt",
        "unitCode",
        "languageMap",
        "vocab",
        "json",
        "valueList",
    ]
    + [
        "objectList",
        "location",
        "scope",
        "expiresAt",
        "entities",
        "q",
        "geoQ",
        "notification",
        "endpoint",
        "uri",
    ]
    + [
        "watchedAttributes",
        "coordinates",
        "georel",
        "geometry",
        "notificationTrigger",
        "throttling",
        "attributes",
    ]
)
texts = st.sampled_from(
    [
        "urn:ngsi-ld:null",
        ID,
        "T",
        "Property",
        "Relationship",
        "GeoProperty",
        "Point",
        "Query",
        "Subscription",
        "@none",
    ]
    + [
        "near;maxDistance==10",
        "[1,2]",
        "a==1",
        "2026-01-01T00:00:00Z",
        "http://127.0.0.1:1/",
        "https://uri.etsi.org/x",
        "",
    ]
)
likely = st.recursive(
    texts | json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(members | words, inner, max_size=6),
    max_leaves=25,
)
bodies = st.one_of(st.binary(max_size=60), likely.map(orjson.dumps), likely.map(lambda v: orjson.dumps([v])))


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[asyncio.Runner, Live]]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        context = live_broker(folder, context_seconds=1.0)
        live = runner.run(context.__aenter__())
        try:
            yield runner, live
        finally:
            runner.run(context.__aexit__(None, None, None))


@st.composite
def requests(draw: Any) -> tuple[str, str, dict[str, str], bytes | None]:
    operation: Operation = draw(st.sampled_from(OPERATIONS))
    path = operation.path
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        path = path[:start] + quote(draw(st.just(ID) | texts | words), safe="") + path[end + 1 :]
    names = st.sampled_from(sorted(operation.params) or ["limit"]) | words
    values = texts | words | st.sampled_from(["true", "sysAttrs", "0", "-1", "1e9", "keyValues", "*"])
    given_params = draw(st.dictionaries(names, values, max_size=3))
    query = "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in given_params.items()
    )
    kind = draw(st.sampled_from(["application/json", "application/ld+json", "application/merge-patch+json"]))
    accept = draw(
        st.sampled_from(["*/*", "application/ld+json", "application/geo+json", "text/html", ";q=x,,"])
    )
    headers = {"Content-Type": kind, "Accept": accept}
    body = draw(bodies) if operation.body else None
    return operation.method, f"{path}?{query}" if query else path, headers, body


async def send(
    live: Live, method: str, target: str, headers: dict[str, str], body: bytes | None
) -> tuple[int, bytes]:
    from yarl import URL

    url = URL(f"{live.url}/ngsi-ld/v1{target}", encoded=True)
    async with live.session.request(method, url, headers=headers, data=body) as reply:
        return reply.status, await reply.read()


def test_no_request_gives_a_5xx(tmp_path: Path) -> None:
    with running(tmp_path) as (runner, live):

        @settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
        @given(requests())
        def answers(request: tuple[str, str, dict[str, str], bytes | None]) -> None:
            with contextlib.suppress(aiohttp.InvalidURL):
                status, raw = runner.run(send(live, *request))
                assert status < 500 or status in EXPECTED, (status, raw)
                if status >= 400 and raw:
                    assert {"type", "title", "status"} <= orjson.loads(raw).keys()

        answers()
        assert live.broker.catalogue.open("").check() == []


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", b'"\\ud800"', b"NaN", b"[" * 5000, b'{"a":1e999}', b"\x00", b""]
)
async def test_bytes_that_are_no_json_are_refused(tmp_path: Path, raw: bytes) -> None:
    async with live_broker(tmp_path) as live:
        for path in ("/entities", "/subscriptions", "/entityOperations/upsert", "/entityOperations/query"):
            headers = {"Content-Type": "application/json"}
            status, _ = await send(live, "POST", path, headers, raw)
            assert status == 400
