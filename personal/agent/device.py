"""What an official's device does at the terminal: sign that a form on paper says what a decision says. (RFC 7515)"""

import base64
from typing import Final

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from personal.rules.evidence import LONGEST, STATEMENT

_RSA: Final = "PS256"
_EC: Final = {"secp256r1": "ES256", "secp384r1": "ES384"}


class _Wide(jws.JWSRegistry):
    """Headers in which certificates have room."""

    max_header_length = LONGEST


def statement(pem: bytes, digest: str, scan: str) -> str:
    """Sign for a digest and a scan with the key of a PEM file, which holds its certificate, too; ValueError if not."""
    key, chain = load_pem_private_key(pem, None), x509.load_pem_x509_certificates(pem)
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own: ECKey | RSAKey
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm, own = _RSA, RSAKey.import_key(plain)
    else:
        algorithm, own = _EC[getattr(getattr(key, "curve", None), "name", "")], ECKey.import_key(plain)
    x5c = [base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in chain]
    header = {"alg": algorithm, "typ": STATEMENT, "x5c": x5c}
    payload = orjson.dumps({"digest": digest, "scan": scan})
    return jws.serialize_compact(header, payload, own, registry=_Wide(algorithms=[algorithm]))
