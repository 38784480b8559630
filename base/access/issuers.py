"""Whose bearer tokens are accepted: the issuers of a TOML file. (docs/security.md)"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from base.access.reach import is_loopback
from base.settings import SettingError

ALGORITHMS: Final = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
)
"""Signatures of which the verifier holds the public half only."""
USUAL: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
_NAME = re.compile(r"[\w.-]{1,64}\Z")
_MOST_LEEWAY = 300.0


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer: what its tokens must say, and where its keys are. Times are seconds."""

    name: str  # under which its callers stand in policies and logs
    issuer: str  # the claim iss, to the letter
    jwks: str  # URL or file of its public keys
    audience: tuple[str, ...]  # the claim aud must hold one of them
    algorithms: tuple[str, ...] = USUAL
    roles_claim: str = "roles"  # dots lead into objects: realm_access.roles
    leeway: float = 30.0
    refresh: float = 300.0  # how often the keys are fetched
    pause: float = 30.0  # at least between fetches because of an unknown key
    keep: float = 86_400.0  # how long keys serve when they cannot be fetched
    authorities: Path | None = (
        None  # PEM of certificate authorities its server may have, besides the system's
    )

    @property
    def is_remote(self) -> bool:
        """Say whether the keys are fetched over HTTP."""
        return self.jwks.startswith(("https://", "http://"))


def read(path: Path) -> tuple[Issuer, ...]:
    """Read the issuers; SettingError says what is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"the issuers in {path} cannot be read: {error}") from error
    rows = document.get("issuer", [])
    if set(document) - {"issuer"} or not isinstance(rows, list) or not rows:
        raise SettingError(f"{path} has to hold tables [[issuer]] and nothing else")
    issuers = tuple(_issuer(row, path) for row in rows)
    for what in ("name", "issuer"):
        if len({getattr(issuer, what) for issuer in issuers}) < len(issuers):
            raise SettingError(f"two issuers in {path} have the same {what}")
    return issuers


def _issuer(row: Any, path: Path) -> Issuer:
    def refuse(why: str) -> SettingError:
        return SettingError(f"an issuer in {path} cannot be used: {why}")

    if not isinstance(row, Mapping):
        raise refuse("it is no table")
    values = dict(row)
    for name in ("audience", "algorithms"):
        if isinstance(values.get(name), str):
            values[name] = [values[name]]
    _check_kinds(values, refuse)
    for name in ("audience", "algorithms"):
        if name in values:
            values[name] = tuple(values[name])
    if "authorities" in values:
        values["authorities"] = path.parent / values["authorities"]
    issuer = Issuer(**values)
    if not issuer.is_remote:
        issuer = Issuer(**{**values, "jwks": str(path.parent / issuer.jwks)})
    _check(issuer, refuse)
    return issuer


def _check_kinds(values: Mapping[str, Any], refuse: Any) -> None:
    texts = ("name", "issuer", "jwks", "roles_claim", "authorities")
    lists = ("audience", "algorithms")
    known = {field.name for field in fields(Issuer)}
    for name, value in values.items():
        if name not in known:
            raise refuse(f"it has no '{name}'; there are {', '.join(sorted(known))}")
        if name in texts and not (isinstance(value, str) and value):
            raise refuse(f"{name} is a text")
        if name in lists and not (
            isinstance(value, list) and value and all(isinstance(v, str) and v for v in value)
        ):
            raise refuse(f"{name} is a list of texts")
        if name not in texts + lists and (
            isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9
        ):
            raise refuse(f"{name} is a number of seconds")
    for name in ("name", "issuer", "jwks", "audience"):
        if name not in values:
            raise refuse(f"it lacks {name}")


def _check(issuer: Issuer, refuse: Any) -> None:
    if not _NAME.match(issuer.name):
        raise refuse("its name is 1 to 64 letters, digits or any of . _ -")
    for algorithm in issuer.algorithms:
        if algorithm not in ALGORITHMS:
            raise refuse(f"the algorithm {algorithm} is not one of {', '.join(sorted(ALGORITHMS))}")
    if issuer.leeway > _MOST_LEEWAY:
        raise refuse(f"leeway is at most {_MOST_LEEWAY:.0f} seconds")
    where = urlsplit(issuer.jwks)
    if where.scheme == "http" and not is_loopback(where.hostname or ""):
        raise refuse("jwks over http could be exchanged on the way; use https")
