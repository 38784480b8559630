"""Requests of services to log residents in: what they ask, whether they may. (OIDC Core 3.1.2, RFC 6749, RFC 7636)"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from authlib.oauth2.rfc6749 import OAuth2Error

from personal.rules.catalogue import CONSENT, Description, purpose_of

OPENID: Final = "openid"
OFFLINE: Final = "offline_access"
PURPOSE: Final = "purpose:"
"""What begins a scope that names a purpose of the service."""
DETAIL: Final = "engawa-consent"
"""The type of authorization details that name one. (RFC 9396)"""
LEVELS: Final[Mapping[int, str]] = {1: "aal1", 2: "aal2", 3: "aal3"}
"""How levels of login are called outside."""
PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
LONGEST: Final = 4_000
MOST_DETAILS: Final = 10
REQUEST_URI: Final = "urn:ietf:params:oauth:request_uri:"
KEPT: Final = (
    "client_id", "response_type", "response_mode", "redirect_uri", "scope", "state", "nonce", "code_challenge",
    "code_challenge_method", "prompt", "max_age", "acr_values", "authorization_details", "dpop_jkt",
    "request", "registration",
)  # fmt: skip
"""What of a request is read; the rest is forgotten at once, a login_hint above all: it may tell who somebody is."""
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*\Z")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A purpose for which a service asks items at login; required: without them it does not want the login."""

    purpose: str
    items: tuple[str, ...]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What a service asks for; level: the least one that will do; max_age: how old a login may be (s)."""

    client: str
    redirect_uri: str
    state: str | None
    nonce: str | None
    challenge: str
    scope: tuple[str, ...]
    wanted: tuple[Wanted, ...]
    prompt: frozenset[str]
    max_age: int | None
    level: int
    dpop_jkt: str

    @property
    def silent(self) -> bool:
        """Say whether nothing may be asked of the resident."""
        return "none" in self.prompt

    @property
    def age(self) -> int | None:
        """Say how long ago somebody may have logged in (s); None: whenever."""
        return 0 if self.prompt & {"login", "select_account"} else self.max_age


def login_of(description: Description) -> Mapping[str, Any] | None:
    """Give how a service uses the common login; None if it does not."""
    found: Mapping[str, Any] | None = description.get("login")
    return found


def least(description: Description) -> int:
    """Give the lowest level of login that will do for a service."""
    return _level((login_of(description) or {}).get("leastLevel", ""))


def target(params: Mapping[str, str], description: Description) -> str | None:
    """Give where the answer goes; None if that is not registered, letter by letter. (RFC 9700 2.1)"""
    given = params.get("redirect_uri", "")
    known = (login_of(description) or {}).get("redirectUris", [])
    return given if given in known else None


def kept(params: Mapping[str, str]) -> dict[str, str]:
    """Give what of a request is read."""
    return {name: params[name] for name in KEPT if name in params}


def read(params: Mapping[str, str], description: Description) -> Request:
    """Read a request whose client and target are known; OAuth2Error says what is wrong with it."""
    _check_forms(params)
    scope = tuple(dict.fromkeys(params.get("scope", "").split()))
    if OPENID not in scope:
        raise _wrong("invalid_scope", "scope has to name openid")
    prompt = frozenset(params.get("prompt", "").split())
    if not prompt <= PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise _wrong("invalid_request", "prompt is none of those known here, or none beside another one")
    return Request(
        params["client_id"],
        params["redirect_uri"],
        params.get("state"),
        params.get("nonce"),
        params["code_challenge"],
        tuple(one for one in scope if one in (OPENID, OFFLINE) or one.startswith(PURPOSE)),
        _wanted(scope, params.get("authorization_details"), description),
        prompt,
        _age(params.get("max_age")),
        max(least(description), _level(params.get("acr_values", ""))),
        params.get("dpop_jkt", ""),
    )


def _check_forms(params: Mapping[str, str]) -> None:
    for name in ("request", "registration"):
        if name in params:
            raise _wrong(f"{name}_not_supported", f"{name} is not read here")
    for name, text in params.items():
        if len(text) > LONGEST or not _PRINTABLE.match(text):
            raise _wrong("invalid_request", f"{name} is too long, or has signs that it must not have")
    if params.get("response_type") != "code":
        raise _wrong("unsupported_response_type", "response_type has to be code")
    if params.get("response_mode", "query") != "query":
        raise _wrong("invalid_request", "response_mode has to be query")
    if params.get("code_challenge_method") != "S256" or not _CHALLENGE.match(
        params.get("code_challenge", "")
    ):
        raise _wrong("invalid_request", "PKCE with S256 is needed: code_challenge, code_challenge_method")
    if "dpop_jkt" in params and not _CHALLENGE.match(params["dpop_jkt"]):
        raise _wrong("invalid_request", "dpop_jkt is no thumbprint")


def _age(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or len(text) > 9:
        raise _wrong("invalid_request", "max_age is no number of seconds")
    return int(text)


def _level(text: str) -> int:
    """Give the lowest of the levels that would do; those that are not known here ask for nothing. (Core 3.1.2.1)"""
    numbers = {name: level for level, name in LEVELS.items()}
    return min((numbers[one] for one in text.split() if one in numbers), default=1)


def _wanted(scope: tuple[str, ...], details: str | None, description: Description) -> tuple[Wanted, ...]:
    found: dict[str, Wanted] = {}
    for one in scope:
        if one.startswith(PURPOSE):
            id = one.removeprefix(PURPOSE)
            found[id] = Wanted(id, _items(description, id, None, "invalid_scope"))
    for detail in _details(details):
        id, required = detail["purpose"], detail.get("required", False)
        items = _items(description, id, detail.get("items"), "invalid_authorization_details")
        found[id] = Wanted(id, items, required)
    return tuple(found.values())


def _items(description: Description, id: str, asked: list[str] | None, error: str) -> tuple[str, ...]:
    """Give the items asked for a purpose; refuse what the service may not ask residents for."""
    purpose = purpose_of(description, id)
    if purpose is None or purpose["basis"] != CONSENT:
        raise _wrong(error, "the service has no such purpose that rests on consent")
    known = [one["item"] for one in purpose["items"]]
    if asked is not None and not set(asked) <= set(known):
        raise _wrong(error, "the service asks for an item that its purpose does not have")
    return tuple(one for one in known if asked is None or one in asked)


def _details(text: str | None) -> list[dict[str, Any]]:
    if text is None:
        return []
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _wrong("invalid_authorization_details", "authorization_details is no JSON") from None
    if not isinstance(found, list) or len(found) > MOST_DETAILS or not all(map(_is_detail, found)):
        raise _wrong(
            "invalid_authorization_details",
            f"authorization_details are a list of type {DETAIL}: see the manual",
        )
    return found


def _is_detail(one: Any) -> bool:
    if not isinstance(one, dict) or one.get("type") != DETAIL or one.keys() - _MEMBERS:
        return False
    items = one.get("items", ["-"])
    return (
        isinstance(one.get("purpose"), str)
        and isinstance(one.get("required", False), bool)
        and isinstance(items, list)
        and bool(items)
        and all(isinstance(item, str) for item in items)
    )


_MEMBERS: Final = frozenset({"type", "purpose", "items", "required"})


def _wrong(error: str, why: str) -> OAuth2Error:
    return OAuth2Error(why, error=error)


def methods(method: str, level: int) -> list[str]:
    """Say how somebody logged in, by the names of RFC 8176; not by which provider, which would tell residents apart."""
    if method == "card" or (method.startswith("oidc.") and level == max(LEVELS)):
        return ["sc", "pin", "mfa"]
    return {"contactless": ["sc"], "mykey": ["sc"], "city-card": ["mfa"]}.get(method, [])
