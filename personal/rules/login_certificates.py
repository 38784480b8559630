"""Certificates for logging in: who vouches for one at a moment, what it is for, what its key signed. (RFC 5280 6)"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID
from joserfc.jwk import ECKey, RSAKey

from base import clock
from base.errors import NotPermitted
from personal.rules import card_profiles

_LOGINS: Final = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


class Fault(StrEnum):
    """Why a certificate, or what it signed, proves nothing; the member `fault` of the refusal."""

    UNPROVEN = "unproven"
    UNREADABLE = "unreadable"
    UNTRUSTED = "untrusted"
    EXPIRED = "expired"
    EARLY = "not-yet-valid"
    PURPOSE = "not-for-logins"
    KEY = "weak-key"
    SIGNATURE = "bad-signature"
    REVOKED = "revoked"
    UNKNOWN = "status-unknown"


def refused(why: str, fault: Fault = Fault.UNPROVEN) -> NotPermitted:
    """Say why evidence proves nothing."""
    more: dict[str, Any] = {} if fault is Fault.UNPROVEN else {"fault": fault}
    return NotPermitted(f"The evidence does not show that this was agreed to: {why}.", **more)


_refused = refused


def vouched(
    chain: Sequence[x509.Certificate], at: int, anchors: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Verify that a pinned authority vouches for a certificate at a moment (µs), for logging in; give the path to it.

    (RFC 5280 6)
    """
    if not anchors:
        raise _refused("no authority is configured here that could vouch for it", Fault.UNTRUSTED)
    own, *between = chain
    # authorities of cards mark their policies as critical; any of a pinned authority is accepted (RFC 5280 6.1.1 c)
    policies = (x509.CertificatePolicies, verification.Criticality.AGNOSTIC, None)
    policy = (
        verification.PolicyBuilder()
        .store(verification.Store(list(anchors)))
        .time(datetime.fromtimestamp(at // clock.SECOND, UTC))
        .max_chain_depth(2)
        .extension_policies(
            ca_policy=verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(*policies),
            ee_policy=verification.ExtensionPolicy.permit_all().may_be_present(*policies),
        )
    )
    try:
        path = policy.build_client_verifier().verify(own, between).chain
        fit = _for_logins(own)
    except (verification.VerificationError, ValueError, x509.DuplicateExtension):
        raise _refused(
            "no authority trusted here vouches for its certificate at that moment", _dated(own, at)
        ) from None
    if not fit:
        raise _refused("its certificate is not one for logging in", Fault.PURPOSE)
    return path


def check_signature(own: x509.Certificate, signature: bytes, signed: bytes) -> None:
    """Refuse what is no signature by the key of a certificate, as its generation of cards makes it."""
    profile = card_profiles.profile_of(own)
    if profile is None:
        raise _refused("its key is of a kind that is not trusted", Fault.KEY)
    try:
        card_profiles.verify(own, profile, signature, signed)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise _refused("its signature is not over this decision", Fault.SIGNATURE) from None


def key_of(own: x509.Certificate) -> ECKey | RSAKey:
    """Give the public key of a certificate."""
    if card_profiles.profile_of(own) is None:
        raise _refused("its key is of a kind that is not trusted", Fault.KEY)
    key = own.public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return RSAKey.import_key(pem) if isinstance(key, rsa.RSAPublicKey) else ECKey.import_key(pem)


def _for_logins(own: x509.Certificate) -> bool:
    """Say whether a certificate is for logging in: not for signing documents, not an authority's. (RFC 5280 4.2.1)"""
    found = {one.oid: one.value for one in own.extensions}
    usage, wider = found.get(x509.KeyUsage.oid), found.get(x509.ExtendedKeyUsage.oid)
    limits, policies = found.get(x509.BasicConstraints.oid), found.get(x509.CertificatePolicies.oid)
    if not isinstance(usage, x509.KeyUsage) or not usage.digital_signature:
        return False
    if usage.content_commitment or usage.key_cert_sign:
        return False
    if isinstance(limits, x509.BasicConstraints) and limits.ca:
        return False
    if isinstance(policies, x509.CertificatePolicies) and card_profiles.signs_documents(policies):
        return False
    return not isinstance(wider, x509.ExtendedKeyUsage) or not _LOGINS.isdisjoint(wider)


def _dated(own: x509.Certificate, at: int) -> Fault:
    """Say whether the dates of a certificate are why nobody vouches for it."""
    moment = datetime.fromtimestamp(at // clock.SECOND, UTC)
    if moment > own.not_valid_after_utc:
        return Fault.EXPIRED
    return Fault.EARLY if moment < own.not_valid_before_utc else Fault.UNTRUSTED
