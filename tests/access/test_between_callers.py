"""Nothing understood or kept for one caller serves another, and no credential travels on. (OWASP API1, API3:2023)"""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from base.access.caller import Caller
from base.access.doors import without_credentials
from broker.api.front import Front
from broker.operations.call import Call
from tests.access.secure import Authority, bearer, issuers, issuing, rsa, secure_broker, token
from tests.live import live_broker

SHELTER = {"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter"}
PATH = f"/ngsi-ld/v1/entities/{SHELTER['id']}"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Note each call that an operation of the table runs with."""
    calls: list[Call] = []
    began = Call.at

    def at(call: Call, now: int) -> Call:
        made = began(call, now)
        calls.append(made)
        return made

    made = Front._call

    async def noted(front: Front, *more: object) -> Call:
        call = await made(front, *more)  # type: ignore[arg-type]  # handed on as it comes
        calls.append(call)
        return call

    monkeypatch.setattr(Call, "at", at)
    monkeypatch.setattr(Front, "_call", noted)
    return calls


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *headers: str, path: str = PATH
) -> tuple[int, bytes]:
    writer.write("\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length
    return int(head.split()[1]), await reader.readexactly(int(length[1]))


async def ask(*line: Any, path: str = PATH) -> int:
    return (await answer(*line, path=path))[0]


async def body(*line: Any, path: str = PATH) -> bytes:
    return (await answer(*line, path=path))[1]


async def test_each_request_runs_as_its_own_caller(tmp_path: Path, ran: list[Call]) -> None:
    key = rsa()
    async with issuing(key) as keys, live_broker(tmp_path / "d", issuers=issuers(tmp_path, keys.url)) as live:
        await live.post("/entities", SHELTER)
        assert live.broker.doors.keys is not None
        gate, _ = await live.broker.doors.keys.add("gate", ["a"], None, 1)
        lamp, _ = await live.broker.doors.keys.add("lamp", ["b"], None, 1)
        credentials = {
            Caller(): [],
            Caller("key", "gate", frozenset("a")): [f"Authorization: Bearer {gate}"],
            Caller("key", "lamp", frozenset("b")): [f"X-API-Key: {lamp}"],
            Caller("token", "login/one", frozenset(["reader"])): [
                f"Authorization: Bearer {token(key, sub='one')}"
            ],
            Caller("token", "login/two", frozenset(["reader"])): [
                f"authorization: bearer {token(key, sub='two')}"
            ],
        }
        reader, writer = await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2]))
        ran.clear()
        for _ in range(4):
            for headers in credentials.values():
                assert await ask(reader, writer, *headers) == 200
        writer.close()
    assert [call.caller for call in ran] == list(credentials) * 4
    for call in ran:
        assert not {name.lower() for name in call.headers} & {"authorization", "x-api-key"}


async def test_a_removed_key_is_refused_however_often_it_was_served(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live:
        await live.post("/entities", SHELTER)
        assert live.broker.doors.keys is not None
        gate, _ = await live.broker.doors.keys.add("gate", [], None, 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2]))
        header = f"Authorization: Bearer {gate}"
        assert [await ask(reader, writer, header) for _ in range(5)] == [200] * 5
        await live.broker.doors.keys.remove("gate")
        assert [await ask(reader, writer, header) for _ in range(3)] == [401] * 3
        assert [await ask(reader, writer) for _ in range(3)] == [200] * 3
        writer.close()


POLICY = """
[[rule]]
who = "key:staff"
may = ["read", "write"]

[[rule]]
who = "anyone"
may = "read"
attributes_except = ["https://uri.etsi.org/ngsi-ld/default-context/telephone"]
"""


async def test_what_one_may_see_is_not_shown_to_another_by_any_way(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    async with live_broker(tmp_path / "data", policy=file) as live:
        assert live.broker.doors.keys is not None
        staff, _ = await live.broker.doors.keys.add("staff", [], None, 1)
        guest, _ = await live.broker.doors.keys.add("guest", [], None, 1)
        telephone = {"telephone": {"type": "Property", "value": "079-000-0000"}}
        assert (await live.post("/entities", {**SHELTER, **telephone}, headers=bearer(staff))).status == 201
        paths = (
            PATH,
            "/ngsi-ld/v1/entities?type=Shelter",
            "/ngsi-ld/v1/attributes",
            "/ngsi-ld/v1/types/Shelter",
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2]))
        for path in paths * 4:
            for headers, shown in (
                ([f"Authorization: Bearer {staff}"], True),
                ([], False),
                ([f"X-API-Key: {guest}"], False),
                ([f"X-API-Key: {staff}"], True),
            ):
                assert (b"telephone" in await body(reader, writer, *headers, path=path)) is shown
        file.write_text(POLICY.split('[[rule]]\nwho = "anyone"')[0])
        for _ in range(600):  # a connection that was served past the server is refused, not broken
            if await ask(reader, writer) == 401:
                break
            await asyncio.sleep(0.05)
        assert await ask(reader, writer) == 401
        assert await ask(reader, writer, f"X-API-Key: {guest}") == 403
        assert await ask(reader, writer, f"X-API-Key: {staff}") == 200
        writer.close()


async def test_connections_with_certificates_are_not_answered_as_nobody(
    tmp_path: Path, ran: list[Call]
) -> None:
    authority = Authority(tmp_path)
    async with secure_broker(tmp_path, tls_client_authorities=authority.file) as secure:
        lines = [
            await asyncio.open_connection("localhost", secure.port, ssl=secure.trusting(certificate))
            for certificate in (None, authority.issue("yabu"), authority.issue("asago"))
        ]
        for _ in range(4):
            for reader, writer in lines:
                assert await ask(reader, writer, path="/ngsi-ld/v1/types") == 200
        for _, writer in lines:
            writer.close()
    assert [call.caller.name for call in ran] == ["", "yabu", "asago"] * 4


async def test_credentials_are_judged_one_by_one_in_a_pipeline(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live:
        await live.post("/entities", SHELTER)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2]))
        plain = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        wrong = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer engawa_x\r\n\r\n".encode()
        for _ in range(3):
            writer.write(plain + wrong + plain)
            statuses = []
            for _ in range(3):
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
                length = re.search(rb"Content-Length: (\d+)", head)
                assert length
                await reader.readexactly(int(length[1]))
                statuses.append(int(head.split()[1]))
            assert statuses == [200, 401, 200]
        writer.close()


async def test_no_credential_travels_on_to_a_source(tmp_path: Path) -> None:
    """4.3.6.5: urn:ngsi-ld:request copies headers of the request; whoever registers a source must not collect keys."""
    seen: list[dict[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append({name.lower(): value for name, value in request.headers.items()})
        return web.json_response([])

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", take)
    async with TestServer(app) as source, live_broker(tmp_path) as live:
        assert live.broker.doors.keys is not None
        key, _ = await live.broker.doors.keys.add("gate", [], None, 1)
        registration = {
            "type": "ContextSourceRegistration",
            "information": [{"entities": [{"type": "Shelter"}]}],
            "endpoint": str(source.make_url("/")),
            "contextSourceInfo": [
                {"key": name, "value": "urn:ngsi-ld:request"}
                for name in ("Authorization", "X-API-Key", "User")
            ],
        }
        assert (await live.post("/csourceRegistrations", registration)).status == 201
        for headers in (bearer(key), {"X-API-Key": key}):
            assert (
                await live.get("/entities", headers={**headers, "User": "u1"}, type="Shelter")
            ).status == 200
    assert [headers.get("user") for headers in seen] == ["u1", "u1"]
    for headers in seen:
        assert not {"authorization", "x-api-key"} & set(headers)
        assert key not in " ".join(headers.values())


async def test_browsers_may_send_credentials_of_allowed_origins(tmp_path: Path) -> None:
    async with live_broker(tmp_path, cors=("https://app.example",)) as live:
        asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
        reply = await live.ask("OPTIONS", "/types", headers=asked)
        assert reply.status == 204
        assert {"Authorization", "X-API-Key"} <= set(
            reply.headers["Access-Control-Allow-Headers"].split(", ")
        )
        assert "Access-Control-Allow-Credentials" not in reply.headers
        refused = await live.get("/types", headers={**bearer("engawa_x"), "Origin": "https://app.example"})
        assert refused.status == 401
        assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example"


async def test_pages_act_as_nobody(tmp_path: Path, ran: list[Call]) -> None:
    async with live_broker(tmp_path) as live:
        assert live.broker.doors.keys is not None
        gate, _ = await live.broker.doors.keys.add("gate", [], None, 1)
        async with live.session.get(live.url + "/", headers=bearer(gate)) as answer:
            assert answer.status == 200
    assert ran
    assert {call.caller for call in ran} == {Caller()}


@given(
    st.dictionaries(
        st.sampled_from(["Authorization", "AUTHORIZATION", "x-api-key", "X-API-Key", "Accept", "Link"]),
        st.text(),
    )
)
def test_leaves_out_every_credential(headers: dict[str, str]) -> None:
    left = without_credentials(headers)
    assert {name.lower() for name in left} <= {"accept", "link"}
    assert all(left[name] == value for name, value in headers.items() if name in ("Accept", "Link"))
