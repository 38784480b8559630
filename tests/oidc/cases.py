"""Each rule of a login at a provider, and what a provider does that breaks it.

The list follows the negative tests of the OpenID Foundation's conformance suite for relying parties
(personal-data.md 7.2), RFC 9700 and RFC 8725; each case leaves nobody logged in.
"""

import time
from typing import Any

from base.oidc.faults import Fault
from tests.oidc.hostile import MISSING, OWN, RSA, SECOND, Case

DAY = 86_400


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


SLOW = "seconds = 0.3"
PAR = {"pushed_authorization_request_endpoint": lambda realm: f"{realm.issuer}/par"}
TWO = (OWN, SECOND)

DISCOVERY = [
    Case("discovery names another issuer", Fault.METADATA, metadata={"issuer": "https://other.example"}),
    Case(
        "discovery names the issuer with a slash",
        Fault.METADATA,
        metadata={"issuer": lambda r: r.issuer + "/"},
    ),
    Case("discovery names no issuer", Fault.METADATA, metadata={"issuer": MISSING}),
    Case("it cannot do codes", Fault.METADATA, metadata={"response_types_supported": ["id_token"]}),
    Case("it does not say what it can do", Fault.METADATA, metadata={"response_types_supported": MISSING}),
    Case(
        "it signs otherwise",
        Fault.METADATA,
        metadata={"id_token_signing_alg_values_supported": ["none", "HS256"]},
    ),
    Case(
        "it knows plain challenges only",
        Fault.METADATA,
        metadata={"code_challenge_methods_supported": ["plain"]},
    ),
    Case(
        "it wants a shared secret",
        Fault.METADATA,
        metadata={"token_endpoint_auth_methods_supported": ["client_secret_basic"]},
    ),
    Case(
        "it wants requests pushed, but not where",
        Fault.METADATA,
        metadata={"require_pushed_authorization_requests": True},
    ),
    Case("it has no keys", Fault.METADATA, metadata={"jwks_uri": MISSING}),
    Case(
        "its login page is not encrypted",
        Fault.METADATA,
        metadata={"authorization_endpoint": "http://login.example/auth"},
    ),
    Case("its token endpoint is no URL", Fault.METADATA, metadata={"token_endpoint": 5}),
    Case(
        "its token endpoint has a name in it",
        Fault.METADATA,
        metadata={"token_endpoint": "https://a:b@login.example/t"},
    ),
    Case("its keys are in a file", Fault.METADATA, metadata={"jwks_uri": "file:///etc/passwd"}),
    Case("discovery is garbage", Fault.ANSWER, answers={"discovery": "garbage"}),
    Case("discovery is a list", Fault.ANSWER, answers={"discovery": "array"}),
    Case("discovery is huge", Fault.ANSWER, answers={"discovery": "huge"}),
    Case("discovery is nested too deep", Fault.ANSWER, answers={"discovery": "deep"}),
    Case("discovery leads elsewhere", Fault.ANSWER, answers={"discovery": "redirect"}),
    Case("discovery fails", Fault.UNREACHABLE, answers={"discovery": "500"}),
    Case("discovery is slow", Fault.UNREACHABLE, answers={"discovery": "slow"}, settings=SLOW),
    Case("a pushed request is refused", Fault.TOKEN_REFUSED, metadata=PAR, answers={"par": "400"}),
    Case("a pushed request fails", Fault.UNREACHABLE, metadata=PAR, answers={"par": "503"}),
    Case("a pushed request gets garbage", Fault.ANSWER, metadata=PAR, answers={"par": "garbage"}),
    Case("a pushed request gets no name", Fault.ANSWER, metadata=PAR, answers={"par": "empty"}),
    Case("a pushed request is sent elsewhere", Fault.ANSWER, metadata=PAR, answers={"par": "redirect"}),
]
"""Such a login does not even begin."""

CALLBACK = [
    Case("another provider answers", Fault.MIXED_UP, query={"iss": "https://other.example"}),
    Case("it does not say who answers", Fault.MIXED_UP, query={"iss": MISSING}),
    Case(
        "another one answers where it need not say who",
        Fault.MIXED_UP,
        metadata={"authorization_response_iss_parameter_supported": MISSING},
        query={"iss": "https://other.example"},
    ),
    Case("who answers is told twice", Fault.CALLBACK, query={"iss": lambda r: [r.issuer, r.issuer]}),
    Case("the login was cancelled", Fault.DENIED, query={"code": MISSING, "error": "access_denied"}),
    Case("the provider failed", Fault.CALLBACK, query={"code": MISSING, "error": "server_error"}),
    Case("an error comes with a code", Fault.DENIED, query={"error": "access_denied"}),
    Case(
        "an error of another provider",
        Fault.MIXED_UP,
        query={"error": "access_denied", "iss": "https://other.example"},
    ),
    Case("there is no code", Fault.CALLBACK, query={"code": MISSING}),
    Case("the code is empty", Fault.CALLBACK, query={"code": ""}),
    Case("there are two codes", Fault.CALLBACK, query={"code": ["a", "b"]}),
    Case("the code is endless", Fault.CALLBACK, query={"code": "c" * 3_000}),
    Case("an ID token comes through the browser", Fault.CALLBACK, query={"id_token": "a.b.c"}),
    Case("the answer is a signed response", Fault.CALLBACK, query={"response": "a.b.c"}),
    Case("the code is one of somebody else", Fault.TOKEN_REFUSED, query={"code": "stolen"}),
    Case("there is no state", "stale", query={"state": MISSING}),
    Case("the state is made up", "stale", query={"state": "yabu.made-up"}),
    Case(
        "the state is one of another town",
        "stale",
        query={"state": lambda r: "asago." + r.seen[-2].partition(".")[2]},
    ),
]

TOKEN_ENDPOINT = [
    Case("the token endpoint refuses", Fault.TOKEN_REFUSED, answers={"token": "400"}),
    Case("the token endpoint fails", Fault.UNREACHABLE, answers={"token": "500"}),
    Case("the token endpoint is slow", Fault.UNREACHABLE, answers={"token": "slow"}, settings=SLOW),
    Case("the token endpoint says garbage", Fault.ANSWER, answers={"token": "garbage"}),
    Case("the token endpoint says a list", Fault.ANSWER, answers={"token": "array"}),
    Case("the token endpoint says nothing", Fault.ANSWER, answers={"token": "empty"}),
    Case("the token endpoint never ends", Fault.ANSWER, answers={"token": "huge"}),
    Case("the token endpoint leads elsewhere", Fault.ANSWER, answers={"token": "redirect"}),
    Case("there is no ID token", Fault.ANSWER, tokens={"id_token": MISSING}),
    Case("the ID token is a number", Fault.ANSWER, tokens={"id_token": 5}),
    Case("there is no access token", Fault.ANSWER, tokens={"access_token": MISSING}),
    Case("the access token is bound to something else", Fault.ANSWER, tokens={"token_type": "DPoP"}),
    Case("the access token has a line break", Fault.ANSWER, tokens={"access_token": "a\r\nb"}),
    Case("the keys are out of reach", Fault.UNREACHABLE, answers={"jwks": "500"}),
    Case("the keys are garbage", Fault.UNREACHABLE, answers={"jwks": "garbage"}),
    Case("the keys are huge", Fault.UNREACHABLE, answers={"jwks": "huge"}),
    Case("the keys are elsewhere", Fault.UNREACHABLE, answers={"jwks": "redirect"}),
]

ID_TOKEN = [
    Case("it is no token", Fault.FORM, tokens={"id_token": "abc"}),
    Case("it has two parts", Fault.FORM, sign="empty"),
    Case("it is endless", Fault.FORM, claims={"more": "a" * 20_000}),
    Case("it is encrypted", Fault.FORM, tokens={"id_token": "a.b.c.d.e"}),
    Case("it is unsigned", Fault.ALGORITHM, sign="none"),
    Case("it is signed with the public key as secret", Fault.ALGORITHM, sign="secret"),
    Case("it is signed by RSA, which was not agreed", Fault.ALGORITHM, sign="rsa", keys=(OWN, RSA)),
    Case(
        "its RSA signature is broken",
        Fault.SIGNATURE,
        sign="rsa-flipped",
        header={"kid": "rsa"},
        keys=(RSA,),
        settings='algorithms = ["RS256"]',
    ),
    Case("its signature is one of a stranger", Fault.SIGNATURE, sign="stranger"),
    Case("one bit of its signature is another", Fault.SIGNATURE, sign="flipped"),
    Case("its claims were exchanged", Fault.SIGNATURE, sign="exchanged"),
    Case("it brings its own key along", Fault.SIGNATURE, sign="brought"),
    Case("it names a key that nobody has", Fault.KEY, header={"kid": "nobody"}),
    Case("it names no key, and there are two", Fault.KEY, header={"kid": MISSING}, keys=TWO),
    Case(
        "it names no key, and is not signed by the only one",
        Fault.SIGNATURE,
        header={"kid": MISSING},
        sign="second",
    ),
    Case("its key is named by a number", Fault.KEY, header={"kid": 5}, sign="raw"),
    Case("it demands what we do not know", Fault.TYPE, header={"crit": ["exp"], "exp": 1}, sign="raw"),
    Case("it is a logout token", Fault.TYPE, header={"typ": "logout+jwt"}),
    Case("it is an access token", Fault.TYPE, header={"typ": "at+jwt"}),
    Case("its issuer is another", Fault.ISSUER, claims={"iss": "https://other.example"}),
    Case("it has no issuer", Fault.ISSUER, claims={"iss": MISSING}),
    Case("its issuer has a slash more", Fault.ISSUER, claims={"iss": lambda r: r.issuer + "/"}),
    Case("it is for another client", Fault.AUDIENCE, claims={"aud": "asago"}),
    Case("it is for nobody", Fault.AUDIENCE, claims={"aud": MISSING}),
    Case("it is for an empty list", Fault.AUDIENCE, claims={"aud": []}),
    Case("its audience holds our name", Fault.AUDIENCE, claims={"aud": "yabu-other"}),
    Case("it is for others, too", Fault.PARTY, claims={"aud": ["yabu", "asago"]}),
    Case("it was made for another client", Fault.PARTY, claims={"aud": ["yabu", "asago"], "azp": "asago"}),
    Case("it was made for another client, though for us", Fault.PARTY, claims={"azp": "asago"}),
    Case("it has no subject", Fault.SUBJECT, claims={"sub": MISSING}),
    Case("its subject is empty", Fault.SUBJECT, claims={"sub": ""}),
    Case("its subject is a number", Fault.SUBJECT, claims={"sub": 5}),
    Case("its subject is endless", Fault.SUBJECT, claims={"sub": "a" * 256}),
    Case("its subject is not ASCII", Fault.SUBJECT, claims={"sub": "花子"}),
    Case("it has no end", Fault.EXPIRED, claims={"exp": MISSING}),
    Case("it has expired", Fault.EXPIRED, claims={"exp": lambda _: ago(90)}),
    Case("its end is a text", Fault.EXPIRED, claims={"exp": "tomorrow"}),
    Case("it was not issued at any time", Fault.ISSUED, claims={"iat": MISSING}),
    Case("it was issued long ago", Fault.ISSUED, claims={"iat": lambda _: ago(DAY)}),
    Case("it will be issued", Fault.ISSUED, claims={"iat": lambda _: ago(-120)}),
    Case("it is not valid yet", Fault.ISSUED, claims={"nbf": lambda _: ago(-120)}),
    Case("its nonce is another", Fault.NONCE, claims={"nonce": "another"}),
    Case("it has no nonce", Fault.NONCE, claims={"nonce": MISSING}),
    Case("its nonce is a list", Fault.NONCE, claims={"nonce": lambda r: [r.seen[-1]]}),
    Case("one logs in there tomorrow", Fault.LOGIN_TIME, claims={"auth_time": lambda _: ago(-DAY)}),
    Case("one logged in there at no time", Fault.LOGIN_TIME, claims={"auth_time": "yesterday"}),
    Case("its level is a list", Fault.LEVEL, claims={"acr": ["aal3"]}),
    Case("its login there is a number", Fault.IDENTIFIER, claims={"sid": 5}),
    Case("it came with another access token", Fault.TOKEN_HASH, tokens={"access_token": "another"}),
    Case("it hashes nothing", Fault.TOKEN_HASH, claims={"at_hash": ""}),
]

LEVELS = [
    Case("it does not say how sure it is", "unsure", claims={"acr": MISSING}),
    Case("it is as sure as nobody knows", "unsure", claims={"acr": "aal9"}),
    Case("it is less sure, and nobody is known by it", "unknown", claims={"acr": "aal1"}, who="newcomer"),
]

USERINFO = [
    Case("what it tells is about somebody else", Fault.USERINFO, userinfo={"sub": "hanako"}, who="newcomer"),
    Case("what it tells is about nobody", Fault.USERINFO, userinfo={"sub": MISSING}, who="newcomer"),
    Case("it does not tell", Fault.USERINFO, answers={"userinfo": "401"}, who="newcomer"),
    Case("it tells garbage", Fault.ANSWER, answers={"userinfo": "garbage"}, who="newcomer"),
    Case("it tells without end", Fault.ANSWER, answers={"userinfo": "huge"}, who="newcomer"),
    Case("it tells elsewhere", Fault.ANSWER, answers={"userinfo": "redirect"}, who="newcomer"),
]

REFUSED = [*CALLBACK, *TOKEN_ENDPOINT, *ID_TOKEN, *LEVELS, *USERINFO]
"""Such a login begins, and ends with nobody logged in."""

RIGHT = [
    Case("all is right", ""),
    Case("it pushes requests", "", metadata=PAR),
    Case("it names no key, and has one", "", header={"kid": MISSING}),
    Case("it names one of two keys", "", keys=TWO),
    Case("it is for a list of us", "", claims={"aud": ["yabu"]}),
    Case("it is for others, too, but was made for us", "", claims={"aud": ["yabu", "asago"], "azp": "yabu"}),
    Case("it has no hash of the access token", "", claims={"at_hash": MISSING}),
    Case("it has no typ", "", header={"typ": MISSING}),
    Case(
        "its clock is ahead by half a minute",
        "",
        claims={"iat": lambda _: ago(-30), "auth_time": lambda _: ago(-30)},
    ),
    Case("it tells more than is asked", "", claims={"unknown": {"a": [1]}}),
    Case(
        "it signs by RSA, as agreed",
        "",
        sign="rsa",
        header={"kid": "rsa"},
        keys=(RSA,),
        settings='algorithms = ["RS256"]',
    ),
]
"""What differs and is right: so that the cases above fail for what they say."""

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT: dict[str, tuple[Fault, dict[str, Any]]] = {
    "it is unsigned": (Fault.ALGORITHM, {"sign": "none"}),
    "it is signed with the public key as secret": (Fault.ALGORITHM, {"sign": "secret"}),
    "it is signed by RSA, which was not agreed": (Fault.ALGORITHM, {"sign": "rsa"}),
    "its signature is one of a stranger": (Fault.SIGNATURE, {"sign": "stranger"}),
    "one bit of its signature is another": (Fault.SIGNATURE, {"sign": "flipped"}),
    "it brings its own key along": (Fault.SIGNATURE, {"sign": "brought"}),
    "it names a key that nobody has": (Fault.KEY, {"header": {"kid": "nobody"}}),
    "it is an access token": (Fault.TYPE, {"header": {"typ": "at+jwt"}}),
    "its issuer is another": (Fault.ISSUER, {"iss": "https://other.example"}),
    "it has no issuer": (Fault.ISSUER, {"iss": MISSING}),
    "it is for another client": (Fault.AUDIENCE, {"aud": "asago"}),
    "it is for nobody": (Fault.AUDIENCE, {"aud": MISSING}),
    "it was made for another client": (Fault.PARTY, {"azp": "asago"}),
    "it has no event": (Fault.EVENT, {"events": MISSING}),
    "its event is another": (Fault.EVENT, {"events": {"https://other.example/event": {}}}),
    "its event is a text": (Fault.EVENT, {"events": EVENT}),
    "its event says nothing": (Fault.EVENT, {"events": {EVENT: None}}),
    "it has a nonce, as an ID token": (Fault.NONCE, {"nonce": "n"}),
    "it was not issued at any time": (Fault.ISSUED, {"iat": MISSING}),
    "it was issued long ago": (Fault.ISSUED, {"iat": lambda _: ago(400)}),
    "it will be issued": (Fault.ISSUED, {"iat": lambda _: ago(-120)}),
    "it has expired": (Fault.EXPIRED, {"exp": lambda _: ago(90)}),
    "its end is a text": (Fault.EXPIRED, {"exp": "tomorrow"}),
    "it has no name of its own": (Fault.IDENTIFIER, {"jti": MISSING}),
    "its name is a number": (Fault.IDENTIFIER, {"jti": 5}),
    "it is about nobody": (Fault.SUBJECT, {"sub": MISSING, "sid": MISSING}),
    "its login is a number": (Fault.IDENTIFIER, {"sid": 5}),
    "its subject is a number": (Fault.SUBJECT, {"sub": 5}),
}
"""Logout tokens that end nothing. (Back-Channel Logout 1.0 2.6)"""
