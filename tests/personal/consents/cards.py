"""Certificates and cards as real ones are, made here: an authority, those it vouches for, ID tokens, statements."""

import base64
import datetime
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from personal.rules.evidence import STATEMENT

NOW = datetime.datetime(2026, 11, 21, 3, 0, tzinfo=datetime.UTC)
AT = int(NOW.timestamp()) * 1_000_000
POLICIES = x509.CertificatePolicies(
    [x509.PolicyInformation(x509.ObjectIdentifier("1.2.392.200149.8.5.1"), None)]
)
"""Marked critical, as authorities of cards do."""
YEAR = datetime.timedelta(days=365)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def text(raw: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Make a key as present cards have."""
    return rsa.generate_private_key(65537, bits)


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """Make a key as coming cards have."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def _usage(**wanted: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})


@dataclass(frozen=True)
class Card:
    """A certificate with its key, and those between it and the authority."""

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()

    def sign(self, digest: bytes) -> bytes:
        """Sign as the card signs the challenge of a login."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(digest, padding.PKCS1v15(), hashes.SHA256())
        hash = hashes.SHA384() if self.key.curve.name == "secp384r1" else hashes.SHA256()
        return self.key.sign(digest, ec.ECDSA(hash))

    def evidence(self, digest: bytes) -> dict[str, Any]:
        """Make evidence for a digest."""
        told = {
            "kind": "card-signature",
            "certificate": text(self.certificate.public_bytes(Encoding.DER)),
            "signature": text(self.sign(digest)),
        }
        chain = [text(one.public_bytes(Encoding.DER)) for one in self.chain]
        return {**told, "chain": chain} if chain else told

    def statement(self, digest: bytes, scan: str, **changed: Any) -> dict[str, Any]:
        """Make the statement of an official's device about a form on paper."""
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        is_rsa = isinstance(self.key, rsa.RSAPrivateKey)
        key = RSAKey.import_key(pem) if is_rsa else ECKey.import_key(pem)
        x5c = [
            base64.b64encode(one.public_bytes(Encoding.DER)).decode()
            for one in (self.certificate, *self.chain)
        ]
        algorithm = "PS256" if is_rsa else "ES256"
        header = {"alg": algorithm, "typ": STATEMENT, "x5c": x5c}
        payload = {"digest": text(digest), "scan": scan, **changed}
        import orjson

        signed = jws.serialize_compact(header, orjson.dumps(payload), key, algorithms=[algorithm])
        return {"kind": "official", "statement": signed, "scan": scan}


class Authority:
    """An authority for certificates."""

    def __init__(self, name: str, above: "Authority | None" = None) -> None:
        self.key = ec_key()
        self.name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            ]
        )
        self.above = above
        issuer = above or self
        self.certificate = self._made(
            self.name,
            self.key,
            issuer,
            x509.BasicConstraints(True, None),
            _usage(key_cert_sign=True, crl_sign=True),
        )

    def issue(
        self,
        key: Key | None = None,
        *,
        begins: datetime.datetime = NOW - YEAR,
        ends: datetime.datetime = NOW + 40 * YEAR,
        usage: dict[str, bool] | None = None,
        authority: bool = False,
        wider: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,),
        also: tuple[x509.ExtensionType, ...] = (),
    ) -> Card:
        """Issue a certificate for logging in, unless told otherwise."""
        key = key or rsa_key()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "0123456789ABCDEF")])
        wanted = {"digital_signature": True} if usage is None else usage
        made = self._made(
            name,
            key,
            self,
            x509.BasicConstraints(authority, None),
            _usage(**wanted),
            begins=begins,
            ends=ends,
            wider=wider,
            also=also,
        )
        return Card(made, key, (self.certificate,) if self.above else ())

    def _made(
        self,
        name: x509.Name,
        key: Key,
        issuer: "Authority",
        limits: x509.BasicConstraints,
        usage: x509.KeyUsage,
        begins: datetime.datetime = NOW - 5 * YEAR,
        ends: datetime.datetime = NOW + 50 * YEAR,
        wider: tuple[x509.ObjectIdentifier, ...] = (),
        also: tuple[x509.ExtensionType, ...] = (),
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(limits, critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
            )
            .add_extension(POLICIES, critical=True)
        )
        if wider:
            builder = builder.add_extension(x509.ExtendedKeyUsage(wider), critical=False)
        for one in also:
            builder = builder.add_extension(one, critical=False)
        return builder.sign(issuer.key, hashes.SHA256())
