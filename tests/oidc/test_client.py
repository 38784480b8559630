"""The OpenID client by itself: its rules for any input, its limits, what it keeps. (OIDC Core, RFC 7636, RFC 9207)"""

import asyncio
import base64
import hashlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
import pytest_asyncio
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from base.access.issuers import Issuer
from base.access.key_sets import KeySet
from base.egress import AddressPolicy
from base.oidc import authorization, id_tokens, metadata, signed
from base.oidc.authorization import Wish
from base.oidc.client import Client, Registration
from base.oidc.exchanges import Exchanges
from base.oidc.faults import Fault, LoginFailed
from base.oidc.id_tokens import Expected
from base.oidc.metadata import Metadata
from tests.oidc.hostile import CLIENT, Case, Realm, hostile

ISSUER = "https://login.example/realms/main"
THERE = Metadata(ISSUER, f"{ISSUER}/auth", f"{ISSUER}/token", f"{ISSUER}/jwks", names_itself=True)
TEXT = st.text(min_size=1, max_size=40)
PROVIDER = ECKey.generate_key("P-256", {"kid": "p"})
OWN = ECKey.generate_key("P-256", {"kid": "ours"})
NOW = int(time.time()) * 1_000_000


def test_the_challenge_is_that_of_the_example() -> None:
    # RFC 7636 appendix B
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert authorization.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("algorithm", "hash"),
    [("ES256", "sha256"), ("PS384", "sha384"), ("RS512", "sha512"), ("EdDSA", "sha512")],
)
def test_an_access_token_is_hashed_as_its_id_token_is_signed(algorithm: str, hash: str) -> None:
    digest = hashlib.new(hash, b"access").digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    assert id_tokens.token_hash("access", algorithm) == half


@settings(max_examples=40)
@given(
    TEXT,
    TEXT,
    st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1),
    st.none() | st.integers(0, 10**6),
)
def test_whatever_is_asked_arrives_as_it_was_asked(
    state: str, client: str, scopes: list[str], longest: int | None
) -> None:
    wish = Wish(state, "n", "v", scopes, longest=longest)
    asked = authorization.parameters(wish, client, "https://here.example/back")
    address = urlsplit(authorization.address(THERE, asked))
    assert dict(parse_qsl(address.query, strict_parsing=True)) == asked
    assert asked["state"] == state and asked["client_id"] == client
    assert ("max_age" in asked) is (longest is not None)
    assert "v" not in asked.values() or state == "v" or client == "v"


PAIRS = st.lists(
    st.tuples(
        st.sampled_from(["state", "code", "iss", "error", "id_token", "response", "more"]),
        st.sampled_from(["", "s", "c", ISSUER, "access_denied"]),
    ),
    max_size=6,
)


@given(PAIRS)
def test_only_an_answer_of_the_one_asked_to_what_was_asked_gives_a_code(
    answer: list[tuple[str, str]],
) -> None:
    names = [name for name, _ in answer]
    told = dict(answer)
    good = (
        len(set(names)) == len(names)
        and told.get("state") == "s"
        and told.get("iss") == ISSUER
        and told.get("code")
        and not {"error", "id_token", "response"} & set(names)
    )
    if good:
        assert authorization.code_of(answer, "s", THERE) == told["code"]
    else:
        with pytest.raises(LoginFailed):
            authorization.code_of(answer, "s", THERE)


@given(
    st.text(max_size=60)
    | st.sampled_from(["https://a", "http://127.0.0.1:1/a", "https://a:0", "https://[::1", "https://a@b"])
)
def test_an_address_is_safe_only_if_it_is_encrypted_or_on_this_machine(url: str) -> None:
    if metadata.is_safe(url):
        parts = urlsplit(url)
        assert parts.hostname and "@" not in parts.netloc and not parts.fragment
        assert (
            parts.scheme == "https"
            or parts.hostname in ("localhost", "127.0.0.1", "::1")
            or parts.hostname.startswith("127.")
        )


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example/",
        "ftp://a/",
        "https://",
        "https:///a",
        "https://a b/",
        "https://a/#x",
        "https://u@a/",
        "//a/",
        "/a",
        "",
        "https://é/",
        "javascript:x",
        "https://a:0/",
        "https://a:99999/",
    ],
)
def test_these_are_no_safe_addresses(url: str) -> None:
    assert not metadata.is_safe(url)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
RIGHT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
    "response_types_supported": ["code"],
    "id_token_signing_alg_values_supported": ["ES256"],
}  # fmt: skip


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                *RIGHT,
                "userinfo_endpoint",
                "end_session_endpoint",
                "pushed_authorization_request_endpoint",
                "code_challenge_methods_supported",
            ]
        ),
        JSON,
    )
)
def test_whatever_discovery_says_is_read_or_refused(change: dict[str, object]) -> None:
    try:
        found = metadata.read({**RIGHT, **change}, ISSUER, ("ES256",))
    except LoginFailed as failed:
        assert failed.fault is Fault.METADATA
        return
    for url in (found.authorization, found.token, found.jwks):
        assert metadata.is_safe(url)
    for url in (found.userinfo, found.pushed, found.logout):
        assert not url or metadata.is_safe(url)


@given(
    st.text(max_size=200)
    | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}", fullmatch=True)
)
def test_whatever_comes_as_a_token_is_refused_and_told_nothing_of(token: str) -> None:
    with pytest.raises(LoginFailed) as caught:
        signed.unverified(token)
    assert len(token) < 8 or token not in str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from(["iat", "exp", "nbf"]), JSON | st.integers() | st.integers(10**9 - 400, 10**9 + 400)
    )
)
def test_times_hold_only_around_now(claims: dict[str, object]) -> None:
    now = 10**9
    try:
        signed.check_times(claims, now, 300)
    except LoginFailed:
        return
    issued, until, begins = claims["iat"], claims["exp"], claims.get("nbf", 0)
    assert isinstance(issued, int | float) and now - 360 <= issued <= now + 60
    assert isinstance(until, int | float) and until > now - 60
    assert isinstance(begins, int | float) and begins <= now + 60


NAMES = [
    "iss",
    "aud",
    "azp",
    "sub",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "auth_time",
    "acr",
    "sid",
    "at_hash",
    "more",
]
EXPECTED = Expected(ISSUER, CLIENT, ("ES256",), "n", longest=600)
MOMENT = 2 * 10**9


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeySet:
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_bytes(orjson.dumps({"keys": [PROVIDER.as_dict(private=False)]}))
    found = KeySet(Issuer("p", ISSUER, str(file), (CLIENT,)), AddressPolicy((), loopback=True))
    asyncio.run(found.refresh())
    return found


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(NAMES), JSON | st.integers(MOMENT - 900, MOMENT + 900), max_size=3))
def test_whatever_an_id_token_says_it_logs_in_only_who_it_is_about(
    keys: KeySet, change: dict[str, object]
) -> None:
    right = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": "s",
        "exp": MOMENT + 60,
        "iat": MOMENT,
        "nonce": "n",
        "auth_time": MOMENT,
    }
    claims = {**right, **change}
    token = jws.serialize_compact({"alg": "ES256", "kid": "p"}, orjson.dumps(claims), PROVIDER)
    try:
        login = asyncio.run(id_tokens.check(token, "access", keys, EXPECTED, MOMENT))
    except LoginFailed:
        assert change
        return
    assert claims["iss"] == ISSUER and claims["nonce"] == "n"
    assert claims["aud"] in (CLIENT, [CLIENT]) or claims["azp"] == CLIENT
    assert claims.get("azp", CLIENT) == CLIENT
    assert login.subject == claims["sub"] and isinstance(login.subject, str)
    assert login.at is not None and MOMENT - 660 <= login.at <= MOMENT + 60
    assert login.key == PROVIDER.as_dict(private=False)
    assert login.subject not in repr(login) or len(login.subject) < 3
    assert token not in repr(login)


@pytest.mark.parametrize(
    ("ago", "sent", "good"),
    [(60, None, True), (61, None, False), (500, 480, True), (541, 480, False), (60, -900, True)],
)
def test_seconds_since_a_login_count_until_the_browser_was_sent(
    keys: KeySet, ago: int, sent: int | None, good: bool
) -> None:
    """Whoever takes their time at the provider after they logged in there did so for this."""
    claims = {"iss": ISSUER, "aud": CLIENT, "sub": "s", "exp": MOMENT + 60, "iat": MOMENT, "nonce": "n"}
    told = orjson.dumps({**claims, "auth_time": MOMENT - ago})
    token = jws.serialize_compact({"alg": "ES256", "kid": "p"}, told, PROVIDER)
    wanted = replace(EXPECTED, longest=0, sent=None if sent is None else MOMENT - sent)
    try:
        login = asyncio.run(id_tokens.check(token, "access", keys, wanted, MOMENT))
    except LoginFailed as failed:
        assert not good and failed.fault is Fault.LOGIN_TIME
    else:
        assert good and login.at == MOMENT - ago


# -- with a provider


@pytest_asyncio.fixture
async def realm() -> AsyncIterator[Realm]:
    async with hostile([Case("plain", "")]) as realms:
        yield realms["c0"]


def client_of(realm: Realm, policy: AddressPolicy, pause: float = 10.0) -> Client:
    return Client(Registration("plain", realm.issuer, CLIENT, OWN, pause=pause), policy)


WISH = Wish("s", "n", "v")


async def test_addresses_inside_are_not_asked_unless_they_are_listed(realm: Realm) -> None:
    client = client_of(realm, AddressPolicy((), loopback=False))
    with pytest.raises(LoginFailed) as caught:
        await client.begin(WISH, "https://here.example/back", NOW)
    assert caught.value.fault is Fault.UNREACHABLE
    await client.close()
    listed = client_of(realm, AddressPolicy(("127.0.0.1",), loopback=False))
    assert (await listed.begin(WISH, "https://here.example/back", NOW)).startswith(realm.issuer)
    await listed.close()


async def test_a_provider_is_described_once_and_its_description_serves_while_it_is_away(realm: Realm) -> None:
    client = client_of(realm, AddressPolicy((), loopback=True))
    first = await client.begin(WISH, "https://here.example/back", NOW)
    realm.gone = True
    assert await client.begin(WISH, "https://here.example/back", NOW) == first
    await client.close()


async def test_what_was_never_described_is_out_of_reach(realm: Realm) -> None:
    realm.gone = True
    client = client_of(realm, AddressPolicy((), loopback=True), pause=0.0)
    with pytest.raises(LoginFailed) as caught:
        await client.provider()
    assert caught.value.fault is Fault.UNREACHABLE
    realm.gone = False
    assert (await client.provider()).logout == ""  # it came back, and has no such place
    await client.close()


async def test_who_waits_for_a_provider_that_is_away_does_not_wait_for_each_other(realm: Realm) -> None:
    realm.gone = True
    client = client_of(realm, AddressPolicy((), loopback=True))
    tries = await asyncio.gather(*(client.provider() for _ in range(20)), return_exceptions=True)
    assert all(isinstance(one, LoginFailed) and one.fault is Fault.UNREACHABLE for one in tries)
    assert realm.refused == 1
    await client.close()


async def test_keys_are_asked_for_again_only_when_they_are_old(realm: Realm) -> None:
    keys = KeySet(
        Issuer("p", realm.issuer, f"{realm.issuer}/jwks", (CLIENT,)), AddressPolicy((), loopback=True)
    )
    await keys.renew(300)
    await keys.renew(300)
    assert realm.fetched == 1
    assert [key["kid"] for key in keys.public()] == ["own"]
    assert all("d" not in key for key in keys.public())
    await keys.close()


async def test_cookies_of_a_provider_are_not_kept(realm: Realm) -> None:
    exchanges = Exchanges(AddressPolicy((), loopback=True))
    await exchanges.get(f"{realm.issuer}/cookie")
    reply = await exchanges.get(f"{realm.issuer}/cookie")
    assert reply.document() == {"cookies": 0}
    await exchanges.close()


async def test_a_provider_with_a_certificate_of_the_city_is_known_by_its_authority(tmp_path: Path) -> None:
    authority, trusted = trustme.CA(), tmp_path / "inside.pem"
    authority.cert_pem.write_to_path(str(trusted))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    policy = AddressPolicy((), loopback=True)
    async with hostile([Case("plain", "")], tls=context) as realms:
        issuer = realms["c0"].issuer
        assert issuer.startswith("https://")
        own = Registration("plain", issuer, CLIENT, OWN, authorities=trusted)
        client, stranger = Client(own, policy), Client(replace(own, authorities=None), policy)
        assert (await client.provider()).issuer == issuer
        with pytest.raises(LoginFailed) as caught:
            await stranger.provider()
        assert caught.value.fault is Fault.UNREACHABLE
        await client.close()
        await stranger.close()
