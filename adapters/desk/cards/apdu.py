"""Commands to cards and their answers: select, read, verify, sign. (ISO/IEC 7816-4)"""

from dataclasses import dataclass
from typing import Final

from adapters.desk.cards.channel import Channel, Fault

OK: Final = 0x9000
_ENDED: Final = 0x6282  # the file ended before what was asked for
_PIECE: Final = 0xE0
_MOST_PIECES: Final = 64
LONGEST_FILE: Final = 16_384


class Unreadable(Fault):
    """The card answers in a way that no known card does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a card answered."""

    data: bytes
    status: int

    @property
    def good(self) -> bool:
        """Say whether the card did what it was told."""
        return self.status == OK


def send(channel: Channel, command: bytes | bytearray) -> Answer:
    """Send a command; fetch what the card holds ready (61xx), ask again for the right length (6Cxx). (7816-4 5.3.4)"""
    data, status = channel.transmit(command)
    if status >> 8 == 0x6C:
        data, status = channel.transmit(bytes(command[:4]) + bytes((status & 0xFF,)))
    gathered = data
    for _ in range(_MOST_PIECES):
        if status >> 8 != 0x61:
            return Answer(gathered, status)
        data, status = channel.transmit(bytes((0x00, 0xC0, 0x00, 0x00, status & 0xFF)))
        gathered += data
    raise Unreadable


def select_application(channel: Channel, name: bytes) -> bool:
    """Select an application by its name; say whether the card has it."""
    return send(channel, bytes((0x00, 0xA4, 0x04, 0x0C, len(name))) + name).good


def select_file(channel: Channel, file: int) -> bool:
    """Select an elementary file of the application; say whether it is there."""
    return send(channel, bytes((0x00, 0xA4, 0x02, 0x0C, 0x02)) + file.to_bytes(2, "big")).good


def read_object(channel: Channel, skip: int = 0) -> bytes:
    """Read the one data object in the selected file, without the filler behind it."""
    head = _read(channel, skip, 8, least=2)
    tag, before, length = header(head)
    del tag
    if before + length > LONGEST_FILE:
        raise Unreadable
    whole = head[: before + length]
    return whole + _read(channel, skip + len(whole), before + length - len(whole))


def read_start(channel: Channel, length: int) -> bytes:
    """Read what the selected file begins with."""
    return _read(channel, 0, length, least=0)


def _read(channel: Channel, offset: int, length: int, least: int | None = None) -> bytes:
    """Read so many bytes from an offset, in as many pieces as the card likes to give."""
    least = length if least is None else least
    found = b""
    while len(found) < length:
        at = offset + len(found)
        answer = send(
            channel, bytes((0x00, 0xB0, at >> 8 & 0x7F, at & 0xFF, min(_PIECE, length - len(found))))
        )
        found += answer.data[: length - len(found)]
        if answer.status not in (OK, _ENDED) or not answer.data or answer.status == _ENDED:
            break
    if len(found) < least:
        raise Unreadable
    return found


def header(raw: bytes) -> tuple[int, int, int]:
    """Read the header of a BER-TLV object: its tag, the length of the header, that of the value. (7816-4 5.2.2)"""
    try:
        tag, at = raw[0], 1
        if tag & 0x1F == 0x1F:
            tag, at = tag << 8 | raw[1], 2
        length, at = raw[at], at + 1
        if length < 0x80:
            return tag, at, length
        many = length & 0x7F
        if many not in (1, 2):
            raise Unreadable
        return tag, at + many, int.from_bytes((raw[at], raw[at + 1])[:many], "big")
    except IndexError:
        raise Unreadable from None


def objects(raw: bytes) -> dict[int, bytes]:
    """Part a value into the objects it is made of, by their tags."""
    found: dict[int, bytes] = {}
    while raw:
        tag, before, length = header(raw)
        if before + length > len(raw):
            raise Unreadable
        found[tag] = raw[before : before + length]
        raw = raw[before + length :]
    return found


def tries_left(channel: Channel) -> int | None:
    """Ask how often the selected secret may still be tried, which costs nothing; None: it is verified already."""
    answer = send(channel, bytes((0x00, 0x20, 0x00, 0x80)))
    return None if answer.good else left_by(answer.status)


def left_by(status: int) -> int:
    """Read from a refusal how many tries are left."""
    if status in (0x6983, 0x6984):
        return 0
    if status & 0xFFF0 == 0x63C0:
        return status & 0x0F
    raise Unreadable


def verify(channel: Channel, secret: bytearray) -> Answer:
    """Try a secret against the selected one; what was sent is overwritten."""
    command = bytearray((0x00, 0x20, 0x00, 0x80, len(secret)))
    command += secret
    try:
        return send(channel, command)
    finally:
        command[:] = bytes(len(command))


def sign(channel: Channel, data: bytes) -> Answer:
    """Have the selected key sign what is sent, as it is."""
    return send(channel, bytes((0x80, 0x2A, 0x00, 0x80, len(data))) + data + b"\x00")


def identifier(channel: Channel) -> bytes:
    """Ask the reader for the identifier of a contactless card; empty if it gives none. (PC/SC part 3, 3.2.2.1.3)"""
    answer = send(channel, bytes((0xFF, 0xCA, 0x00, 0x00, 0x00)))
    return answer.data if answer.good else b""
