"""What a service that means ill tries, over HTTP. (issue 5: bad input, faults, attackers)"""

import asyncio
import base64
import json
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.personal.disclosure import sharing
from tests.personal.live import Live, Reply, described

FORM = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
}
HEADER = {"alg": "ES256", "kid": "shelter-1"}


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(live: Live, claims: bytes, header: dict[str, Any], by: str = "shelter") -> str:
    """Sign what no library would: an assertion with any header and any bytes."""
    said = f"{text(json.dumps(header).encode())}.{text(claims)}"
    key: Any = live.keys[by].private_key
    r, s = utils.decode_dss_signature(key.sign(said.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{said}.{text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def claims(live: Live, **more: Any) -> bytes:
    now = int(time.time())
    told = {"iss": "shelter", "sub": "shelter", "aud": live.url, "exp": now + 60, "iat": now}
    return json.dumps({**told, "jti": secrets.token_hex(8), **more}).encode()


async def token(live: Live, assertion: str) -> int:
    form = {**FORM, "client_assertion": assertion}
    headers = {"Engawa-Municipality": live.town.id}
    async with live.session.post(f"{live.url}/personal/v1/token", data=form, headers=headers) as reply:
        return reply.status


WRONG: tuple[dict[str, Any], ...] = (
    {"exp": float("nan")},
    {"exp": float("inf")},
    {"exp": True},
    {"exp": "9999999999"},
    {"exp": 10**40},
    {"nbf": 10**11},
    {"iat": 10**11},
    {"aud": "https://another.example"},
    {"aud": {}},
    {"jti": 1234567890123},
    {"jti": "\ud800" * 9},
    {"iss": "\ud800", "sub": "\ud800"},
    {"iss": "shelter\0", "sub": "shelter\0"},
    {"iss": "other", "sub": "other"},
    {"iss": "agent", "sub": "agent"},
    {"sub": "other"},
)


async def test_no_token_for_claims_that_do_not_hold(live: Live) -> None:
    await live.service("shelter")
    await live.service("other")
    for wrong in WRONG:
        assert await token(live, signed(live, claims(live, **wrong), HEADER)) == 401, wrong
    assert await token(live, signed(live, claims(live), HEADER)) == 200


async def test_no_token_for_headers_that_choose_the_key(live: Live) -> None:
    await live.service("shelter")
    await live.service("other")
    own = live.keys["other"].as_dict(private=False)
    for more in (
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": ["ES256"]},
        {"kid": 1},
        {"kid": "other-1"},
        {"kid": "../other-1"},
        {"crit": ["b64"], "b64": False},
        {"crit": ["mine"], "mine": 1},
    ):
        assert await token(live, signed(live, claims(live), {**HEADER, **more})) == 401, more
    for more in ({"jwk": own}, {"jku": f"{live.url}/x"}, {"x5u": f"{live.url}/x"}, {}):
        assert await token(live, signed(live, claims(live), {**HEADER, **more}, "other")) == 401, more


async def test_an_assertion_works_once(live: Live) -> None:
    await live.service("shelter")
    assertion = signed(live, claims(live), HEADER)
    assert [await token(live, assertion) for _ in range(3)] == [200, 401, 401]


async def test_a_long_list_does_not_keep_the_module_from_others(live: Live) -> None:
    """Comparing each entry of a list with each other one took minutes, and nobody else was answered meanwhile."""
    by = await sharing.service(live, "shelter", "allergies")
    await live.register("hanako")
    me = await live.resident("hanako")
    strange: list[Any] = [{}, *range(10_000)]
    asked = {"subject": f"p1.{'A' * 43}", "purpose": sharing.PURPOSE, "items": strange}
    decided = {"service": "shelter", "purpose": sharing.PURPOSE, "agree": strange}
    entities = [{"id": f"urn:ngsi-ld:Person:p1.{n:043}", "type": "Person"} for n in range(10_000)]
    query = {"type": "Query", "entities": entities, "pick": ["allergies"], "purpose": sharing.PURPOSE}
    bulk = {"subjects": [f"p1.{n:043}" for n in range(20_000)], "purpose": "x", "items": ["allergies"]}
    for path, body, who in (
        ("/disclosures", asked, by),
        ("/me/consents/prepare", decided, me),
        ("/ngsi-ld/v1/entityOperations/query", query, by),
        ("/disclosures/bulk", bulk, by),
    ):
        async with asyncio.timeout(60):
            reply = await live.post(path, body, by=who)
        assert reply.status == 400, (path, reply.raw[:200])


async def test_a_protected_resident_looks_like_one_about_whom_nothing_is_held(live: Live) -> None:
    """By no way of asking: what was agreed to is told of both, what is held of neither. (DESIGN 3)"""
    by = await sharing.service(live, "shelter", "allergies", "care-needs")
    names = []
    for login, born in (("nobody", "1991-01-01"), ("hidden", "1991-01-02")):
        person = await live.register(login, birthDate=born)
        await sharing.agree(live, person, "shelter", "allergies")
        names.append(await sharing.name(live, person, "shelter"))
    await sharing.hold(live, await live.person("hidden"), allergies=sharing.ALLERGIES)
    await protect(live, "1991-01-02")

    async def ask(path: str, **more: Any) -> list[Reply]:
        bodies = [{"subject": name, "purpose": sharing.PURPOSE, **more} for name in names]
        return [await live.post(path, body, by=by) for body in bodies]

    one, other = await ask("/disclosures", items=["allergies", "care-needs"])
    assert sharing.reasons(one) == sharing.reasons(other) == told()
    one, other = await ask("/consents/agreed")
    assert (one.status, sorted(one.json)) == (other.status, sorted(other.json))
    one, other = await ask("/consents/requests", items=["care-needs"])
    assert (one.status, one.raw) == (other.status, other.raw)


def told() -> dict[str, str]:
    return {"allergies": "nothing-held", "care-needs": "no-consent"}


async def protect(live: Live, born: str) -> None:
    by = await live.staff("protection")
    found = await live.post("/residents/search", {"nameKana": "ヤブ ハナコ", "birthDate": born}, by=by)
    body = {"resident": found.json["residents"][0]["resident"], "protected": True}
    assert (await live.post("/residents/protection", body, by=by)).status == 204


async def test_no_service_is_called_as_the_module_itself_is_inside(live: Live) -> None:
    """What the inside releases to the gateway for a move is not for a service of that name."""
    told = {"service": "gateway", "description": described(), "keys": {"keys": [live.new_key("gateway")]}}
    by = await live.staff("catalogue")
    assert (await live.post("/proposals", {"kind": "service", "body": told}, by=by)).status == 400


async def test_a_service_is_told_nothing_where_others_read_along(live: Live) -> None:
    await live.service("shelter")
    keys = {"keys": [live.new_key("shelter")]}
    for url, status in (
        ("http://service.example/", 400),
        ("http://169.254.169.254/", 400),
        ("http://[::1/", 400),
        ("ftp://service.example/", 400),
        ("https://user:word@service.example/", 400),
        ("https://service.example/", 201),
        ("http://127.0.0.1:9/", 201),
    ):
        told = {"service": "library", "description": described(notify=url), "keys": keys}
        reply = await live.post(
            "/proposals", {"kind": "service", "body": told}, by=await live.staff("catalogue")
        )
        assert reply.status == status, (url, reply.raw)
