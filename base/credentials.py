"""Secrets and client certificates that registrations and subscriptions name, from a file only its owner may read.

    [secrets.toyooka]                      # {"key": "Authorization", "value": "urn:engawa:secret:toyooka"}
    value = "Bearer …"
    endpoints = ["https://broker.toyooka.example"]

    [certificates.yabu]                    # {"key": "urn:engawa:certificate", "value": "yabu"}
    certificate = "yabu.pem"               # beside this file
    key = "yabu.key"
    endpoints = ["https://broker.toyooka.example"]

The pairs stand in contextSourceInfo or receiverInfo (4.3.6.5, 5.2.22). Who registers a source says where requests go;
`endpoints` keeps a secret from going anywhere else. Notifications of what neighbours passed on to us (5.8.1.4) show the
certificate that is meant for their endpoint, without being told.
"""

import re
import ssl
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from base.errors import BadGateway
from base.settings import SettingError

_OTHERS: Final = 0o077
_FIELD: Final = re.compile(r"[\t\x20-\x7e]+\Z")
_PORTS: Final = {"http": 80, "https": 443}

SECRET: Final = "urn:engawa:secret:"  # noqa: S105  # how a secret is named, none itself

log = structlog.get_logger("engawa.credentials")


@dataclass(frozen=True, slots=True)
class _Secret:
    value: str
    origins: frozenset[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class _Certificate:
    certificate: Path
    key: Path
    origins: frozenset[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class _Table:
    """What a file holds. `state`: of all files it depends on, to tell when one has changed."""

    secrets: Mapping[str, _Secret] = field(default_factory=dict)
    certificates: Mapping[str, _Certificate] = field(default_factory=dict)
    trust: Mapping[str, ssl.SSLContext] = field(default_factory=dict)
    state: tuple[Any, ...] = ()


class Credentials:
    """What registrations may name; read again when a file has changed, so that no restart is needed."""

    def __init__(self, file: Path | None, authorities: Path | None) -> None:
        """Read the file; SettingError says why it cannot be used. `authorities`: trusted beside the system's."""
        self._file = file
        self._authorities = authorities
        self._table = _read(file, authorities)
        self._refused: tuple[Any, ...] = ()
        self.trusted = _context(authorities)
        """What https is checked against where no certificate is chosen."""

    def renew(self) -> None:
        """Read the files again if one of them has changed; what cannot be read leaves everything as it is."""
        state = _state(self._file, self._authorities, self._table.certificates.values())
        if state in (self._table.state, self._refused):
            return
        try:
            table, trusted = _read(self._file, self._authorities), _context(self._authorities)
        except SettingError as error:
            self._refused = state
            log.error("changed credentials cannot be used; the former ones stay", reason=str(error))
            return
        self._table, self.trusted = table, trusted
        log.info("credentials read again")

    def secret(self, name: str, endpoint: str) -> str:
        """Give a secret for a request to an endpoint; BadGateway if there is none, or not for it."""
        found = self._table.secrets.get(name)
        if found is None or origin(endpoint) not in found.origins:
            raise _unknown("secret", name, found is not None)
        return found.value

    def revealed(self, headers: Mapping[str, str], endpoint: str) -> Mapping[str, str]:
        """Put secrets in the place of their names; BadGateway if one cannot be used."""
        if not any(value.startswith(SECRET) for value in headers.values()):
            return headers
        self.renew()
        return {
            key: self.secret(value.removeprefix(SECRET), endpoint) if value.startswith(SECRET) else value
            for key, value in headers.items()
        }

    def certificate(self, name: str, endpoint: str) -> ssl.SSLContext:
        """Give what makes us known to an endpoint by a certificate; BadGateway if there is none, or not for it."""
        found = self._table.certificates.get(name)
        if found is None or origin(endpoint) not in found.origins:
            raise _unknown("certificate", name, found is not None)
        return self._table.trust[name]

    def certificate_for(self, endpoint: str) -> ssl.SSLContext | None:
        """Give what makes us known to an endpoint by the first certificate that is meant for it; None: none is."""
        where = origin(endpoint)
        for name, one in self._table.certificates.items():
            if where in one.origins:
                return self._table.trust[name]
        return None


def origin(endpoint: str) -> tuple[str, str, int]:
    """Give scheme, host and port of an endpoint."""
    parts = urlsplit(endpoint)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)


def _unknown(what: str, name: str, known: bool) -> BadGateway:
    reason = "is not meant for it" if known else "is not known here"
    log.warning("credentials are named that cannot be used", kind=what, name=name[:100], reason=reason)
    return BadGateway(
        f"The {what} that is named for this endpoint {reason}; see the setting federation_credentials."
    )


def _state(file: Path | None, authorities: Path | None, certificates: Any) -> tuple[Any, ...]:
    files = [file, authorities, *(path for one in certificates for path in (one.certificate, one.key))]
    return tuple(_stamp(path) for path in files if path is not None)


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_mtime_ns, found.st_size, found.st_mode


def _read(file: Path | None, authorities: Path | None) -> _Table:
    if file is None:
        return _Table(state=_state(None, authorities, ()))
    table = _load(file)
    secrets = {name: _secret(name, one) for name, one in _tables(table, "secrets").items()}
    certificates = {
        name: _certificate(name, one, file.parent) for name, one in _tables(table, "certificates").items()
    }
    trust = {name: _context(authorities, one) for name, one in certificates.items()}
    return _Table(secrets, certificates, trust, _state(file, authorities, certificates.values()))


def _load(file: Path) -> dict[str, Any]:
    try:
        _check_mode(file)
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"federation_credentials: {file} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError:  # its message would show a part of the file
        raise SettingError(f"federation_credentials: {file} is no TOML") from None
    if unknown := table.keys() - {"secrets", "certificates"}:
        raise SettingError(
            f"federation_credentials: {file} has '{min(unknown)}'; it may hold [secrets.…] and [certificates.…]"
        )
    return table


def _check_mode(file: Path) -> None:
    if file.stat().st_mode & _OTHERS:
        raise SettingError(f"federation_credentials: others may read {file}; chmod 600 it")


def _tables(table: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = table.get(kind, {})
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise SettingError(f"federation_credentials: {kind} must be tables such as [{kind}.neighbour]")
    return found


def _secret(name: str, given: Mapping[str, Any]) -> _Secret:
    what = f"federation_credentials: secrets.{name}"
    value = given.get("value")
    if not isinstance(value, str) or not _FIELD.match(value):
        raise SettingError(f"{what} needs a value that an HTTP header may have")
    return _Secret(value, _origins(what, given.get("endpoints")))


def _certificate(name: str, given: Mapping[str, Any], folder: Path) -> _Certificate:
    what = f"federation_credentials: certificates.{name}"
    paths = [given.get("certificate"), given.get("key")]
    if not all(isinstance(path, str) for path in paths):
        raise SettingError(f"{what} needs certificate and key, names of PEM files")
    certificate, key = (folder / str(path) for path in paths)
    try:
        _check_mode(key)
    except OSError as error:
        raise SettingError(f"{what}: {key} cannot be read: {error}") from error
    return _Certificate(certificate, key, _origins(what, given.get("endpoints")))


def _origins(what: str, given: Any) -> frozenset[tuple[str, str, int]]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise SettingError(f"{what} needs endpoints, the list of URLs it may be sent to")
    origins = frozenset(origin(str(one)) for one in given)
    if not all(scheme in _PORTS and host for scheme, host, _ in origins):
        raise SettingError(f"{what}: endpoints must be http or https URLs")
    return origins


def _context(authorities: Path | None, chosen: _Certificate | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if authorities is not None:
            context.load_verify_locations(authorities)
        if chosen is not None:
            context.load_cert_chain(chosen.certificate, chosen.key)
    except (OSError, ssl.SSLError) as error:
        which = authorities if chosen is None else chosen.certificate
        raise SettingError(f"{which} cannot be used as certificates: {error}") from error
    return context
