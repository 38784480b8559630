"""Sources that fail, and brokers that end in the middle: what is passed on of subscriptions is put right. (5.8.1.4)"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from base.web import serving
from broker.federation.passed import KIND
from broker.operations.call import Broker
from tests.federation.test_subscriptions import SHELTER, shelter, subscribe, subscriptions_at
from tests.federation.towns import register, towns
from tests.live import live_broker
from tests.notify.receiver import Receiver, Request, receiving
from tests.notify.test_kill import process


@pytest.fixture
async def source() -> AsyncIterator[Receiver]:
    """Something that takes requests as a source would, and answers as it is told."""
    async with receiving(answer=201) as running:
        yield running


def endpoint(source: Receiver) -> str:
    return source.url.removesuffix("/notify")


def lines(source: Receiver) -> list[str]:
    """Give method and last part of the path of all requests."""
    heads = [one.head.split(" ") for one in source.requests]
    return [f"{method} {path.partition('?')[0].rpartition('/')[2]}" for method, path, *_ in heads]


def undated(request: Request) -> dict[str, Any]:
    """Give a copy without the end of its lease."""
    return {name: value for name, value in request.json.items() if name != "expiresAt"}


def copies(broker: Broker) -> list[dict[str, Any]]:
    return broker.catalogue.open("").records(KIND)


async def test_tries_again_until_the_source_takes_it(tmp_path: Path, source: Receiver) -> None:
    answers: list[int | None] = [None, 503, 201]
    source.answer = lambda _: answers.pop(0)
    async with live_broker(tmp_path) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        await subscribe(yabu, source)
        first, *_, last = await source.wait(3)
        assert undated(last) == undated(first)
        assert lines(source) == ["POST subscriptions"] * 3
        assert await source.quiet() == 3


async def test_a_source_that_has_the_copy_already_gets_it_brought_up_to_date(
    tmp_path: Path, source: Receiver
) -> None:
    """As after a crash between the answer and noting it. (5.8.1.4)"""
    source.answer = lambda request: 409 if request.head.startswith("POST") else 204
    async with live_broker(tmp_path) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        await subscribe(yabu, source)
        post, patch = await source.wait(2)
        assert lines(source) == ["POST subscriptions", f"PATCH {post.json['id']}"]
        assert {**undated(patch), "id": post.json["id"]} == undated(post)


async def test_headers_of_the_request_go_along_where_the_registration_says_so(
    tmp_path: Path, source: Receiver
) -> None:
    """Those of the request that made, changed or deleted the subscription. (4.3.6.5)"""
    info = [{"key": "X-Ticket", "value": "urn:ngsi-ld:request"}, {"key": "X-Town", "value": "yabu"}]
    body = {"type": "Subscription", "entities": [SHELTER], "notification": {"endpoint": {"uri": source.url}}}
    async with live_broker(tmp_path) as yabu:
        await register(yabu, endpoint(source), SHELTER, contextSourceInfo=info)
        made = await yabu.post("/subscriptions", body, headers={"X-Ticket": "one"})
        await source.wait()
        path = f"/subscriptions/{made.headers['Location'].rpartition('/')[2]}"
        assert (await yabu.ask("DELETE", path, headers={"X-Ticket": "two"})).status == 204
        post, delete = await source.wait(2)
        assert post.headers["X-Ticket"] == "one" and post.headers["X-Town"] == "yabu"
        assert delete.headers["X-Ticket"] == "two"


async def test_makes_anew_what_a_source_has_lost(tmp_path: Path, source: Receiver) -> None:
    source.answer = lambda request: 404 if request.head.startswith("PATCH") else 201
    async with live_broker(tmp_path) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        id = await subscribe(yabu, source)
        await source.wait()
        assert (await yabu.ask("PATCH", f"/subscriptions/{id}", {"q": "occupancy>3"})).status == 204
        post, _, again = await source.wait(3)
        assert undated(again) == {**undated(post), "q": "occupancy>3"}


async def test_a_source_that_cannot_change_copies_gets_another_one(tmp_path: Path, source: Receiver) -> None:
    async with live_broker(tmp_path) as yabu:
        await register(
            yabu, endpoint(source), SHELTER, operations=["createSubscription", "deleteSubscription"]
        )
        id = await subscribe(yabu, source)
        (post,) = await source.wait()
        assert (await yabu.ask("PATCH", f"/subscriptions/{id}", {"q": "occupancy>3"})).status == 204
        requests = await source.wait(3)
        assert sorted(lines(source)[1:]) == [f"DELETE {post.json['id']}", "POST subscriptions"]
        assert any(one.head.startswith("POST") and one.json["q"] == "occupancy>3" for one in requests[1:])


async def test_a_source_that_names_copies_itself_is_not_left_with_one(tmp_path: Path) -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def answer(request: web.Request) -> web.Response:
        await asked.put(f"{request.method} {request.path}")
        return web.Response(status=201, headers={"Location": "/ngsi-ld/v1/subscriptions/urn:x:1"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    async with serving(app, "127.0.0.1", 0, seconds=1.0) as port, live_broker(tmp_path) as yabu:
        await register(yabu, f"http://127.0.0.1:{port}", SHELTER)
        body = {
            "type": "Subscription",
            "entities": [SHELTER],
            "notification": {"endpoint": {"uri": yabu.url}},
        }
        assert (await yabu.post("/subscriptions", body)).status == 201
        async with asyncio.timeout(30):
            assert await asked.get() == "POST /ngsi-ld/v1/subscriptions"
            assert await asked.get() == "DELETE /ngsi-ld/v1/subscriptions/urn:x:1"


async def test_takes_back_after_a_restart_what_it_could_not_before(tmp_path: Path, source: Receiver) -> None:
    async with live_broker(tmp_path) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        id = await subscribe(yabu, source)
        (post,) = await source.wait()
        source.answer = 503
        assert (await yabu.ask("DELETE", f"/subscriptions/{id}")).status == 204
        await source.wait(2)
        assert [one["id"] for one in copies(yabu.broker)] == [post.json["id"]]
    source.answer = 204
    seen = len(source.requests)
    async with live_broker(tmp_path) as yabu:
        await source.wait(seen + 1)
        assert lines(source)[-1] == f"DELETE {post.json['id']}"
        await source.quiet()
        assert copies(yabu.broker) == []


async def test_a_restart_leaves_alone_what_stands(tmp_path: Path, source: Receiver) -> None:
    async with live_broker(tmp_path) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        await subscribe(yabu, source)
        await source.wait()
        await source.quiet()
    async with live_broker(tmp_path):
        assert await source.quiet() == 1


async def test_one_dead_source_does_not_delay_the_others(tmp_path: Path, source: Receiver) -> None:
    source.answer = None
    async with towns(tmp_path, 2) as (yabu, toyooka):
        await register(yabu, endpoint(source), SHELTER)
        await register(yabu, toyooka, SHELTER)
        for _ in range(5):
            await subscribe(yabu, source)
        await subscriptions_at(toyooka, 5)


async def test_a_tenant_that_is_dropped_takes_its_copies_with_it(tmp_path: Path, source: Receiver) -> None:
    tenant = {"NGSILD-Tenant": "yabu"}
    async with live_broker(tmp_path) as yabu:
        registration = {
            "type": "ContextSourceRegistration",
            "endpoint": endpoint(source),
            "information": [{"entities": [SHELTER]}],
        }
        assert (await yabu.post("/csourceRegistrations", registration, headers=tenant)).status == 201
        body = {
            "type": "Subscription",
            "entities": [SHELTER],
            "notification": {"endpoint": {"uri": source.url}},
        }
        assert (await yabu.post("/subscriptions", body, headers=tenant)).status == 201
        (post,) = await source.wait()
        await source.quiet()
        await yabu.broker.catalogue.drop("yabu")
        yabu.broker.notifier.changed("yabu")
        await source.wait(2)
        assert lines(source)[-1] == f"DELETE {post.json['id']}"


async def test_each_tenant_of_a_source_is_a_source_of_its_own(tmp_path: Path) -> None:
    async with receiving() as receiver, towns(tmp_path, 2) as (yabu, toyooka):
        tenant = {"NGSILD-Tenant": "shelters"}
        await toyooka.post("/entities", shelter(9), headers=tenant)
        await register(yabu, toyooka, SHELTER, tenant="shelters")
        await subscribe(yabu, receiver)
        async with asyncio.timeout(30):
            while not (await toyooka.get("/subscriptions", headers=tenant)).json:
                await receiver.quiet(0.02)
        await toyooka.post("/entities", shelter(1), headers=tenant)
        (request,) = await receiver.wait()
        assert request.entities == [shelter(1)] and "NGSILD-Tenant" not in request.head


@pytest.mark.kill
async def test_a_killed_broker_finds_its_copies_again(tmp_path: Path) -> None:
    """Killed while the source has the copy and has not answered: no second copy, and none that stays. (DESIGN 2.6)"""
    held: list[Request] = []

    def never(request: Request) -> int | None:
        held.append(request)
        return None

    async with aiohttp.ClientSession() as session, receiving(answer=never) as source:
        registration = {
            "type": "ContextSourceRegistration",
            "endpoint": endpoint(source),
            "information": [{"entities": [SHELTER]}],
        }
        body = {
            "id": "urn:ngsi-ld:Subscription:1",
            "type": "Subscription",
            "entities": [SHELTER],
            "notification": {"endpoint": {"uri": source.url}},
        }
        async with process(tmp_path, session) as url:
            for path, sent in (("csourceRegistrations", registration), ("subscriptions", body)):
                async with session.post(f"{url}/{path}", json=sent) as reply:
                    assert reply.status == 201
            (first, *_) = await source.wait()
        source.answer = 409
        seen = len(source.requests)
        async with process(tmp_path, session) as url:
            await source.wait(seen + 1)
            assert json.loads(source.requests[seen].body)["id"] == first.json["id"]
            source.answer = 204
            async with session.delete(f"{url}/subscriptions/{body['id']}") as reply:
                assert reply.status == 204
            async with asyncio.timeout(30):
                while not lines(source)[-1].startswith("DELETE"):
                    await source.quiet(0.05)
            assert lines(source)[-1] == f"DELETE {first.json['id']}"
