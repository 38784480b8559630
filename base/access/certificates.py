"""TLS for a server: its certificate, which may change while it runs, and the certificates of its clients."""

import hashlib
import ssl
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import structlog

from base.settings import SettingError

LONGEST_NAME: Final = 255
MOST: Final = 2_000
log = structlog.get_logger("engawa.tls")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: `key` may be in the certificate's file; `clients`: 'none', 'optional' or 'required' certificates."""

    certificate: Path
    key: Path | None = None
    authorities: Path | None = None
    clients: str = "optional"

    def state(self) -> tuple[object, ...]:
        """Give what changes when a file does."""
        found: list[object] = []
        for path in filter(None, (self.certificate, self.key, self.authorities)):
            try:
                about = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((about.st_mtime_ns, about.st_size, about.st_ino))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a client's verified certificate says: whom it names ('' if nobody), until when (µs), its SHA-256."""

    name: str
    until: int
    thumbprint: bytes


class _Context(ssl.SSLContext):
    """Begins each connection with the context of that moment; the event loop keeps one context for all.

    Connections count from their first byte: a server that counts them after the handshake sees those too late."""

    current: ssl.SSLContext
    most: int
    live: set["weakref.ref[ssl.SSLObject]"]

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        if len(self.live) >= self.most:
            raise ssl.SSLError("too many connections are open")
        begun = self.current.wrap_bio(*args, **options)
        self.live.add(weakref.ref(begun, self.live.discard))
        return begun


class Tls:
    """The TLS side of a server."""

    def __init__(self, files: TlsFiles, connections: int = MOST) -> None:
        """Read the files; SettingError says which one cannot be used. `connections`: most there may be at once."""
        self._files = files
        self._state = files.state()
        self.context = _Context(ssl.PROTOCOL_TLS_SERVER)
        self.context.current = _load(files)
        self.context.most = connections
        self.context.live = set()

    def reload(self, *, changed_only: bool = True) -> bool:
        """Take changed files for new connections; what cannot be used is logged and the old stays."""
        state = self._files.state()
        if changed_only and state == self._state:
            return False
        self._state = state
        try:
            self.context.current = _load(self._files)
        except SettingError as error:
            log.error("TLS files cannot be used, the former ones stay", reason=str(error))
            return False
        log.info("TLS files read again")
        return True


def _load(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (OSError, ValueError) as error:
        key = (
            f" with its key in {files.key}" if files.key else " (it has to hold the key, or tls_key names it)"
        )
        raise SettingError(
            f"the certificate in {files.certificate}{key} cannot be used: {_reason(error)}"
        ) from error
    if files.authorities is not None and files.clients != "none":
        _ask_clients(context, files.authorities, required=files.clients == "required")
    return context


def _ask_clients(context: ssl.SSLContext, authorities: Path, *, required: bool) -> None:
    try:
        context.load_verify_locations(authorities)
    except (OSError, ValueError) as error:
        raise SettingError(f"the authorities in {authorities} cannot be used: {_reason(error)}") from error
    context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    # a resumed session would not be verified again
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0


def _no_password(*_: object) -> NoReturn:
    raise ValueError("the key is encrypted; give one without a password, readable by this process only")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error) or "it is no PEM"


def ends(file: Path) -> int:
    """Say when the first certificate of a file ends; ValueError if it holds none."""
    from cryptography import x509  # megabytes, which few servers need

    moment = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    return int(moment.timestamp()) * 1_000_000


def pins(file: Path) -> frozenset[bytes]:
    """Give the SHA-256 of each certificate of a PEM file; SettingError if there is none in it."""
    from cryptography import x509  # megabytes, which few servers need
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingError(f"the certificates in {file} cannot be used: {_reason(error)}") from error
    return frozenset(hashlib.sha256(one.public_bytes(Encoding.DER)).digest() for one in found)


def certificate_of(transport: Any) -> ClientCertificate | None:
    """Read the verified certificate of a connection's client; None if it has none."""
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return None
    told = tls.getpeercert()
    raw = tls.getpeercert(True)
    if not told or raw is None:
        return None
    until = ssl.cert_time_to_seconds(told["notAfter"]) * 1_000_000
    return ClientCertificate(_name(told), until, hashlib.sha256(raw).digest())


def _name(told: Mapping[str, Any]) -> str:
    """Choose the name: the first DNS name or URI of the alternative names, else the common name. (RFC 9525)"""
    names = [value for kind, value in told.get("subjectAltName", ()) if kind in ("DNS", "URI")]
    names += [value for part in told["subject"] for kind, value in part if kind == "commonName"]
    name: str = names[0] if names else ""
    return name if len(name) <= LONGEST_NAME and name.isprintable() else ""
