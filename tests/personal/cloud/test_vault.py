"""The vault server: who may do what, limits, what it sees, and what its client makes of its faults. (issue 5)"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

from base.errors import BadRequestData, Conflict
from base.settings import SettingError
from personal.cloud.settings import VaultSettings, check
from personal.locations.cloud import PATH, Cloud
from personal.locations.contract import CopyMissing, LocationFull, LocationOffline
from personal.rules.identifiers import fresh
from personal.vault import requests
from personal.vault.signing import Signer
from tests.personal.cloud.vaults import Vault, copy, vault

SEALED = b"\x01sealed"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Vault]:
    async with vault(tmp_path / "vault", copy_bytes=1_000, client_bytes=2_500) as running:
        yield running


async def test_a_copy_is_kept_given_back_and_removed(there: Vault) -> None:
    name = fresh("c_")
    assert (await there.ask("PUT", name, SEALED))[0] == 201
    assert (await there.ask("PUT", name, SEALED))[0] == 200
    assert await there.ask("GET", name) == (200, SEALED)
    assert (await there.ask("DELETE", name))[0] == 204
    assert (await there.ask("DELETE", name))[0] == 204
    assert (await there.ask("GET", name))[0] == 404


async def test_a_name_is_used_once(there: Vault) -> None:
    name = fresh("c_")
    await there.ask("PUT", name, SEALED)
    assert (await there.ask("PUT", name, b"other"))[0] == 409
    assert await there.ask("GET", name) == (200, SEALED)
    await there.ask("DELETE", name)
    assert (await there.ask("PUT", name, SEALED))[0] == 409


async def test_one_client_neither_sees_nor_removes_what_another_keeps(there: Vault) -> None:
    name = fresh("c_")
    await there.ask("PUT", name, SEALED)
    missing = await there.ask("GET", fresh("c_"), client="asago")
    assert await there.ask("GET", name, client="asago") == missing
    assert (await there.ask("PUT", name, b"of asago", client="asago"))[0] == 201
    await there.ask("DELETE", name, client="asago")
    assert await there.ask("GET", name) == (200, SEALED)


FORGERIES: dict[str, Any] = {
    "another key": {"signer": Signer(bytes(range(32)))},
    "another method": {"method": "DELETE"},
    "another name": {"name": "c_AAAAAAAAAAAAAAAAAAAAAA"},
    "another body": {"body": b"other"},
    "another vault": {"audience": "https://other.example"},
    "no proof": {"proof": "none"},
    "an unsigned proof": {"proof": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ5YWJ1In0."},
    "an old proof": {"late": -120},
    "a proof of the future": {"late": 120},
}


@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_request_that_is_not_proven_does_nothing(there: Vault, kind: str) -> None:
    name = fresh("c_")
    status, told = await there.ask("PUT", name, SEALED, **FORGERIES[kind])
    assert status == 401
    assert (b"ClockDiffers" in told) == ("late" in FORGERIES[kind])
    assert (await there.ask("GET", name))[0] == 404


async def test_a_proof_of_one_client_is_none_of_another(there: Vault) -> None:
    name = fresh("c_")
    proof = there.proof("GET", name, signer=there.signers["asago"])
    assert (await there.ask("GET", name, proof=proof))[0] == 401
    nobody = there.proof("GET", name, signer=there.signers["asago"], client="asago").encode()
    assert (await there.ask("GET", name, proof=nobody[:-4].decode() + "AAAA"))[0] == 401


async def test_a_request_that_is_sent_again_brings_nothing_removed_back(there: Vault) -> None:
    name = fresh("c_")
    proof = there.proof("PUT", name, SEALED)
    assert (await there.ask("PUT", name, SEALED, proof=proof))[0] == 201
    assert (await there.ask("PUT", name, SEALED, proof=proof))[0] == 200
    await there.ask("DELETE", name)
    assert (await there.ask("PUT", name, SEALED, proof=proof))[0] == 409


async def test_limits_are_kept_and_room_comes_back(there: Vault) -> None:
    names = [fresh("c_") for _ in range(3)]
    assert (await there.ask("PUT", names[0], bytes(1_001)))[0] == 413
    assert [(await there.ask("PUT", name, bytes(1_000)))[0] for name in names] == [201, 201, 507]
    assert (await there.ask("PUT", names[2], bytes(1_000), client="asago"))[0] == 201
    await there.ask("DELETE", names[0])
    await there.ask("DELETE", names[0])
    assert (await there.ask("PUT", names[2], bytes(1_000)))[0] == 201
    found = there.store.client("yabu")
    assert found and found.bytes == 2_000


async def test_too_many_requests_are_told_to_wait(tmp_path: Path) -> None:
    async with vault(tmp_path / "vault", requests_per_second=2) as there:
        statuses = [(await there.ask("GET", fresh("c_")))[0] for _ in range(8)]
    assert 429 in statuses


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PATH, 404),
        ("GET", PATH + "short", 404),
        ("GET", PATH + "../../etc/passwd", 404),
        ("GET", "/", 404),
        ("GET", "/health/ready", 200),
    ],
)
async def test_nothing_is_listed(there: Vault, method: str, path: str, status: int) -> None:
    async with there.session.request(method, there.url + path) as reply:
        assert reply.status == status
        assert b"yabu" not in await reply.read()


async def test_a_body_where_none_belongs_or_none_where_one_does_is_refused(there: Vault) -> None:
    assert (await there.ask("GET", fresh("c_"), SEALED))[0] == 400
    assert (await there.ask("PUT", fresh("c_")))[0] == 400
    assert (await there.ask("PATCH", fresh("c_"), SEALED))[0] in (400, 405)


async def test_what_was_taken_is_there_after_a_restart(tmp_path: Path) -> None:
    name = fresh("c_")
    async with vault(tmp_path / "vault") as there:
        await there.ask("PUT", name, SEALED)
    async with vault(tmp_path / "vault") as there:
        assert await there.ask("GET", name) == (200, SEALED)


async def test_a_client_is_removed_with_its_copies_only_if_that_is_wanted(there: Vault) -> None:
    name = fresh("c_")
    await there.ask("PUT", name, SEALED)
    with pytest.raises(Conflict):
        await there.store.remove_client("yabu", with_copies=False)
    assert await there.store.remove_client("yabu", with_copies=True) == 1
    assert (await there.ask("GET", name))[0] == 401


async def test_the_location_keeps_gives_and_removes_copies(there: Vault) -> None:
    location, one = there.location(), copy()
    assert not await location.holds(one)
    await location.put(one, SEALED)
    await location.put(one, SEALED)
    assert await location.holds(one) and await location.get(one) == SEALED
    await location.remove(one)
    await location.remove(one)
    with pytest.raises(CopyMissing):
        await location.get(one)
    with pytest.raises(LocationFull):
        await location.put(copy(), bytes(5_000))


async def test_a_key_that_the_vault_does_not_know_is_told(there: Vault) -> None:
    stranger = Cloud(there.session, there.url, "yabu", Signer(os.urandom(32)))
    with pytest.raises(LocationOffline, match="does not know the key"):
        await stranger.put(copy(), SEALED)


@contextlib.asynccontextmanager
async def misbehaving(answer: Callable[[web.Request], Any]) -> AsyncIterator[Cloud]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        async with aiohttp.ClientSession() as session:
            patience = aiohttp.ClientTimeout(total=0.5)
            yield Cloud(session, f"http://127.0.0.1:{port}", "yabu", Signer(os.urandom(32)), timeout=patience)
    finally:
        await runner.cleanup()


async def _slow(_: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response()


async def _redirect(_: web.Request) -> web.Response:
    raise web.HTTPFound("http://127.0.0.1:1/")


async def _broken(_: web.Request) -> web.Response:
    raise web.HTTPInternalServerError(text="secret")


async def _late(_: web.Request) -> web.Response:
    return web.json_response({"type": "urn:engawa:errors:ClockDiffers"}, status=401)


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    assert request.transport
    request.transport.abort()
    return response


@pytest.mark.parametrize("answer", [_slow, _redirect, _broken, _late, _cut])
async def test_a_vault_that_misbehaves_is_as_one_that_is_off_line(answer: Any) -> None:
    async with misbehaving(answer) as location:
        for attempt in (location.get(copy()), location.put(copy(), SEALED), location.remove(copy())):
            with pytest.raises(LocationOffline) as told:
                await attempt
            assert "secret" not in told.value.detail
            assert ("clock" in told.value.detail) == (answer is _late)


async def test_a_vault_that_is_not_there_is_off_line(unused_tcp_port: int) -> None:
    async with aiohttp.ClientSession() as session:
        gone = Cloud(session, f"http://127.0.0.1:{unused_tcp_port}", "yabu", Signer(os.urandom(32)))
        with pytest.raises(LocationOffline):
            await gone.get(copy())


async def test_over_tls_only_a_vault_whose_certificate_holds_is_used(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "vault.pem")
    import ssl

    good, bad = (ssl.create_default_context() for _ in range(2))
    authority.configure_trust(good)
    stranger.configure_trust(bad)
    async with vault(tmp_path / "vault", tls_certificate=tmp_path / "vault.pem") as there:
        assert there.url.startswith("https:")
        await there.location(tls=good).put(copy(), SEALED)
        with pytest.raises(LocationOffline):
            await there.location(tls=bad).put(copy(), SEALED)
        with pytest.raises(LocationOffline):
            await there.location().put(copy(), SEALED)


def test_a_vault_that_others_reach_needs_tls() -> None:
    with pytest.raises(SettingError, match="tls_certificate"):
        check(VaultSettings(host="0.0.0.0"))
    check(VaultSettings())


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"kty": "oct", "k": "AA"},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {**Signer(bytes(32)).public(), "d": "AA"},
    ],
)
def test_what_is_no_public_key_of_a_client_is_refused(document: Any) -> None:
    with pytest.raises(BadRequestData):
        requests.public_key(document)
