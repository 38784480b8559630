"""The issuers of tokens: their keys come and go, their servers fail or lie, their file is read as a whole. (RFC 7517)"""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from base.access.issuers import read
from base.access.key_sets import read_keys
from base.settings import SettingError
from tests.access.presenting import ask, part, refused
from tests.access.secure import (
    AUDIENCE,
    ISSUER,
    claims,
    edwards,
    elliptic,
    issuers,
    issuing,
    rsa,
    token,
)
from tests.live import Live, Reply, live_broker

RSA, EC, ED = rsa(), elliptic(), edwards()


async def becomes(live: Live, text: str, status: int) -> Reply:
    """Ask until the status is this one."""
    async with asyncio.timeout(30):
        while (reply := await ask(live, text)).status != status:  # noqa: ASYNC110  # it looks from outside
            await asyncio.sleep(0.05)
    return reply


async def test_a_new_key_serves_and_a_dropped_one_does_not(tmp_path: Path) -> None:
    former, fresh = rsa("2026"), rsa("2027")
    async with (
        issuing(former) as keys,
        live_broker(tmp_path, issuers=issuers(tmp_path, keys.url, pause=0.05)) as live,
    ):
        old, new = token(former), token(fresh)
        assert (await ask(live, old)).status == 200
        refused(await ask(live, new))
        keys.keys = [former, fresh]
        await asyncio.sleep(0.1)
        assert (await ask(live, new)).status == 200
        assert (await ask(live, old)).status == 200
        keys.keys = [fresh]
        await asyncio.sleep(0.1)
        refused(await ask(live, token(rsa("other"))))  # makes the broker look again
        refused(await ask(live, old))
        assert (await ask(live, new)).status == 200


async def test_a_dropped_key_ends_by_itself(tmp_path: Path) -> None:
    async with (
        issuing(RSA) as keys,
        live_broker(tmp_path, issuers=issuers(tmp_path, keys.url, refresh=0.1)) as live,
    ):
        text = token(RSA)
        assert (await ask(live, text)).status == 200
        keys.keys = []
        for _ in range(600):
            await asyncio.sleep(0.05)
            if (await ask(live, text)).status == 401:
                return
        raise AssertionError("the key still serves")


async def test_unknown_keys_cannot_drive_requests_to_the_issuer(tmp_path: Path) -> None:
    async with (
        issuing(RSA) as keys,
        live_broker(tmp_path, issuers=issuers(tmp_path, keys.url, pause=600)) as live,
    ):
        assert (await ask(live, token(RSA))).status == 200
        before = keys.asked
        stranger = rsa("stranger")
        replies = await asyncio.gather(
            *(ask(live, token(stranger, header={"kid": f"k{number}"})) for number in range(30))
        )
        assert {reply.status for reply in replies} == {401}
        assert keys.asked == before


async def test_keeps_keys_for_a_while_when_the_issuer_is_away(tmp_path: Path) -> None:
    async with issuing(RSA) as keys:
        file = issuers(tmp_path, keys.url, refresh=0.05, pause=0.01, keep=1.0)
        async with live_broker(tmp_path, issuers=file) as live:
            text = token(RSA)
            assert (await ask(live, text)).status == 200
            keys.status, begun = 500, time.monotonic()
            await asyncio.sleep(0.2)
            reply = await ask(live, text)
            assert reply.status == 200 or time.monotonic() - begun > 0.9
            reply = await becomes(live, text, 503)
            assert reply.headers["Retry-After"]
            keys.status = 200
            await becomes(live, text, 200)


@pytest.mark.parametrize("what", ["endless", "location", "empty", "html", "list", "many", "status"], ids=str)
async def test_survives_an_issuer_that_answers_nonsense(tmp_path: Path, what: str) -> None:
    bodies = {
        "empty": b"",
        "html": b"<html>",
        "list": b"[]",
        "many": orjson.dumps({"keys": [{}] * 101}),
        "status": None,
    }
    async with issuing(RSA) as keys:
        keys.endless = what == "endless"
        keys.location = "http://169.254.169.254/keys" if what == "location" else ""
        keys.body = bodies.get(what)
        keys.status = 500 if what == "status" else 200
        async with live_broker(tmp_path, issuers=issuers(tmp_path, keys.url)) as live:
            assert (await ask(live, token(RSA))).status == 503
            assert (await live.get("/types")).status == 200
        assert keys.sent < 10_000_000


async def test_fetches_keys_only_from_where_requests_may_go(tmp_path: Path) -> None:
    """A broker that others reach does not speak to its own machine, unless the address is listed."""
    async with issuing(RSA) as keys:
        file = issuers(tmp_path, keys.url)
        async with live_broker(tmp_path / "a", host="192.0.2.1", issuers=file) as live:
            assert (await ask(live, token(RSA))).status == 503
        assert keys.asked == 0
        async with live_broker(
            tmp_path / "b", host="192.0.2.1", issuers=file, outgoing=("127.0.0.1",)
        ) as live:
            assert (await ask(live, token(RSA))).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithms": ["none"]},
        {"algorithms": ["RS256", "HS256"]},
        {"algorithms": []},
        {"audience": []},
        {"audience": None},
        {"issuer": ""},
        {"name": "a b"},
        {"jwks": "http://login.example/keys"},
        {"leeway": 301},
        {"leeway": -1},
        {"keep": True},
        {"refresh": "often"},
        {"secret": "x"},
    ],
    ids=str,
)
async def test_does_not_start_with_issuers_it_cannot_trust(tmp_path: Path, wrong: dict[str, Any]) -> None:
    values = {"name": "login", "issuer": ISSUER, "jwks": "https://login.example/keys", "audience": AUDIENCE}
    lines = (
        f"{name} = {orjson.dumps(value).decode()}"
        for name, value in (values | wrong).items()
        if value is not None
    )
    file = tmp_path / "issuers.toml"
    file.write_text("\n".join(["[[issuer]]", *lines]))
    with pytest.raises(SettingError, match=r"issuers\.toml"):
        read(file)


def test_does_not_take_two_issuers_for_one(tmp_path: Path) -> None:
    file = issuers(tmp_path, "https://login.example/keys")
    file.write_text(file.read_text() * 2)
    with pytest.raises(SettingError, match="the same"):
        read(file)
    for content in ("", "x = 1", "[issuer]", "issuer = 1", "issuer = [1]", "\xff"):
        file.write_text(content, encoding="latin-1")
        with pytest.raises(SettingError):
            read(file)


async def test_reads_keys_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(orjson.dumps({"keys": [RSA.as_dict(private=False)]}))
    async with live_broker(tmp_path / "data", issuers=issuers(tmp_path, "keys.json")) as live:
        assert (await ask(live, token(RSA))).status == 200


async def test_a_token_without_kid_serves_where_there_is_one_key(tmp_path: Path) -> None:
    single = RSAKey.generate_key(2048)
    async with (
        issuing(single) as keys,
        live_broker(tmp_path, issuers=issuers(tmp_path, keys.url)) as live,
    ):
        text = jwt.encode({"alg": "RS256"}, claims(), single)
        assert (await ask(live, text)).status == 200


def test_uses_only_keys_that_verify_signatures() -> None:
    usable = [RSA.as_dict(private=False), EC.as_dict(private=False), ED.as_dict(private=False)]
    others = [
        OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True),
        rsa("enc", use="enc").as_dict(private=False),
        {**RSA.as_dict(private=False), "key_ops": ["encrypt"]},
        {**RSA.as_dict(private=False), "n": part(b"\x01" * 128)},
        {**RSA.as_dict(private=False), "n": part(b"\x01" * 4_096)},
        {**EC.as_dict(private=False), "x": part(b"\x01" * 32)},
        {**EC.as_dict(private=False), "crv": "P-1"},
        {"kty": "RSA"},
        {"kty": "new"},
        {},
        [],
        "x",
        None,
    ]
    assert [key.kid for key in read_keys(orjson.dumps({"keys": [*others, *usable]}))] == ["rsa", "ec", "ed"]


MEMBERS = st.sampled_from(["keys", "kty", "kid", "n", "e", "use", "key_ops"])
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.text(max_size=5)
    | st.sampled_from(["RSA", "EC", "OKP"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner, max_size=4),
)


@given(ANYTHING)
def test_reads_any_document_or_says_that_it_is_none(document: Any) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(read_keys(orjson.dumps(document)), tuple)
