"""What clients are told of sources that refuse, fail or lie: its substance, never its secrets. (6.3.17, 5.2.16-5.2.19)"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.federation.provision import ID, held, keep, properties, register, shelter
from tests.live import Live

pytestmark = pytest.mark.asyncio(loop_scope="module")

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


@dataclass
class Told:
    """A source that answers as it is told, and the requests it got."""

    url: str
    status: int = 204
    body: Any = None
    requests: list[tuple[str, str, Any]] = field(default_factory=list)


@contextlib.asynccontextmanager
async def telling(status: int, body: Any = None) -> AsyncIterator[Told]:
    """Run such a source until the block ends."""
    told = Told("", status, body)

    async def answer(request: web.Request) -> web.Response:
        told.requests.append(
            (request.method, request.path_qs, await request.json() if request.can_read_body else None)
        )
        if told.body is None:
            return web.Response(status=told.status)
        return web.json_response(told.body, status=told.status)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    told.url = str(server.make_url("")).rstrip("/")
    try:
        yield told
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, 404), (409, 409), (400, 502), (403, 502), (500, 502), (503, 502), (504, 504), (508, 508)],
)
async def test_one_source_that_refuses_all_decides_the_status(
    front: Live, status: int, expected: int
) -> None:
    async with telling(status) as source:
        await register(front, source.url, "redirect")
        reply = await front.post("/entities", shelter(name="A"))
    assert reply.status == expected
    assert reply.json["status"] == expected
    assert await held(front) is None


async def test_the_substance_of_a_refusal_is_passed_on(front: Live) -> None:
    problem = {"type": ERRORS + "BadRequestData", "title": "Bad", "detail": "beds is\x00 no\nnumber"}
    async with telling(400, problem | {"trace": "internal"}) as source:
        await register(front, source.url, "redirect")
        reply = await front.post("/entities", shelter(name="A"))
    assert reply.json["detail"] == "The context source answered 400. It says: Bad: beds is no number"
    assert b"internal" not in reply.raw


async def test_what_a_source_was_told_in_confidence_is_not_passed_on(front: Live) -> None:
    problem = {"title": "Refused", "detail": "key s3cret-key is not known"}
    async with telling(400, problem) as source:
        secret = [{"key": "X-Api-Key", "value": "Bearer s3cret-key"}]
        await register(front, source.url, "redirect", contextSourceInfo=secret)
        reply = await front.post("/entities", shelter(name="A"))
        source.status = 401
        again = await front.post("/entities", shelter(name="A"))
    assert b"s3cret-key" not in reply.raw
    assert reply.json["detail"].endswith("Refused: key … is not known")
    assert "says" not in again.json["detail"]


@pytest.mark.parametrize("body", [None, [], {}, {"errors": [1]}, {"notUpdated": "all"}, "text", 7])
async def test_a_source_that_does_not_say_what_failed_has_not_done_all(front: Live, body: Any) -> None:
    async with telling(207, body) as source:
        await register(front, source.url, "redirect", "beds")
        await keep(front, shelter(name="A"))
        reply = await front.post(f"/entities/{ID}/attrs", properties(beds=3, floor=1))
    assert reply.status == 207
    assert [one["attributeName"].rpartition("/")[2] for one in reply.json["notUpdated"]] == ["beds"]
    assert [name.rpartition("/")[2] for name in reply.json["updated"]] == ["floor"]


async def test_attributes_a_source_did_not_update_are_named(front: Live) -> None:
    names = [{"attributeName": "beds", "reason": "kept"}]
    async with telling(207, {"updated": ["floor"], "notUpdated": names}) as source:
        registration = await register(front, source.url, "redirect")
        reply = await front.post(f"/entities/{ID}/attrs", properties(beds=3, floor=1))
    assert reply.status == 207
    iri = "https://uri.etsi.org/ngsi-ld/default-context/"
    assert reply.json == {
        "updated": [iri + "floor"],
        "notUpdated": [{"attributeName": iri + "beds", "reason": "kept", "registrationId": registration}],
    }


@pytest.mark.parametrize("body", [None, {}, {"success": 1}, {"errors": [{"entityId": 1}]}, [1]])
async def test_a_batch_of_which_a_source_does_not_tell_has_failed_there(front: Live, body: Any) -> None:
    async with telling(207, body) as source:
        await register(front, source.url, "redirect", operations=["createBatch"])
        reply = await front.post("/entityOperations/create", [shelter(name="A")])
    assert reply.status == 207
    assert reply.json["success"] == []
    assert [one["entityId"] for one in reply.json["errors"]] == [ID]


async def test_errors_of_a_batch_are_told_as_the_source_does_but_no_more(front: Live) -> None:
    error = {"type": ERRORS + "AlreadyExists", "title": "There", "detail": "x" * 5_000, "status": 409}
    errors = [{"entityId": ID, "error": error | {"trace": "internal"}}]
    async with telling(207, {"success": ["urn:other"], "errors": errors}) as source:
        registration = await register(front, source.url, "redirect", operations=["createBatch"])
        reply = await front.post("/entityOperations/create", [shelter(name="A")])
    (one,) = reply.json["errors"]
    assert one["registrationId"] == registration
    assert (one["error"]["type"], one["error"]["status"]) == (ERRORS + "AlreadyExists", 409)
    assert len(one["error"]["detail"]) == 300
    assert reply.json["success"] == []
    assert b"internal" not in reply.raw


async def test_all_sources_without_the_entity_are_not_found(front: Live) -> None:
    async with telling(404) as one, telling(404) as two:
        for source in (one, two):
            await register(front, source.url, "redirect")
        assert (await front.ask("DELETE", f"/entities/{ID}")).status == 404


async def test_several_sources_that_fail_are_told_of_each(front: Live) -> None:
    async with telling(500) as one, telling(500) as two:
        ids = [await register(front, source.url, "redirect") for source in (one, two)]
        reply = await front.post("/entities", shelter(name="A"))
    assert reply.status == 207
    assert [error["registrationId"] for error in reply.json["errors"]] == ids


async def test_parameters_are_passed_on_but_for_the_local_scope(front: Live) -> None:
    """Beside them the types registered, where nobody knows which the entity has. (4.3.6.1)"""
    async with telling(204) as source:
        await register(front, source.url, "redirect")
        path = f"/entities/{ID}/attrs"
        params = {"options": "noOverwrite", "type": "Shelter", "local": "false"}
        await front.ask("POST", path, properties(beds=3), params=params)
        await front.ask("DELETE", f"{path}/beds", params={"deleteAll": "true"})
        await front.ask("PATCH", f"/entities/{ID}", {"beds": 3}, params={"format": "simplified"})
    root = f"/ngsi-ld/v1/entities/{ID}"
    assert source.requests == [
        ("POST", f"{root}/attrs/?options=noOverwrite&type=Shelter", properties(beds=3)),
        ("DELETE", f"{root}/attrs/beds?deleteAll=true&type=Shelter", None),
        ("PATCH", f"{root}?format=simplified&type=Shelter", {"beds": 3}),
    ]
