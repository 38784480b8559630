"""A throw-away authority for made-up cards. It cannot pass for the real one: O=JPKI-TEST, policies in arc 2.999."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from adapters.desk.emulator.chip import Key

AUTHORITY: Final = "card-ca.pem"
REVOKED: Final = "card-revoked.crl"
_KEY: Final = "card-ca.key"
_YEAR: Final = timedelta(days=365)
_LIST_LIFE: Final = timedelta(days=30)
_POLICY: Final = x509.ObjectIdentifier("2.999.1.3.30")
_SIGNING_POLICY: Final = x509.ObjectIdentifier("2.999.1.1.20")
_NAME: Final = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "JPKI-TEST"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "NOT A REAL CA"),
    ]
)


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority: its certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    def certify(
        self, key: Key, serial: int, begins: datetime, ends: datetime, *, signing: bool = False
    ) -> x509.Certificate:
        """Issue a certificate for logging in, or one for signing documents; neither says who it is."""
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"MADE UP {serial:X}"),
            ]
        )
        return (
            _begun(name, key, begins, ends, serial, _SIGNING_POLICY if signing else _POLICY)
            .add_extension(_usage(digital_signature=True, content_commitment=signing), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )

    def revoked(self, serials: dict[int, datetime], now: datetime) -> bytes:
        """Write the list of revoked certificates."""
        made = x509.CertificateRevocationListBuilder().issuer_name(_NAME)
        made = made.last_update(now).next_update(now + _LIST_LIFE)
        for serial, when in serials.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
            made = made.add_revoked_certificate(entry)
        return made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def opened(folder: Path, now: datetime) -> Authority:
    """Give the authority of a folder; made, if there is none yet."""
    if (folder / _KEY).exists():
        key = load_pem_private_key((folder / _KEY).read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{_KEY} is no key of an authority for cards")
        return Authority(x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes()), key)
    made = rsa.generate_private_key(65537, 2048)
    certificate = (
        _begun(_NAME, made, now - 20 * _YEAR, now + 20 * _YEAR, x509.random_serial_number(), _POLICY)
        .add_extension(x509.BasicConstraints(True, 0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(made, hashes.SHA256())
    )
    (folder / AUTHORITY).write_bytes(certificate.public_bytes(Encoding.PEM))
    write_private(folder / _KEY, secret_of(made))
    return Authority(certificate, made)


def secret_of(key: Key) -> bytes:
    """Write a key of a made-up card as PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_private(path: Path, content: bytes) -> None:
    """Write a file for its owner only."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _begun(
    name: x509.Name,
    key: Key,
    begins: datetime,
    ends: datetime,
    serial: int,
    policy: x509.ObjectIdentifier,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.CertificatePolicies([x509.PolicyInformation(policy, None)]), critical=True)
    )


def _usage(**wanted: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})
