"""The login providers of a TOML file: whom they know, and how surely. (docs/personal-login.md)

[[provider]]
name = "digital"                       # names it in paths and lists
preset = "digital-auth-app"            # or digital-auth-app-sandbox; the file may say otherwise
client_id = "yabu"
key = "digital.jwk"                    # beside this file; a list: the first signs, all are published
"""

import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from jsonschema import Draft202012Validator

from base.access.issuers import ALGORITHMS
from base.egress import AddressPolicy
from base.oidc.client import Client, Registration
from base.oidc.faults import LoginFailed
from base.oidc.metadata import is_safe
from base.oidc.signed import unverified
from base.settings import SettingError
from personal.rules.levels import Level

_LEVELS: Final = {"contactless": Level.CONTACTLESS, "city-card": Level.CITY_CARD, "card": Level.CARD}
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 500}
_WORD: Final = {"type": "string", "pattern": r"^[!#-\[\]-~]{1,100}$"}
_WORDS: Final = {"type": "array", "items": _WORD, "uniqueItems": True, "maxItems": 20}
_OTHERS: Final = 0o077
_SURE: Final = {"enum": ["none", *_LEVELS]}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "issuer", "client_id", "key", "label"],
    "properties": {
        "name": {"type": "string", "pattern": r"^[a-z][a-z0-9-]{0,31}$", "not": {"const": "backchannel"}},
        "label": {
            "type": "object",
            "required": ["ja", "en"],
            "properties": {"ja": _TEXT, "en": _TEXT},
            "additionalProperties": False,
        },
        "issuer": _TEXT,
        "client_id": {"type": "string", "pattern": r"^[!-~]{1,255}$"},
        "key": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 5}]},
        "scopes": {**_WORDS, "contains": {"const": "openid"}},
        "acr_values": _WORDS,
        "levels": {"type": "object", "additionalProperties": _SURE},
        "otherwise": _SURE,
        "who": {"enum": ["residents", "staff"]},
        "algorithms": {"type": "array", "items": {"enum": sorted(ALGORITHMS)}, "minItems": 1},
        "audience": {"enum": ["issuer", "token-endpoint"]},
        "authorities": _TEXT,
        "max_age": {"type": "integer", "minimum": 0, "maximum": 86_400},
        "seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 60},
        "pause": {"type": "number", "minimum": 0, "maximum": 3600},
    },
    "additionalProperties": False,
}
_APP: Final = {
    "label": {"ja": "デジタル認証アプリ", "en": "Digital Authentication App"},
    "scopes": ["openid", "name", "address", "birthdate", "gender"],
    "acr_values": ["aal3", "crl"],
    "levels": {"aal3": "card", "aal3 crl": "card"},
    "algorithms": ["ES256"],
    "audience": "token-endpoint",
}
PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "digital-auth-app": {**_APP, "issuer": "https://auth-and-sign.go.jp/api/realms/main"},
    "digital-auth-app-sandbox": {**_APP, "issuer": "https://sb-auth-and-sign.go.jp/api/realms/main"},
}
"""What is known of providers beforehand. (personal-data.md 2.4)"""


@dataclass(frozen=True, slots=True, eq=False)
class LoginProvider:
    """One provider: who logs in there, what is asked of it, how sure its logins are by their acr."""

    name: str
    label: Mapping[str, str]
    staff: bool
    scopes: tuple[str, ...]
    acr_values: tuple[str, ...]
    levels: Mapping[str, Level]
    otherwise: Level
    client: Client = field(repr=False)
    max_age: int | None = None  # how long ago they may have logged in there (s)
    published: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def surest(self) -> Level:
        """Give the surest level that its logins reach."""
        return max((*self.levels.values(), self.otherwise))

    @property
    def proving(self) -> frozenset[str]:
        """Give the values of acr with which its ID tokens prove a decision."""
        return frozenset(acr for acr, level in self.levels.items() if level is Level.CARD)

    def level(self, acr: str) -> Level:
        """Say how sure a login is of which the provider says this; what it does not say counts least."""
        return self.levels.get(acr, self.otherwise)


class LiveKeys(Mapping[str, Any]):
    """The JWK Set of a provider as it is known now."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getitem__(self, name: str) -> Any:
        if name != "keys":
            raise KeyError(name)
        return self._client.known_keys()

    def __iter__(self) -> Iterator[str]:
        return iter(("keys",))

    def __len__(self) -> int:
        return 1


class LoginProviders:
    """All providers of the settings."""

    def __init__(self, listed: tuple[LoginProvider, ...] = ()) -> None:
        self.listed = listed
        self._named = {one.name: one for one in listed}

    def get(self, name: str) -> LoginProvider | None:
        """Find a provider by its name."""
        return self._named.get(name)

    async def learn(self, token: str) -> None:
        """Get to know the keys of the provider that an ID token names, if that is one of these; nothing is verified."""
        with contextlib.suppress(LoginFailed):
            issuer = unverified(token)[1].get("iss")
            for one in self.listed:
                if one.proving and one.client.registration.issuer == issuer:
                    await one.client.learn(token)

    def own_keys(self) -> dict[str, Any]:
        """Give the public keys by which the providers know this installation. (RFC 7517)"""
        found = {key["kid"]: key for one in self.listed for key in one.published}
        return {"keys": [found[kid] for kid in sorted(found)]}

    async def close(self) -> None:
        """End all connections to them."""
        for one in self.listed:
            await one.client.close()


NO_PROVIDERS: Final = LoginProviders()


def read(path: Path | None, policy: AddressPolicy) -> LoginProviders:
    """Read the file; SettingError says what is wrong with it."""
    if path is None:
        return LoginProviders()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"the login providers in {path} cannot be read: {error}") from error
    rows = document.get("provider", [])
    if set(document) - {"provider"} or not isinstance(rows, list) or not rows:
        raise SettingError(f"{path} has to hold tables [[provider]] and nothing else")
    found = tuple(_provider(row, path, policy) for row in rows)
    for what, values in (
        ("name", [one.name for one in found]),
        ("client_id at one issuer", [_registered(one) for one in found]),
    ):
        if len(set(values)) < len(values):
            raise SettingError(f"two providers in {path} have the same {what}")
    return LoginProviders(found)


def _registered(one: LoginProvider) -> tuple[str, str]:
    return one.client.registration.issuer, one.client.registration.client


def _provider(row: Any, path: Path, policy: AddressPolicy) -> LoginProvider:
    def refuse(why: str) -> SettingError:
        return SettingError(f"a login provider in {path} cannot be used: {why}")

    if not isinstance(row, Mapping):
        raise refuse("it is no table")
    preset = row.get("preset")
    if preset is not None and preset not in PRESETS:
        raise refuse(f"there is no preset '{preset}', but {', '.join(PRESETS)}")
    told = {
        **PRESETS.get(str(preset), {}),
        **{name: value for name, value in row.items() if name != "preset"},
    }
    fault = next(Draft202012Validator(SCHEMA).iter_errors(told), None)
    if fault is not None:
        raise refuse(f"{'/'.join(map(str, fault.path)) or 'it'}: {fault.message}")
    if not is_safe(told["issuer"]) or "?" in told["issuer"]:
        raise refuse("issuer has to be a URL that begins with https, without query")
    levels = {acr: _LEVELS.get(level, Level.NONE) for acr, level in told.get("levels", {}).items()}
    staff = told.get("who") == "staff"
    files = [told["key"]] if isinstance(told["key"], str) else told["key"]
    keys = [_key(path.parent / one) for one in files]
    authorities = path.parent / told["authorities"] if "authorities" in told else None
    registration = Registration(
        told["name"],
        told["issuer"],
        told["client_id"],
        keys[0],
        tuple(told.get("algorithms", ("ES256",))),
        told.get("audience", "issuer"),
        authorities,
        float(told.get("seconds", 8.0)),
        float(told.get("pause", 10.0)),
    )
    try:
        client = Client(registration, policy)
    except (OSError, ValueError) as error:
        raise refuse(f"authorities: {authorities} is no PEM file of certificates") from error
    return LoginProvider(
        told["name"],
        told["label"],
        staff,
        tuple(told.get("scopes", ("openid",))),
        tuple(told.get("acr_values", ())),
        levels,
        _LEVELS.get(told.get("otherwise", "city-card" if staff and not levels else "none"), Level.NONE),
        client,
        told.get("max_age"),
        tuple({**key.as_dict(private=False), "use": "sig", "alg": "ES256"} for key in keys),
    )


def _key(path: Path) -> ECKey:
    """Read a key of our own, which only its owner may read."""
    try:
        shared = path.stat().st_mode & _OTHERS
        key = ECKey.import_key(orjson.loads(path.read_bytes()))
    except (OSError, ValueError, JoseError, TypeError, AttributeError) as error:
        raise SettingError(f"{path} holds no key: make one with engawa login-keys") from error
    if shared:
        raise SettingError(f"{path} can be read by others than its owner: chmod 600 {path}")
    if key.get("crv") != "P-256" or not key.is_private:
        raise SettingError(f"{path} is no secret key for ES256: make one with engawa login-keys")
    key.ensure_kid()
    return key
