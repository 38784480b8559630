"""What depends on the generation of a card: its key, the policies of its certificates, its PIN. (card.md 4, 5.1)

Another generation is another row; what the next one will be is planned, not published.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

RSA: Final = "RSA"


@dataclass(frozen=True, slots=True)
class Profile:
    """One generation: its kind of key (RSA or the name of a curve), how long at least, the hash it signs over."""

    name: str
    key: str
    least_bits: int
    hash: type[hashes.HashAlgorithm]
    pin_digits: int
    tries: int


PROFILES: Final = (
    Profile("current", RSA, 2_048, hashes.SHA256, 4, 3),
    Profile("next", "secp384r1", 384, hashes.SHA384, 4, 3),
    Profile("next-256", "secp256r1", 256, hashes.SHA256, 4, 3),
)
SIGNING_POLICIES: Final = frozenset(
    {"1.2.392.200149.8.5.1.1.20", "1.2.392.200149.8.5.1.0.20"}  # 署名用: real ones, and test ones
)
"""Policies of certificates that sign documents: they carry name and address, and are none for logging in."""
TOKENS: Final = ("card", "android", "iphone")
"""On what a certificate may live: one resident has one of each, each with a number of its own."""
_TESTS: Final = ("TEST", "NOT A REAL")


def profile_of(own: x509.Certificate) -> Profile | None:
    """Find the generation of a certificate by its key; None for a key that is not trusted."""
    key = own.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        kind, bits = RSA, key.key_size
    elif isinstance(key, ec.EllipticCurvePublicKey):
        kind, bits = key.curve.name, key.key_size
    else:
        return None
    return next((one for one in PROFILES if one.key == kind and bits >= one.least_bits), None)


def verify(own: x509.Certificate, profile: Profile, signature: bytes, signed: bytes) -> None:
    """Verify a signature as a generation makes it; InvalidSignature or ValueError if it is none."""
    key = own.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), profile.hash())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(profile.hash()))


def signs_documents(policies: Iterable[x509.PolicyInformation]) -> bool:
    """Say whether the policies of a certificate are those of one that signs documents."""
    return any(one.policy_identifier.dotted_string in SIGNING_POLICIES for one in policies)


def for_tests(authority: x509.Certificate) -> bool:
    """Say whether an authority calls itself one for tests: its cards prove nothing about anybody."""
    names = (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.COMMON_NAME)
    told = [str(one.value).upper() for oid in names for one in authority.subject.get_attributes_for_oid(oid)]
    return any(word in text for text in told for word in _TESTS)
