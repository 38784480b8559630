"""Whether a certificate was revoked when it signed: lists and answers of its own issuer. (RFC 5280 5, 6.3; RFC 6960)

Pure: what is known of revocations is passed in, and nothing that is not known counts as good. What became known
later counts, too: a certificate that was revoked before it signed was never good.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from base import clock


class Status(StrEnum):
    """What is known of a certificate at a moment."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of revocations: lists of authorities, and their answers about single certificates."""

    lists: Sequence[x509.CertificateRevocationList] = ()
    answers: Sequence[ocsp.OCSPResponse] = ()


Lookup = Callable[[], Known]
"""Gives what is known now; it may change from call to call."""
FRESH: Final = timedelta(hours=24)
"""How much older than the signature an answer about a certificate may be, whatever it says of its next update."""
_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_STOLEN: Final = frozenset(
    {x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise, x509.ReasonFlags.aa_compromise}
)


def status_of_all(chain: Sequence[x509.Certificate], at: int, known: Known) -> Status:
    """Say what is known at a moment (µs) of all certificates of a chain but its last, which is the anchor."""
    found = {status(own, issuer, at, known) for own, issuer in pairwise(chain)}
    return _worst(found) or Status.UNKNOWN


def stapled(known: Known, answer: bytes) -> Known:
    """Add an answer that came with what was signed; one that cannot be read says nothing."""
    try:
        return replace(known, answers=(*known.answers, ocsp.load_der_ocsp_response(answer)))
    except (ValueError, TypeError):
        return known


def status(own: x509.Certificate, issuer: x509.Certificate, at: int, known: Known) -> Status:
    """Say what is known of a certificate at a moment (µs): good only if something says so and nothing else."""
    moment = datetime.fromtimestamp(at / clock.SECOND, UTC)
    found = {_listed(own, issuer, moment, one) for one in known.lists}
    found |= {_answered(own, issuer, moment, one) for one in known.answers}
    return _worst(found) or Status.UNKNOWN


def _worst(found: Iterable[Status | None]) -> Status | None:
    """Join what several say; None says nothing, and who doubts outweighs who says good."""
    said = set(found)
    return next((one for one in (Status.REVOKED, Status.UNKNOWN, Status.GOOD) if one in said), None)


def _ended(
    own: x509.Certificate, moment: datetime, when: datetime, reason: x509.ReasonFlags | None, *, exact: bool
) -> Status:
    """Judge a revocation. exact: the authority says since when the key is not to be trusted."""
    if when <= moment:
        return Status.REVOKED
    if reason in _STOLEN and not exact:
        return Status.UNKNOWN  # it was stolen before that was known; nobody says how long before
    return Status.GOOD if moment <= own.not_valid_after_utc else Status.UNKNOWN


def _still_listed(own: x509.Certificate, moment: datetime, made: datetime, until: datetime | None) -> bool:
    """Say whether something of this age knows of a moment; of who expired an authority need not tell any more."""
    return until is not None and moment < until and made <= own.not_valid_after_utc


# -- lists


def _listed(
    own: x509.Certificate, issuer: x509.Certificate, moment: datetime, found: x509.CertificateRevocationList
) -> Status | None:
    if found.issuer != own.issuer or not _made_by(found, issuer):
        return None
    whole = _covers(own, found)
    if whole is None:
        return None
    entry = found.get_revoked_certificate_by_serial_number(own.serial_number)
    if entry is not None:
        ended = _entry(own, moment, entry)
        return ended if whole or ended is not Status.GOOD else None
    fresh = _still_listed(own, moment, found.last_update_utc, found.next_update_utc)
    return Status.GOOD if whole and fresh else None


def _made_by(found: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """Say whether an issuer made a list, and may make lists. (RFC 5280 6.3.3 f, g)"""
    if issuer.subject != found.issuer or not isinstance(found.signature_hash_algorithm, _HASHES):
        return False
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.crl_sign:
            return False
    except x509.ExtensionNotFound:
        pass
    except ValueError:
        return False
    key = issuer.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return False
    return found.is_signature_valid(key)


def _covers(own: x509.Certificate, found: x509.CertificateRevocationList) -> bool | None:
    """Say whether a list names all revocations of such certificates, or (False) some; None: it is about others."""
    try:
        extensions = list(found.extensions)
    except (ValueError, x509.DuplicateExtension):
        return None
    whole = True
    for one in extensions:
        if isinstance(one.value, x509.IssuingDistributionPoint):
            part = _part(own, one.value)
            if part is None:
                return None
            whole = whole and part
        elif isinstance(one.value, x509.DeltaCRLIndicator):
            whole = False
        elif one.critical:
            return None
    return whole


def _part(own: x509.Certificate, point: x509.IssuingDistributionPoint) -> bool | None:
    """Say the same of a list for one distribution point. (RFC 5280 5.2.5)"""
    if point.indirect_crl or point.only_contains_attribute_certs or point.relative_name is not None:
        return None
    try:
        limits = own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        limits = False
    if (point.only_contains_ca_certs and not limits) or (point.only_contains_user_certs and limits):
        return None
    if point.full_name is not None and not set(_points(own)) & set(point.full_name):
        return None
    return not point.only_some_reasons


def _points(own: x509.Certificate) -> Iterable[x509.GeneralName]:
    try:
        found = own.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return
    for point in found:
        yield from point.full_name or ()


def _entry(own: x509.Certificate, moment: datetime, entry: x509.RevokedCertificate) -> Status | None:
    when, reason, exact = entry.revocation_date_utc, None, False
    try:
        for one in entry.extensions:
            if isinstance(one.value, x509.InvalidityDate):
                when, exact = min(when, one.value.invalidity_date_utc), True
            elif isinstance(one.value, x509.CRLReason):
                reason = one.value.reason
            elif one.critical:
                return Status.REVOKED  # it means something that is not understood here
    except (ValueError, x509.DuplicateExtension):
        return Status.REVOKED
    if reason is x509.ReasonFlags.remove_from_crl:
        return None
    return _ended(own, moment, when, reason, exact=exact)


# -- answers about one certificate


def _answered(
    own: x509.Certificate, issuer: x509.Certificate, moment: datetime, found: ocsp.OCSPResponse
) -> Status | None:
    if found.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL or not _answers(found, issuer):
        return None
    return _worst(_single(own, issuer, moment, one) for one in found.responses)


def _single(
    own: x509.Certificate, issuer: x509.Certificate, moment: datetime, one: ocsp.OCSPSingleResponse
) -> Status | None:
    if not _about(own, issuer, one):
        return None
    if one.certificate_status is ocsp.OCSPCertStatus.REVOKED and one.revocation_time_utc is not None:
        return _ended(own, moment, one.revocation_time_utc, one.revocation_reason, exact=False)
    if one.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        return Status.UNKNOWN
    until = one.next_update_utc or one.this_update_utc + FRESH
    fresh = one.this_update_utc >= moment - FRESH and _still_listed(own, moment, one.this_update_utc, until)
    return Status.GOOD if fresh else None


def _about(own: x509.Certificate, issuer: x509.Certificate, one: ocsp.OCSPSingleResponse) -> bool:
    """Say whether an answer is about this certificate: by its number, and name and key of its issuer."""
    if not isinstance(one.hash_algorithm, hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512):
        return False
    asked = ocsp.OCSPRequestBuilder().add_certificate(own, issuer, one.hash_algorithm).build()
    return (asked.serial_number, asked.issuer_name_hash, asked.issuer_key_hash) == (
        one.serial_number,
        one.issuer_name_hash,
        one.issuer_key_hash,
    )


def _answers(found: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    """Say whether the issuer made an answer, or somebody whom it named for that. (RFC 6960 4.2.2.2)"""
    if any(one.critical for one in found.extensions):
        return False
    return any(
        _signed(found, one) for one in (issuer, *(c for c in found.certificates if _named(c, issuer, found)))
    )


def _named(responder: x509.Certificate, issuer: x509.Certificate, found: ocsp.OCSPResponse) -> bool:
    """Say whether an issuer named somebody to answer for it, without asking whether that one was revoked."""
    try:
        responder.verify_directly_issued_by(issuer)
        wider = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        responder.extensions.get_extension_for_class(x509.OCSPNoCheck)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    begins, ends = responder.not_valid_before_utc, responder.not_valid_after_utc
    return ExtendedKeyUsageOID.OCSP_SIGNING in wider and begins <= found.produced_at_utc <= ends


def _signed(found: ocsp.OCSPResponse, responder: x509.Certificate) -> bool:
    key, hash = responder.public_key(), found.signature_hash_algorithm
    if hash is None or not isinstance(hash, _HASHES):
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(found.signature, found.tbs_response_bytes, padding.PKCS1v15(), hash)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(found.signature, found.tbs_response_bytes, ec.ECDSA(hash))
            return True
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return False


# -- what is told of it


def reason(own: x509.Certificate, known: Known) -> str:
    """Give why a certificate was revoked, as lists and answers tell it; empty if they do not."""
    for found in known.lists:
        entry = found.get_revoked_certificate_by_serial_number(own.serial_number)
        told = None if entry is None or found.issuer != own.issuer else _told(entry)
        if told is not None:
            return str(told.value)
    for answer in known.answers:
        if answer.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
            for one in answer.responses:
                if one.serial_number == own.serial_number and one.revocation_reason is not None:
                    return str(one.revocation_reason.value)
    return ""


def informed(own: x509.Certificate, known: Known) -> int:
    """Say of when the newest information about a certificate is (µs); 0 if there is none."""
    moments = [one.last_update_utc for one in known.lists if one.issuer == own.issuer]
    for answer in known.answers:
        if answer.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
            moments += [one.this_update_utc for one in answer.responses]
    return max((int(one.timestamp()) * clock.SECOND for one in moments), default=0)


def _told(entry: x509.RevokedCertificate) -> x509.ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return None
