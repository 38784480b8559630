"""A card as a machine: applications, files, secrets with counted tries, keys. (ISO/IEC 7816-4; cards/profiles.py)"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

OK: Final = b"\x90\x00"
REFUSED: Final = b"\x69\x82"
BLOCKED: Final = b"\x69\x84"
NO_FILE: Final = b"\x69\x86"
NOT_FOUND: Final = b"\x6a\x82"
WRONG_PARAMETERS: Final = b"\x6a\x86"
WRONG_LENGTH: Final = b"\x67\x00"
PAST_END: Final = b"\x6b\x00"
UNKNOWN_INSTRUCTION: Final = b"\x6d\x00"
ENDED: Final = b"\x62\x82"
CARD_ATR: Final = bytes.fromhex("3B8880010000000081B181713A")  # made by a reader for a card of type B
FELICA_ATR: Final = bytes.fromhex("3B8F8001804F0CA0000003061100" + "3B0000000042")
_PREHASHED: Final = {32: hashes.SHA256(), 48: hashes.SHA384()}


class Pulled(Exception):
    """The card was taken off the reader in the middle of a command."""


@dataclass(slots=True)
class Secret:
    """A PIN or password, how often it may be missed, how often still."""

    code: bytes = field(repr=False)
    most: int
    left: int


@dataclass(frozen=True, slots=True)
class File:
    """What a file holds; needs: the secrets one of which opens it."""

    content: bytes = field(repr=False)
    needs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the secret that opens it."""

    key: Key = field(repr=False)
    needs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Application:
    """One application of a card: its files, secrets and keys by their numbers, its records."""

    files: Mapping[int, File] = field(default_factory=dict)
    secrets: Mapping[int, Secret] = field(default_factory=dict)
    keys: Mapping[int, SigningKey] = field(default_factory=dict)
    records: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Habits:
    """In what cards differ, or what goes wrong with one.

    survives: what was verified stays so when an application is selected; tells: a verified secret answers 9000 when
    asked for tries; short: most bytes of one answer; waiting: answers have to be fetched (61xx, 6Cxx);
    tears: instructions at which the card is pulled off once.
    """

    survives: bool = True
    tells: bool = False
    short: int = 256
    waiting: bool = False
    tears: set[int] = field(default_factory=set)


class Chip:
    """One card; tries are counted as long as it lives, everything else until it loses power.

    heard: the heads of all commands; selected: each file that was selected, with its application.
    """

    def __init__(
        self,
        applications: Mapping[bytes, Application],
        *,
        atr: bytes = CARD_ATR,
        number: bytes = b"",
        habits: Habits | None = None,
    ) -> None:
        """Make a card; `number`: its identifier, as FeliCa has; without one it shows another at each power-on."""
        self.atr = atr
        self.habits = habits or Habits()
        self.heard: list[bytes] = []
        self.selected: list[tuple[bytes, int]] = []
        self._applications = applications
        self._number = number
        self._shown = number
        self._verified: set[tuple[bytes, int]] = set()
        self._application = b""
        self._file: int | None = None
        self._ready = b""

    def power(self) -> None:
        """Begin anew, as after every reset."""
        self._verified.clear()
        self._application, self._file, self._ready = b"", None, b""
        self._shown = self._number or secrets.token_bytes(4)

    def answer(self, command: bytes) -> bytes:
        """Answer a command with data and status word; Pulled if the card is torn off at it."""
        if len(command) < 4:
            return WRONG_LENGTH
        instruction = command[1]
        self.heard.append(command[:4])
        if instruction in self.habits.tears:
            self.habits.tears.discard(instruction)
            raise Pulled
        if command[:2] == b"\xff\xca":
            return self._shown + OK
        does = {
            0xA4: self._select,
            0x20: self._verify,
            0xB0: self._read,
            0xB2: self._record,
            0x2A: self._sign,
            0x84: self._challenge,
            0xC0: self._rest,
        }
        if not self._applications or instruction not in does:
            return UNKNOWN_INSTRUCTION
        return self._held_back(does[instruction](command), command)

    def _challenge(self, command: bytes) -> bytes:
        return secrets.token_bytes(command[4] or 256) + OK if len(command) == 5 else WRONG_LENGTH

    # -- files

    def _select(self, command: bytes) -> bytes:
        if len(command) < 5:
            return WRONG_LENGTH
        name = command[5 : 5 + command[4]]
        if command[2] == 0x04:
            if name not in self._applications:
                return NOT_FOUND
            self._application, self._file = name, None
            if not self.habits.survives:
                self._verified.clear()
            return OK
        if command[2] != 0x02 or not self._application:
            return WRONG_PARAMETERS
        number = int.from_bytes(name, "big")
        here = self._here
        if number not in {*here.files, *here.secrets, *here.keys} and number != 1:
            return NOT_FOUND
        if number == 1 and number not in here.files and not here.records:
            return NOT_FOUND
        self._file = number
        self.selected.append((self._application, number))
        return OK

    @property
    def _here(self) -> Application:
        return self._applications[self._application]

    def _may(self, needs: tuple[int, ...]) -> bool:
        return not needs or any((self._application, one) in self._verified for one in needs)

    def _read(self, command: bytes) -> bytes:
        first, second = command[2], command[3]
        number, offset = (first & 0x1F, second) if first & 0x80 else (self._file, first << 8 | second)
        file = self._here.files.get(number) if self._application and number is not None else None
        if file is None:
            return NO_FILE
        if not self._may(file.needs):
            return REFUSED
        if len(command) != 5:
            return WRONG_LENGTH
        if offset >= len(file.content):
            return PAST_END
        wanted = min(command[4] or 256, self.habits.short)
        found = file.content[offset : offset + wanted]
        return found + (OK if len(found) == wanted else ENDED)

    def _record(self, command: bytes) -> bytes:
        found = self._here.records.get(command[2]) if self._application else None
        return NOT_FOUND if found is None else found + OK

    # -- secrets and keys

    def _verify(self, command: bytes) -> bytes:
        number = command[3] & 0x1F or self._file
        secret = self._here.secrets.get(number) if self._application and number is not None else None
        if secret is None or number is None:
            return NO_FILE
        place = (self._application, number)
        if len(command) == 4:
            if self.habits.tells and place in self._verified:
                return OK
            return _left(secret.left) if secret.left else BLOCKED
        if not secret.left:
            return BLOCKED
        if secrets.compare_digest(command[5 : 5 + command[4]], secret.code):
            secret.left = secret.most
            self._verified.add(place)
            return OK
        secret.left -= 1
        self._verified.discard(place)
        return _left(secret.left)

    def _sign(self, command: bytes) -> bytes:
        key = self._here.keys.get(self._file or 0) if self._application else None
        if command[2:4] != b"\x00\x80" or key is None:
            return WRONG_PARAMETERS
        if not self._may(key.needs):
            return REFUSED
        data = command[5 : 5 + command[4]]
        if isinstance(key.key, ec.EllipticCurvePrivateKey):
            return _signed_with_curve(key.key, data)
        return _padded_and_signed(key.key, data)

    # -- answers that have to be fetched

    def _held_back(self, answer: bytes, command: bytes) -> bytes:
        """Give the data only when they are asked for, as contact cards with T=0 do."""
        data = answer[:-2]
        if not self.habits.waiting or not data or command[1] not in (0xB0, 0x2A):
            return answer
        if command[1] == 0xB0:
            return answer if (command[4] or 256) == len(data) else bytes((0x6C, len(data) & 0xFF))
        self._ready = data
        return bytes((0x61, min(len(data), 0xFF)))

    def _rest(self, command: bytes) -> bytes:
        wanted = command[4] or 256
        data, self._ready = self._ready[:wanted], self._ready[wanted:]
        return data + (bytes((0x61, min(len(self._ready), 0xFF))) if self._ready else OK)


def _left(tries: int) -> bytes:
    return bytes((0x63, 0xC0 | tries))


def _padded_and_signed(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
    """Pad what came as it is, and sign it: `cryptography` signs no DigestInfo made elsewhere. (RFC 8017 8.2.1)"""
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    length = (modulus.bit_length() + 7) // 8
    if not 0 < len(data) <= length - 11:
        return WRONG_LENGTH
    padded = b"\x00\x01" + b"\xff" * (length - len(data) - 3) + b"\x00" + data
    return pow(int.from_bytes(padded, "big"), numbers.d, modulus).to_bytes(length, "big") + OK


def _signed_with_curve(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Sign a hash; r and s stand one behind the other."""
    rule, size = _PREHASHED.get(len(data)), (key.curve.key_size + 7) // 8
    if rule is None:
        return WRONG_LENGTH
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(Prehashed(rule))))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big") + OK
