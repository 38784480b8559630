"""Bearer tokens: only what an issuer of the settings signed, for us, for now, opens anything. (RFC 7519, 8725, 6750)"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from multidict import CIMultiDict, CIMultiDictProxy

from base.access.doors import Doors
from base.access.issuers import Issuer, read
from base.access.key_sets import read_keys
from base.access.keys import Keys
from base.access.tokens import Tokens
from base.egress import AddressPolicy
from base.errors import Unauthorized
from base.hot import Visitor
from base.settings import SettingError
from tests.access.secure import (
    AUDIENCE,
    ISSUER,
    Issuing,
    bearer,
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


@pytest.fixture
async def keys() -> AsyncIterator[Issuing]:
    async with issuing(RSA, EC, ED) as server:
        yield server


@pytest.fixture
async def live(tmp_path: Path, keys: Issuing) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data", issuers=issuers(tmp_path, keys.url, pause=0.2)) as broker:
        yield broker


async def ask(live: Live, text: str) -> Reply:
    return await live.get("/types", headers=bearer(text))


def refused(reply: Reply, text: str = "") -> None:
    assert reply.status == 401, reply.json
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="engawa", error="invalid_token"'
    assert reply.json["type"] == "urn:engawa:errors:Unauthorized"
    for part in filter(None, text.split(".")):
        assert part not in reply.raw.decode()


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_accepts_what_the_issuer_signed(live: Live) -> None:
    for key, algorithm in ((RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA"), (ED, "Ed25519")):
        assert (await ask(live, token(key, algorithm))).status == 200
        assert (await ask(live, token(key, algorithm, {"typ": "at+jwt"}))).status == 200
        assert (await ask(live, token(key, algorithm, aud=["other", AUDIENCE]))).status == 200


WRONG_CLAIMS: list[dict[str, Any]] = [
    {"exp": 1},
    {"exp": int(time.time()) - 31},
    {"exp": None},
    {"exp": "9999999999"},
    {"exp": True},
    {"exp": float("nan")},
    {"exp": float("inf")},
    {"nbf": int(time.time()) + 600},
    {"nbf": float("nan")},
    {"iat": int(time.time()) + 600},
    {"aud": "another-service"},
    {"aud": None},
    {"aud": []},
    {"aud": {"0": AUDIENCE}},
    {"aud": AUDIENCE + "/"},
    {"iss": ISSUER + "/"},
    {"iss": "https://evil.example"},
    {"iss": [ISSUER]},
    {"iss": None},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "a\nb"},
    {"sub": "x" * 256},
    {"roles": [f"r{number}" for number in range(101)]},
    {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
    {"cnf": {"x5t#S256": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
    {"cnf": "x"},
]


async def test_refuses_claims_that_do_not_fit(live: Live) -> None:
    for other in WRONG_CLAIMS:
        text = token(RSA, **other)
        refused(await ask(live, text), text)


async def test_allows_for_clocks_that_differ_a_little(live: Live) -> None:
    now = int(time.time())
    assert (await ask(live, token(RSA, nbf=now + 20, iat=now + 20))).status == 200
    assert (await ask(live, token(RSA, exp=now - 10))).status == 200


async def test_refuses_a_token_without_a_signature(live: Live) -> None:
    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        head, body = part({"alg": algorithm, "kid": "rsa"}), part(claims())
        for text in (f"{head}.{body}.", f"{head}.{body}.{part(b'x')}", f"{head}.{body}"):
            refused(await ask(live, text), text)


async def test_refuses_a_public_key_used_as_a_shared_secret(live: Live) -> None:
    secrets = [
        RSA.as_pem(private=False),
        RSA.as_pem(private=False).strip(),
        RSA.as_der(private=False),
        orjson.dumps(RSA.as_dict(private=False)),
        b"",
    ]
    for algorithm, method in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
        for secret in secrets:
            signed = f"{part({'alg': algorithm, 'kid': 'rsa'})}.{part(claims())}"
            text = f"{signed}.{part(hmac.digest(secret, signed.encode(), method))}"
            refused(await ask(live, text), text)


async def test_refuses_tokens_signed_by_others(live: Live) -> None:
    stranger = rsa("rsa")
    for header in (
        {},
        {"jwk": stranger.as_dict(private=False)},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain.pem"},
        {"kid": "ec"},
        {"kid": "unknown"},
        {"kid": "../../../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"kid": ""},
    ):
        text = token(stranger, header=header)
        refused(await ask(live, text), text)


HEADER_TRICKS: list[dict[str, Any]] = [
    {"kid": None},
    {"kid": ["rsa"]},
    {"kid": {"rsa": 1}},
    {"kid": 7},
    {"alg": ["RS256"]},
    {"alg": "ES256"},
    {"alg": "RS512"},
    {"typ": "logout+jwt"},
    {"typ": 1},
    {"crit": ["exp"]},
    {"crit": ["b64"], "b64": False},
    {"b64": False},
    {"crit": []},
    {"enc": "A256GCM"},
    {"zip": "DEF", "crit": ["zip"]},
]


async def test_refuses_tricks_with_the_header(live: Live) -> None:
    good = token(RSA).split(".")[1:]
    for header in HEADER_TRICKS:
        text = ".".join([part({"alg": "RS256", "kid": "rsa", **header}), *good])
        refused(await ask(live, text), text)


async def test_refuses_a_changed_token(live: Live) -> None:
    head, body, signature = token(RSA).split(".")
    richer = part(claims(roles=["admin"]))
    spoiled = signature[:-6] + ("A" if signature[-6] != "A" else "B") + signature[-5:]
    for text in (
        f"{head}.{richer}.{signature}",
        f"{head}.{body}.{spoiled}",
        f"{head}.{body}.",
        f"{head}.{body}",
    ):
        refused(await ask(live, text), text)


async def test_refuses_what_is_no_token(live: Live) -> None:
    deep = part(b'{"iss":' + b"[" * 3_000 + b"]" * 3_000 + b"}")
    number = part(b'{"iss":"' + ISSUER.encode() + b'","exp":' + b"9" * 5_000 + b"}")
    for text in (
        "x",
        "..",
        "....",
        "a.b.c.d.e",
        f"{part({'alg': 'dir', 'enc': 'A256GCM'})}..{part(b'x')}.{part(b'x')}.{part(b'x')}",
        f"{part([])}.{part(claims())}.{part(b'x')}",
        f"{part({'alg': 'RS256'})}.{part([])}.{part(b'x')}",
        f"{part({'alg': 'RS256', 'kid': 'rsa'})}.{deep}.{part(b'x')}"[:8_000],
        f"{part({'alg': 'RS256', 'kid': 'rsa'})}.{deep[:4_000]}.{part(b'x')}",
        f"{part({'alg': 'RS256', 'kid': 'rsa'})}.{number}.{part(b'x')}",
        f"{part(b'[' * 1_500)}.{part(claims())}.{part(b'x')}",
    ):
        reply = await ask(live, text)
        assert reply.status == 401, (text[:80], reply.json)


async def test_refuses_what_is_too_long_without_harm(live: Live) -> None:
    for length in (7_000, 9_000, 40_000, 1_000_000):
        try:
            reply = await ask(live, "a" * length)
        except OSError:  # the broker closed the connection while it was still being written to
            continue
        assert reply.status in (400, 401, 414)
        assert len(reply.raw) < 500
    assert (await ask(live, token(RSA))).status == 200


async def test_refuses_other_credentials(live: Live) -> None:
    for header in ("Bearer", "Bearer ", "Basic YTpi", "Digest x", "bearer\tx", "engawa_x", "Bearer  ", ""):
        reply = await live.get("/types", headers={"Authorization": header})
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith('Bearer realm="engawa"')


async def test_refuses_more_than_one_credential(live: Live) -> None:
    both = [("Authorization", f"Bearer {token(RSA)}"), ("Authorization", "Bearer x")]
    for headers in (both, [both[0], ("X-API-Key", "engawa_x")], [("X-API-Key", "a"), ("X-API-Key", "b")]):
        async with live.session.get(f"{live.url}/ngsi-ld/v1/types", headers=headers) as reply:
            assert reply.status == 400
            assert "invalid_request" in reply.headers["WWW-Authenticate"]


HEADER = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0"), max_size=60)
SCHEME = st.sampled_from(
    ["", "Bearer ", "bearer ", "Basic ", "Bearer engawa_", "Bearer a.b.", "Bearer ..", "\udcff"]
)


@given(st.sampled_from(["Authorization", "X-API-Key"]), SCHEME, HEADER)
def test_nothing_made_up_is_anybody(
    tmp_path_factory: pytest.TempPathFactory, name: str, scheme: str, text: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    issuer = Issuer("login", ISSUER, "none.json", (AUDIENCE,))
    doors = Doors(Keys(folder), Tokens([issuer], AddressPolicy((), loopback=True)))
    headers = CIMultiDictProxy(CIMultiDict({name: scheme + text}))
    with pytest.raises(Unauthorized) as refusal:
        asyncio.run(doors._identify(headers, Visitor()))
    assert len(text) < 4 or text not in refusal.value.detail


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
        for _ in range(100):
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
            keys.status = 500
            await asyncio.sleep(0.2)
            assert (await ask(live, text)).status == 200
            await asyncio.sleep(1.1)
            reply = await ask(live, text)
            assert reply.status == 503
            assert reply.headers["Retry-After"]
            keys.status = 200
            await asyncio.sleep(0.1)
            assert (await ask(live, text)).status == 200


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


async def test_ends_with_the_token(tmp_path: Path, keys: Issuing) -> None:
    file = issuers(tmp_path, keys.url, leeway=0.001)
    async with live_broker(tmp_path / "data", issuers=file) as live:
        text = token(RSA, exp=int(time.time()) + 2)
        assert (await ask(live, text)).status == 200
        for _ in range(100):
            await asyncio.sleep(0.05)
            if (await ask(live, text)).status == 401:
                return
        raise AssertionError("the token outlives its end")
