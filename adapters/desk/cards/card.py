"""What the desk does with a card: know it, read the certificate, count tries, verify the PIN, sign, read four items."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from adapters.desk.cards import apdu
from adapters.desk.cards.apdu import Unreadable
from adapters.desk.cards.channel import Channel, Fault
from adapters.desk.cards.profiles import FELICA, INPUT_HELP, JPKI, LABEL, Profile, known_by

LEAST_TRIES: Final = 2
"""With fewer tries left the desk tries no PIN: another miss would lock the card."""
_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 in a DigestInfo. (RFC 8017 9.2)"""
_HASHES: Final = {"secp256r1": hashes.SHA256, "secp384r1": hashes.SHA384}
_FOUR: Final = 0xFF20
_SEXES: Final = {"1": "male", "2": "female"}


class Foreign(Fault):
    """The card is none with which one logs in here."""


class CityCard(Fault):
    """The card is one without a certificate, known by its number only."""

    def __init__(self, number: bytes) -> None:
        super().__init__()
        self.number = number


class LastTry(Fault):
    """Only one try of the PIN is left: a counter resets it."""


class Locked(Fault):
    """The PIN is locked: a counter resets it."""


class WrongPin(Fault):
    """The PIN is another one."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left


@dataclass(frozen=True, slots=True)
class Card:
    """A card on its line: what kind it is, its certificate for logging in."""

    channel: Channel = field(repr=False)
    profile: Profile
    certificate: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FourItems:
    """Name, address, birth date and sex as the card has them."""

    name: str = field(repr=False)
    address: str = field(repr=False)
    birth_date: str = field(repr=False)
    sex: str = field(repr=False)


def known(channel: Channel) -> Card:
    """Find out which card this is, and read its certificate, which is free; Foreign or CityCard if it has none."""
    if not apdu.select_application(channel, JPKI):
        raise _other(channel)
    profile = None
    if apdu.select_file(channel, LABEL):
        profile = known_by(apdu.read_start(channel, 0x20))
    if profile is None or not apdu.select_file(channel, profile.certificate):
        raise Foreign
    return Card(channel, profile, apdu.read_object(channel))


def _other(channel: Channel) -> Fault:
    """Say what a card without certificates is; only FeliCa has a number that stays the same."""
    number = apdu.identifier(channel) if FELICA in channel.atr else b""
    return CityCard(number) if number else Foreign()


def tries(card: Card) -> int:
    """Say how often the PIN may still be tried."""
    _select_pin(card)
    left = apdu.tries_left(card.channel)
    if left is None:  # somebody verified it before us: begin anew, so that only what happens here counts
        card.channel.reset()
        apdu.select_application(card.channel, JPKI)
        _select_pin(card)
        left = apdu.tries_left(card.channel)
    if left is None:
        raise Unreadable
    return left


def verify(card: Card, pin: bytearray) -> None:
    """Try the PIN, unless only one try is left; what was given is not kept."""
    left = tries(card)
    if left == 0:
        raise Locked
    if left < LEAST_TRIES:
        raise LastTry
    _try(card.channel, pin)


def _try(channel: Channel, secret: bytearray) -> None:
    answer = apdu.verify(channel, secret)
    if not answer.good:
        left = apdu.left_by(answer.status)
        raise WrongPin(left) if left else Locked()


def _select_pin(card: Card) -> None:
    if not apdu.select_file(card.channel, card.profile.pin):
        raise Unreadable


def sign(card: Card, signed: bytes) -> bytes:
    """Have the card sign, after its PIN was verified; the signature is checked before it is given."""
    key = _public(card)
    if not apdu.select_file(card.channel, card.profile.key):
        raise Unreadable
    if isinstance(key, ec.EllipticCurvePublicKey):
        rule = _HASHES[key.curve.name]()
        answer = apdu.sign(card.channel, _hashed(rule, signed))
    else:
        rule = hashes.SHA256()
        answer = apdu.sign(card.channel, _SHA256 + _hashed(rule, signed))
    if not answer.good:
        raise Unreadable
    signature = _as_der(answer.data) if isinstance(key, ec.EllipticCurvePublicKey) else answer.data
    _check(key, signature, signed, rule)
    return signature


def _public(card: Card) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """Read the public key of a certificate, which anybody may have written."""
    try:
        key = x509.load_der_x509_certificate(card.certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise Unreadable from None
    if isinstance(key, rsa.RSAPublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _HASHES
    ):
        return key
    raise Unreadable


def _hashed(rule: hashes.HashAlgorithm, signed: bytes) -> bytes:
    return hashlib.new(rule.name, signed).digest()


def _as_der(plain: bytes) -> bytes:
    """Write r and s as DER, as certificates' signatures are written. (RFC 3279 2.2.3)"""
    half = len(plain) // 2
    return encode_dss_signature(int.from_bytes(plain[:half], "big"), int.from_bytes(plain[half:], "big"))


def _check(
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    signature: bytes,
    signed: bytes,
    rule: hashes.HashAlgorithm,
) -> None:
    """Refuse a signature that is not the certificate's: the card is damaged, or not what it says."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), rule)
        else:
            key.verify(signature, signed, ec.ECDSA(rule))
    except (InvalidSignature, ValueError):
        raise Unreadable from None


def four_items(card: Card, secret: bytearray) -> FourItems:
    """Read the four items with the PIN of 4 digits for them, or 照合番号B of 14; Foreign if this card has none."""
    where = card.profile.four
    if where is None or not apdu.select_application(card.channel, INPUT_HELP):
        raise Foreign
    opener = where.pin if len(secret) == card.profile.digits else where.number
    if not apdu.select_file(card.channel, opener):
        raise Unreadable
    left = apdu.tries_left(card.channel)
    if left is not None:
        if left < LEAST_TRIES:
            raise LastTry if left else Locked
        _try(card.channel, secret)
    if not apdu.select_file(card.channel, where.file):
        raise Unreadable
    return _four_of(_object_of_four(card.channel))


def _object_of_four(channel: Channel) -> bytes:
    """Read the object of the four items; some cards write two bytes before it."""
    start = apdu.read_start(channel, 4)
    skip = 2 if start[:2] != _FOUR.to_bytes(2, "big") and start[2:4] == _FOUR.to_bytes(2, "big") else 0
    raw = apdu.read_object(channel, skip)
    tag, before, _ = apdu.header(raw)
    if tag != _FOUR:
        raise Unreadable
    return raw[before:]


def _four_of(value: bytes) -> FourItems:
    found: Mapping[int, bytes] = apdu.objects(value)
    try:
        name, address, born, sex = (
            found[tag].decode("utf-8").strip("\x00 ") for tag in (0xDF22, 0xDF23, 0xDF24, 0xDF25)
        )
    except (KeyError, UnicodeDecodeError):
        raise Unreadable from None
    if len(born) != 8 or not born.isdecimal():
        raise Unreadable
    return FourItems(name, address, f"{born[:4]}-{born[4:6]}-{born[6:]}", _SEXES.get(sex, "other"))
