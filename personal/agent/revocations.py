"""Lists of revoked certificates that were carried in, each of an authority that is pinned here. (RFC 5280 5)"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from base import clock
from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData, Conflict
from personal.agent import store as kept
from personal.agent.trust import authorities_of
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.rules.certificate_status import Known
from personal.store.town import rows, value

LARGEST: Final = 32 << 20
_AHEAD: Final = timedelta(minutes=10)


class Revocations:
    """The lists of one store, each read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, int], x509.CertificateRevocationList] = {}

    def known(self, db: Connection) -> Known:
        """Give what is known now."""
        present = [(id, made) for id, made in rows(db, "SELECT id, made FROM revocations")]
        self._read = {one: self._read.get(one) or _kept(db, one[0]) for one in present}
        return Known(lists=tuple(self._read.values()))


def _kept(db: Connection, id: str) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(value(db, "SELECT list FROM revocations WHERE id = ?", id))


def take_in(db: Connection, body: bytes, now: int) -> dict[str, Any]:
    """Keep a list instead of the one before; BadRequestData if no authority pinned here made it."""
    found = _parsed(body)
    if not any(_made_by(found, one) for one in authorities_of(kept.anchors(db))):
        raise BadRequestData("No authority that is pinned here made this list.")
    if found.next_update_utc is None:
        raise BadRequestData("The list does not say until when it is good.")
    if found.last_update_utc > datetime.fromtimestamp(now // SECOND, UTC) + _AHEAD:
        raise BadRequestData("The list is from a moment to come; is the clock right?")
    id, made = _id(found), int(found.last_update_utc.timestamp())
    if made <= int(value(db, "SELECT coalesce(max(made), 0) FROM revocations WHERE id = ?", id)):
        raise Conflict("A list of the same authority is here already that is as young, or younger.")
    der = found.public_bytes(Encoding.DER)
    db.execute("INSERT OR REPLACE INTO revocations VALUES (?, ?, ?)", (id, made, der))
    told = {
        "made": clock.show(made * SECOND),
        "until": clock.show(int(found.next_update_utc.timestamp()) * SECOND),
        "revoked": len(found),
    }
    audit.append(db, Entry("revocations-taken-in", {"list": id, **told}), now)
    return told


def ends(db: Connection) -> list[int]:
    """Say until when the lists are good (µs)."""
    lists: Sequence[Any] = [
        x509.load_der_x509_crl(body) for (body,) in rows(db, "SELECT list FROM revocations")
    ]
    return [int(one.next_update_utc.timestamp()) * SECOND for one in lists]


def _parsed(body: bytes) -> x509.CertificateRevocationList:
    if len(body) > LARGEST:
        raise BadRequestData("The list is longer than it may be.")
    try:
        pem = body.lstrip().startswith(b"-----BEGIN")
        return x509.load_pem_x509_crl(body) if pem else x509.load_der_x509_crl(body)
    except ValueError:
        raise BadRequestData("The file holds no list of revoked certificates, as PEM or DER.") from None


def _made_by(found: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    if authority.subject != found.issuer or not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return False
    return found.is_signature_valid(key)


def _id(found: x509.CertificateRevocationList) -> str:
    """Name of whom and of which part a list is. (RFC 5280 5.2.5)"""
    try:
        part = found.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value.public_bytes()
    except x509.ExtensionNotFound:
        part = b""
    return hashlib.sha256(found.issuer.public_bytes() + part).hexdigest()[:32]
