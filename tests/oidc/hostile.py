"""A provider of our own that breaks one rule at a time, each under an issuer of its own on one server."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

CLIENT = "yabu"
MISSING = object()
"""In a change: leave this member out."""
Change = Mapping[str, Any]
SLOW = 60.0
"""How long a provider that does not answer in time would take (s); it is not waited for."""
HUGE = 200_000


def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})


OWN, SECOND, STRANGER = ec_key("own"), ec_key("second"), ec_key("own")
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS256", "use": "sig"})


@dataclass(frozen=True)
class Case:
    """What a provider does otherwise than it should. Values of changes may be functions of its Realm.

    sign: how the ID token is signed (see signed()); keys: which keys are published; answers: what an endpoint
    (discovery, jwks, par, token, userinfo) answers instead; who: the subject that logs in.
    """

    name: str
    fault: str
    metadata: Change = field(default_factory=dict)
    claims: Change = field(default_factory=dict)
    header: Change = field(default_factory=dict)
    query: Change = field(default_factory=dict)
    tokens: Change = field(default_factory=dict)
    userinfo: Change = field(default_factory=dict)
    sign: str = "own"
    keys: tuple[Any, ...] = (OWN,)
    answers: Mapping[str, str] = field(default_factory=dict)
    who: str = "hanako"
    settings: str = ""  # more lines of TOML about this provider


@dataclass
class Realm:
    """One issuer and what it was asked."""

    case: Case
    issuer: str
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)  # all secrets it gave out
    keys: list[Any] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)  # client assertions
    fetched: int = 0  # how often the keys were
    gone: bool = False  # it answers nothing that helps
    refused: int = 0  # how often it did so
    last: dict[str, str] = field(default_factory=dict)  # the request it was asked last


def changed(realm: Realm, base: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """Apply a change."""
    told = dict(base)
    for name, value in change.items():
        given = value(realm) if callable(value) else value
        if given is MISSING:
            told.pop(name, None)
        else:
            told[name] = given
    return told


# -- tokens


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_SIGNERS = {
    "stranger": (STRANGER, "ES256"),
    "brought": (STRANGER, "ES256"),
    "second": (SECOND, "ES256"),
    "rsa": (RSA, "RS256"),
}


def signed(realm: Realm, sign: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Sign, or do as if."""
    if sign in ("none", "empty", "secret", "raw"):
        told = {**header, "alg": {"secret": "HS256", "raw": "ES256"}.get(sign, "none")}
        text = f"{b64(json.dumps(told).encode())}.{b64(json.dumps(dict(claims)).encode())}"
        if sign == "secret":  # the public key as the secret of an HMAC. (RFC 8725 2.1)
            key = OWN.as_pem(private=False)
            return f"{text}.{b64(hmac.digest(key, text.encode(), 'sha256'))}"
        if sign == "raw":  # what the library would not sign
            key = OWN.private_key
            numbers = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
            return f"{text}.{b64(b''.join(one.to_bytes(32, 'big') for one in numbers))}"
        return f"{text}." if sign == "none" else text
    if sign == "brought":
        header = {**header, "jwk": STRANGER.as_dict(private=False), "jku": f"{realm.issuer}/strangers"}
    key, algorithm = _SIGNERS.get(sign.removesuffix("-flipped"), (OWN, "ES256"))
    token = jws.serialize_compact(
        {**header, "alg": algorithm},
        json.dumps(dict(claims)),
        key,
        registry=jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False),
    )
    if sign.endswith("flipped"):
        head, body, mark = token.split(".")
        return f"{head}.{body}.{'B' if mark[0] == 'A' else 'A'}{mark[1:]}"
    if sign == "exchanged":  # the claims of another token under this signature
        head, _, mark = token.split(".")
        return f"{head}.{b64(json.dumps({**claims, 'sub': 'other'}).encode())}.{mark}"
    return token


def id_token(realm: Realm, asked: Mapping[str, str], access: str) -> str:
    """Give an ID token, right but for the case."""
    now = int(time.time())
    right = {
        "iss": realm.issuer,
        "sub": realm.case.who,
        "aud": CLIENT,
        "exp": now + 300,
        "iat": now,
        "nonce": asked["nonce"],
        "acr": "aal3",
        "sid": "session-1",
        "auth_time": now,
        "at_hash": b64(hashlib.sha256(access.encode()).digest()[:16]),
    }
    header = changed(realm, {"kid": "own", "typ": "JWT"}, realm.case.header)
    return signed(realm, realm.case.sign, header, changed(realm, right, realm.case.claims))


def logout_token(realm: Realm, *, sign: str = "own", header: Change | None = None, **change: Any) -> str:
    """Give a logout token, right but for the changes."""
    now = int(time.time())
    right = {
        "iss": realm.issuer,
        "aud": CLIENT,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_hex(8),
        "sub": realm.case.who,
        "sid": "session-1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    head = changed(realm, {"kid": "own", "typ": "logout+jwt"}, header or {})
    return signed(realm, sign, head, changed(realm, right, change))


# -- the server


def _metadata(realm: Realm) -> dict[str, Any]:
    at = realm.issuer
    right = {
        "issuer": at,
        "authorization_endpoint": f"{at}/auth",
        "token_endpoint": f"{at}/token",
        "jwks_uri": f"{at}/jwks",
        "userinfo_endpoint": f"{at}/userinfo",
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256", "HS256", "none"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
    return changed(realm, right, realm.case.metadata)


async def _instead(realm: Realm, what: str) -> web.StreamResponse | None:
    """Answer what the case says, if it says something about this endpoint."""
    how = realm.case.answers.get(what)
    if how is None:
        return None
    if how == "slow":
        await asyncio.sleep(SLOW)
    if how == "redirect":
        return web.Response(status=302, headers={"Location": f"{realm.issuer}/other-{what}"})
    if how == "huge":
        return web.Response(body=b'{"a":"' + b"a" * HUGE + b'"}', content_type="application/json")
    if how.isdigit():
        return web.json_response({"error": "invalid_grant"}, status=int(how))
    bodies = {"garbage": b"\xff<html>", "array": b"[]", "empty": b"{}", "deep": b"[" * 50_000}
    status = 201 if what == "par" else 200
    return web.Response(body=bodies[how], status=status, content_type="application/json")


def _handlers(realms: Mapping[str, Realm]) -> list[web.RouteDef]:
    def route(method: str, path: str, what: str, run: Callable[[Realm, web.Request], Any]) -> web.RouteDef:
        async def handle(request: web.Request) -> web.StreamResponse:
            realm = realms[request.match_info["realm"]]
            if realm.gone:
                realm.refused += 1
                return web.Response(status=503)
            answer = await _instead(realm, what)
            return answer if answer is not None else await run(realm, request)

        return web.route(method, "/{realm}" + path, handle)

    return [
        route("GET", "/.well-known/openid-configuration", "discovery", _discover),
        route("GET", "/jwks", "jwks", _jwks),
        route("GET", "/auth", "auth", _authorize),
        route("POST", "/par", "par", _push),
        route("POST", "/token", "token", _token),
        route("GET", "/userinfo", "userinfo", _userinfo),
        route("GET", "/cookie", "cookie", _cookie),
    ]


async def _discover(realm: Realm, _: web.Request) -> web.Response:
    return web.json_response(_metadata(realm))


async def _jwks(realm: Realm, _: web.Request) -> web.Response:
    realm.fetched += 1
    return web.json_response({"keys": [key.as_dict(private=False) for key in realm.keys]})


async def _push(realm: Realm, request: web.Request) -> web.Response:
    form = {name: str(value) for name, value in (await request.post()).items()}
    name = f"urn:ietf:params:oauth:request_uri:{secrets.token_hex(8)}"
    realm.asked[name] = form
    return web.json_response({"request_uri": name, "expires_in": 60}, status=201)


async def _authorize(realm: Realm, request: web.Request) -> web.Response:
    asked = realm.asked.pop(request.query.get("request_uri", ""), dict(request.query))
    code = secrets.token_urlsafe(24)
    realm.asked[code] = realm.last = asked
    realm.seen += [code, asked["state"], asked["nonce"]]
    right = {"code": code, "state": asked["state"], "iss": realm.issuer}
    answer = changed(realm, right, realm.case.query)
    query = urlencode([(name, one) for name, value in answer.items() for one in _each(value)])
    return web.Response(status=303, headers={"Location": f"{asked['redirect_uri']}?{query}"})


def _each(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


async def _token(realm: Realm, request: web.Request) -> web.Response:
    form = await request.post()
    realm.proofs.append(str(form["client_assertion"]))
    asked = realm.asked.pop(str(form["code"]), None)
    if asked is None or not _proves(str(form["code_verifier"]), asked):
        return web.json_response({"error": "invalid_grant"}, status=400)
    access = secrets.token_urlsafe(24)
    token = id_token(realm, asked, access)
    realm.seen += [access, token]
    right = {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": token}
    return web.json_response(changed(realm, right, realm.case.tokens))


def _proves(verifier: str, asked: Mapping[str, str]) -> bool:
    return b64(hashlib.sha256(verifier.encode()).digest()) == asked["code_challenge"]


async def _userinfo(realm: Realm, _: web.Request) -> web.Response:
    right = {"sub": realm.case.who, "name": "養父 花子", "birthdate": "19900401"}
    return web.json_response(changed(realm, right, realm.case.userinfo))


async def _cookie(_: Realm, request: web.Request) -> web.Response:
    response = web.json_response({"cookies": len(request.cookies)})
    response.set_cookie("followed", "you")
    return response


@contextlib.asynccontextmanager
async def hostile(
    cases: list[Case], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[dict[str, Realm]]:
    """Serve each case under an issuer of its own until the block ends; by the names c0, c1 …

    host: how it is called; "localhost" is another site than the module's, as browsers see it.
    """
    realms: dict[str, Realm] = {}
    app = web.Application()
    app.add_routes(_handlers(realms))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    for number, case in enumerate(cases):
        name = f"c{number}"
        realms[name] = Realm(
            case, f"{'https' if tls else 'http'}://{host}:{port}/{name}", keys=list(case.keys)
        )
    try:
        yield realms
    finally:
        await runner.cleanup()


def toml(realms: Mapping[str, Realm], key: str) -> str:
    """Write the settings by which the module knows all of them."""
    parts = []
    for name, realm in realms.items():
        parts += [
            "[[provider]]",
            f'name = "{name}"',
            f'issuer = "{realm.issuer}"',
            f'client_id = "{CLIENT}"',
            f'key = "{key}"',
            f'label = {{ ja = "{name}", en = "{name}" }}',
            'levels = { aal3 = "card", aal1 = "contactless" }',
            'acr_values = ["aal3"]',
            realm.case.settings,
        ]
    return "\n".join(parts)
