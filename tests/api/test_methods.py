"""HEAD and OPTIONS on every resource, and what browsers of other origins are told. (RFC 9110 9.3.2, 9.3.7; NGSI-LD 2.0)"""

from pathlib import Path
from typing import Any

import pytest

from broker.app import OPERATIONS
from tests.live import Live, live_broker

PATHS = sorted({o.path for o in OPERATIONS})
READ = sorted(o.path for o in OPERATIONS if o.method == "GET")
CHANGING = {"Date", "X-Request-Id"}


def of(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.title() not in CHANGING}


async def test_head_is_get_without_the_body(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    for path in READ:
        asked = path.replace("{entityId}", shelter["id"]).replace("{attrId}", "capacity")
        asked = asked.replace("{type}", "Shelter").replace("{contextId}", "urn:x:none")
        whole, head = await live.get(asked), await live.ask("HEAD", asked)
        assert (head.status, head.raw) == (whole.status, b""), path
        assert of(head.headers) == of(whole.headers), path


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/entities?type=Shelter&count=true&limit=1", {}),
        ("/entities/urn:ngsi-ld:Shelter:1?format=concise", {"Accept": "application/ld+json"}),
        ("/entities/urn:ngsi-ld:Shelter:none", {}),
        ("/entities/urn:ngsi-ld:Shelter:1", {"Accept": "text/html"}),
        ("/entities?wrong=1", {}),
        ("/entities?type=Shelter", {"NGSILD-Tenant": "nobody"}),
        ("/nothing", {}),
    ],
)
async def test_head_tells_of_pages_and_refusals_as_get_does(
    live: Live, shelter: dict[str, Any], path: str, headers: dict[str, str]
) -> None:
    await live.post("/entities", shelter)
    for _ in range(2):  # the second time the request is known
        head = await live.ask("HEAD", path, headers=headers)
        whole = await live.ask("GET", path, headers=headers)
        assert (head.status, head.raw, of(head.headers)) == (whole.status, b"", of(whole.headers))


async def test_options_lists_what_a_resource_offers(live: Live) -> None:
    for path in PATHS:
        reply = await live.ask("OPTIONS", path.replace("{", "").replace("}", ""))
        offered = {o.method: o for o in OPERATIONS if o.path == path}
        allowed = set(offered) | {"OPTIONS"} | ({"HEAD"} if "GET" in offered else set())
        assert (reply.status, reply.raw) == (204, b""), path
        assert set(reply.headers["Allow"].split(", ")) == allowed, path
        assert ("Accept-Patch" in reply.headers) == ("PATCH" in offered), path
        assert ("Accept-Post" in reply.headers) == ("POST" in offered and offered["POST"].body), path


async def test_options_names_the_bodies_that_are_read(live: Live) -> None:
    reply = await live.ask("OPTIONS", "/entities/urn:x:1")
    kinds = "application/json, application/ld+json, application/merge-patch+json"
    assert reply.headers["Accept-Patch"] == kinds
    assert (await live.ask("OPTIONS", "/nothing")).status == 404


async def test_a_method_that_is_not_there_is_told_the_others(live: Live) -> None:
    reply = await live.ask("HEAD", "/entityOperations/create")
    assert (reply.status, reply.headers["Allow"]) == (405, "POST, OPTIONS")


async def test_other_origins_learn_nothing_by_default(live: Live) -> None:
    for method in ("GET", "OPTIONS"):
        reply = await live.ask(method, "/types", headers={"Origin": "https://map.example"})
        assert not [name for name in reply.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize(("allowed", "told"), [("*", "*"), ("https://map.example", "https://map.example")])
async def test_pages_of_an_allowed_origin_may_read_and_write(tmp_path: Path, allowed: str, told: str) -> None:
    async with live_broker(tmp_path / "data", cors=(allowed,)) as live:
        origin = {"Origin": "https://map.example"}
        for _ in range(3):  # the way of known reads as well
            reply = await live.get("/types", headers=origin)
            assert reply.headers["Access-Control-Allow-Origin"] == told
            assert "NGSILD-Results-Count" in reply.headers["Access-Control-Expose-Headers"]
            assert "Access-Control-Allow-Origin" not in (await live.get("/types")).headers
        ask = {**origin, "Access-Control-Request-Method": "POST"}
        before = await live.ask("OPTIONS", "/entities", headers=ask)
        assert before.headers["Access-Control-Allow-Origin"] == told
        assert "POST" in before.headers["Access-Control-Allow-Methods"]
        assert "Access-Control-Allow-Credentials" not in before.headers


async def test_pages_of_another_origin_are_not_let_in(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", cors=("https://map.example",)) as live:
        reply = await live.get("/types", headers={"Origin": "https://other.example"})
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert reply.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "path", ["/", "/explorer/neighbours", "/openapi.json", "/metrics", "/ngsi-ld/v1/types", "/no"]
)
async def test_no_answer_tells_what_the_broker_is_written_in(live: Live, path: str) -> None:
    async with live.session.get(live.url + path) as answer:
        assert answer.headers["Server"] == "Engawa"
