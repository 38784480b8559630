"""Made-up cards for the demonstration and for tests: issued into a folder, read from there, put together as chips."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import random_serial_number

from adapters.desk.cards.profiles import INPUT_HELP, JPKI
from adapters.desk.emulator import authority
from adapters.desk.emulator.authority import Authority, secret_of, write_private
from adapters.desk.emulator.chip import FELICA_ATR, Application, Chip, File, Habits, Key, Secret, SigningKey

PIN: Final = "1234"
PASSWORD: Final = b"ABC123"
NUMBER: Final = b"987654321098"
"""What stands where a real card has 個人番号; its check digit is wrong, so nobody has it."""
COMMON: Final = bytes.fromhex("D3921000310001010100")
_FILLER: Final = b"\xff" * 64
_YEARS: Final = timedelta(days=5 * 365)
_SIGNING: Final = 0x2A
_ERAS: Final = ((20190501, 2018), (19890108, 1988), (19261225, 1925), (0, 1911))


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A made-up card: its name in the folder, what it is, whose it is (made up), what is wrong with it."""

    id: str
    label: Mapping[str, str]
    kind: str = "mynumber"
    person: str = ""
    state: str = "valid"
    pin: str = PIN


def _called(ja: str, en: str) -> Mapping[str, str]:
    return {"ja": ja, "en": en}


_CARDS: Final = (
    Blueprint("hanako", _called("見本 花子のカード", "Card of Mihon Hanako"), person="hanako"),
    Blueprint("taro", _called("見本 太郎のカード", "Card of Mihon Taro"), person="taro"),
    Blueprint("midori", _called("仮名 みどりのスマホ", "Phone of Kamei Midori"), "android", "midori"),
    Blueprint("iphone", _called("見本 花子のiPhone", "iPhone of Mihon Hanako"), "iphone", "hanako"),
    Blueprint(
        "renewed",
        _called("見本 太郎の新しいカード（更新後）", "New card of Mihon Taro (renewed)"),
        person="taro",
    ),
    Blueprint(
        "newcomer", _called("登録のない人のカード", "Card of somebody not registered"), person="newcomer"
    ),
    Blueprint(
        "torn",
        _called("途中で離れる花子のカード", "Hanako's card, taken off too early"),
        person="hanako",
        state="torn",
    ),
    Blueprint("revoked", _called("失効したカード", "A revoked card"), person="ichiro", state="revoked"),
    Blueprint("expired", _called("期限の切れたカード", "An expired card"), person="ichiro", state="expired"),
    Blueprint(
        "locked",
        _called("暗証番号がロックされたカード", "A card with a locked PIN"),
        person="ichiro",
        state="locked",
    ),
    Blueprint("next", _called("次期カード（計画）", "The next card (planned)"), "next", "ichiro"),
    Blueprint("city", _called("市の交通カード", "A transport card"), "felica"),
    Blueprint("foreign", _called("ほかのカード", "Some other card"), "foreign"),
)
_LABELS: Final = {
    "mynumber": b"JPKIAPICCTOKEN2",
    "android": b"JPKIAPGPSETOKEN",
    "iphone": b"JPKIAPIOSTOKEN",
    "next": b"JPKIAPICCTOKEN3",
}
_SAME: Final = {"torn": "hanako"}
"""Cards that are another one's double."""
NEWCOMER: Final = {
    "name": "新顔 あらた",
    "address": "養父市見本町9番地",
    "birthDate": "1984-07-07",
    "sex": "male",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A card in a folder, as it was issued."""

    blueprint: Blueprint
    certificate: bytes = field(default=b"", repr=False)
    signing: bytes = field(default=b"", repr=False)
    above: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    signing_key: bytes = field(default=b"", repr=False)
    basics: Mapping[str, str] = field(default_factory=dict, repr=False)

    def chip(self, habits: Habits | None = None) -> Chip:
        """Put the card together, with all its tries left unless it is locked."""
        if self.blueprint.kind == "foreign":
            return Chip({}, atr=bytes.fromhex("3B6800000073C84000009000"))
        if self.blueprint.kind == "felica":
            return Chip({}, atr=FELICA_ATR, number=bytes.fromhex("0114B34A2C0F9E01"))
        habits = habits or Habits()
        if self.blueprint.state == "torn":
            habits.tears.add(_SIGNING)
        found = {JPKI: self._certificates(), COMMON: Application(records={1: _common()})}
        if self.blueprint.kind == "mynumber":
            found[INPUT_HELP] = self._printed()
        return Chip(found, habits=habits)

    def _certificates(self) -> Application:
        pin = self.blueprint.pin.encode()
        left = 0 if self.blueprint.state == "locked" else 3
        files = {
            0x0006: File(_LABELS[self.blueprint.kind].ljust(160)),
            0x0008: File(b"\x8f\x8f\x00" if self.signing else b"\x00\x8f\x00"),
            0x000A: File(self.certificate + _FILLER),
            0x000B: File(self.above + _FILLER),
            0x0002: File(self.above + _FILLER),
        }
        keys = {0x0017: SigningKey(_key(self.key), (0x0018,))}
        secrets = {0x0018: Secret(pin, 3, left)}
        if self.signing:
            files[0x0001] = File(self.signing + _FILLER, (0x001B,))
            keys[0x001A] = SigningKey(_key(self.signing_key), (0x001B,))
            secrets[0x001B] = Secret(PASSWORD, 5, 5)
        return Application(files, secrets, keys)

    def _printed(self) -> Application:
        pin = self.blueprint.pin.encode()
        return Application(
            {
                0x0001: File(b"\xff\x10\x0c" + NUMBER + b"\xff\xff", (0x0011, 0x0014)),
                0x0002: File(_four_items(self.basics) + _FILLER, (0x0011, 0x0015)),
            },
            {
                0x0011: Secret(pin, 3, 3),
                0x0014: Secret(NUMBER, 10, 10),
                0x0015: Secret(self.printed_number.encode(), 10, 10),
            },
        )

    @property
    def printed_number(self) -> str:
        """Give 照合番号B: birth date with the year of its era, Western year of expiry, four digits of the card."""
        whole = int(self.basics["birthDate"].replace("-", ""))
        begins = next(before for since, before in _ERAS if whole >= since)
        return f"{whole // 10_000 - begins:02d}{whole % 10_000:04d}20310000"


def issue(folder: Path, people: Mapping[str, Mapping[str, str]], now: datetime) -> tuple[Made, ...]:
    """Give the cards of a folder; at the first time they are made. The list of revoked ones is written anew.

    people: name, address, birthDate and sex of the made-up residents, by their logins.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    above = authority.opened(folder, now)
    made: dict[str, Made] = {}
    for one in _CARDS:
        path = folder / f"{one.id}.card"
        if not path.exists():
            write_private(path, _written(_made(one, above, {"newcomer": NEWCOMER, **people}, made, now)))
        made[one.id] = _read(one, path)
    serial = _serial(made["revoked"])
    (folder / authority.REVOKED).write_bytes(above.revoked({serial: now - timedelta(days=30)}, now))
    return tuple(made.values())


def present(folder: Path) -> tuple[Made, ...]:
    """Give the cards that were issued into a folder."""
    return tuple(_read(one, path) for one in _CARDS if (path := folder / f"{one.id}.card").exists())


def _made(
    one: Blueprint,
    above: Authority,
    people: Mapping[str, Mapping[str, str]],
    made: Mapping[str, Made],
    now: datetime,
) -> Made:
    if one.kind in ("foreign", "felica"):
        return Made(one)
    basics = people.get(one.person, NEWCOMER)
    if one.id in _SAME:
        same = made[_SAME[one.id]]
        return Made(one, same.certificate, b"", same.above, same.key, b"", basics)
    key: Key = rsa.generate_private_key(65537, 2048)
    if one.kind == "next":
        key = ec.generate_private_key(ec.SECP384R1())
    begins = now - timedelta(days=90)
    ends = now - timedelta(days=1) if one.state == "expired" else begins + _YEARS
    certificate = above.certify(key, random_serial_number(), begins, ends)
    signing, signing_key = b"", b""
    if one.id == "hanako":
        second = rsa.generate_private_key(65537, 2048)
        signed = above.certify(second, random_serial_number(), begins, ends, signing=True)
        signing, signing_key = signed.public_bytes(Encoding.DER), secret_of(second)
    anchor = above.certificate.public_bytes(Encoding.DER)
    own = certificate.public_bytes(Encoding.DER)
    return Made(one, own, signing, anchor, secret_of(key), signing_key, basics)


_PARTS: Final = ("certificate", "signing", "above", "key", "signing_key")


def _written(made: Made) -> bytes:
    parts = {name: base64.b64encode(getattr(made, name)).decode() for name in _PARTS}
    return json.dumps({**parts, "basics": dict(made.basics)}, ensure_ascii=False, indent=1).encode()


def _read(one: Blueprint, path: Path) -> Made:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Made(one, basics=found["basics"], **{name: base64.b64decode(found[name]) for name in _PARTS})


def _serial(made: Made) -> int:
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(made.certificate).serial_number


def _key(pem: bytes) -> Key:
    found = load_pem_private_key(pem, None)
    if not isinstance(found, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("this is no key of a card")
    return found


def _four_items(basics: Mapping[str, str]) -> bytes:
    """Write the four items as cards hold them."""
    sex = {"male": "1", "female": "2"}.get(basics["sex"], "9")
    texts = (
        basics["name"].replace(" ", "\u3000"),
        basics["address"],
        basics["birthDate"].replace("-", ""),
        sex,
    )
    parts = [text.encode() for text in texts]
    body = b"".join(
        bytes((0xDF, 0x22 + index)) + _length(len(part)) + part for index, part in enumerate(parts)
    )
    offsets = b"\xdf\x21\x08" + bytes(8)
    return b"\xff\x20" + _length(len(offsets + body)) + offsets + body


def _length(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    return b"\x81" + bytes((number,)) if number < 0x100 else b"\x82" + number.to_bytes(2, "big")


def _common() -> bytes:
    """Write the first record of the application that all cards share: serial, municipality, expiry."""
    return b"\x01\x1c" + b"000000000000000" + b"28222" + b"20310405"


def now() -> datetime:
    """Give the present time, as certificates are dated."""
    return datetime.now(UTC).replace(microsecond=0)
