"""Bearer tokens: only what an issuer of the settings signed, for us, for now, opens anything. (RFC 7519, 8725, 6750)"""

import asyncio
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
from multidict import CIMultiDict, CIMultiDictProxy

from base.access.doors import Doors
from base.access.issuers import Issuer
from base.access.keys import Keys
from base.access.tokens import Tokens
from base.egress import AddressPolicy
from base.errors import Unauthorized
from base.hot import Visitor
from tests.access.presenting import ask, part, refused
from tests.access.secure import (
    AUDIENCE,
    ISSUER,
    Issuing,
    claims,
    edwards,
    elliptic,
    issuers,
    issuing,
    rsa,
    token,
)
from tests.live import Live, live_broker

RSA, EC, ED = rsa(), elliptic(), edwards()


@pytest.fixture
async def keys() -> AsyncIterator[Issuing]:
    async with issuing(RSA, EC, ED) as server:
        yield server


@pytest.fixture
async def live(tmp_path: Path, keys: Issuing) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data", issuers=issuers(tmp_path, keys.url, pause=0.2)) as broker:
        yield broker


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


async def test_ends_with_the_token(tmp_path: Path, keys: Issuing) -> None:
    file = issuers(tmp_path, keys.url, leeway=0.001)
    async with live_broker(tmp_path / "data", issuers=file) as live:
        text = token(RSA, exp=int(time.time()) + 3)
        assert (await ask(live, text)).status == 200
        for _ in range(600):
            await asyncio.sleep(0.05)
            if (await ask(live, text)).status == 401:
                return
        raise AssertionError("the token outlives its end")
