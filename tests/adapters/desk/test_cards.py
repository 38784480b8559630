"""What the desk does with each kind of card, on the emulator in this process. (issue 6; card.md §4)"""

import contextlib
from collections.abc import Mapping

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.desk.cards import apdu, card
from adapters.desk.cards.card import Card, CityCard, Foreign, LastTry, Locked, WrongPin
from adapters.desk.cards.channel import Channel, Fault, Torn
from adapters.desk.cards.profiles import INPUT_HELP, JPKI, PROFILES
from adapters.desk.emulator import reader
from adapters.desk.emulator.cards import NUMBER, PASSWORD, Made
from adapters.desk.emulator.chip import FELICA_ATR, Chip, Habits
from adapters.desk.emulator.reader import EmulatedReader

DIGEST = bytes(range(32))


def pin(text: str = "1234") -> bytearray:
    return bytearray(text.encode())


def holding(chip: Chip) -> EmulatedReader:
    made = EmulatedReader(returns=0.05)
    made.hold(chip)
    return made


def proves(known: Card, signature: bytes) -> bool:
    key = x509.load_der_x509_certificate(known.certificate).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, DIGEST, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, DIGEST, ec.ECDSA(hashes.SHA384()))
    return True


@pytest.mark.parametrize(
    ("id", "profile"),
    [
        ("hanako", "mynumber"),
        ("midori", "android"),
        ("iphone", "iphone"),
        ("next", "next"),
        ("expired", "mynumber"),
    ],
)
def test_every_kind_of_card_is_known_and_signs(issued: Mapping[str, Made], id: str, profile: str) -> None:
    with holding(issued[id].chip()).opened(reader.NAME) as line:
        known = card.known(line)
        assert known.profile.name == profile
        assert known.certificate == issued[id].certificate
        card.verify(known, pin())
        assert proves(known, card.sign(known, DIGEST))


@pytest.mark.parametrize(
    "habits",
    [
        Habits(survives=False),
        Habits(tells=True),
        Habits(short=50),
        Habits(short=7),
        Habits(waiting=True),
        Habits(waiting=True, short=100, survives=False, tells=True),
    ],
)
def test_cards_differ_in_their_habits_and_all_work(issued: Mapping[str, Made], habits: Habits) -> None:
    with holding(issued["hanako"].chip(habits)).opened(reader.NAME) as line:
        known = card.known(line)
        assert known.certificate == issued["hanako"].certificate
        four = card.four_items(known, pin())
        assert (four.name, four.address) == ("見本\u3000花子", "養父市見本町1番地1")
        assert (four.birth_date, four.sex) == ("1951-04-05", "female")
        assert card.known(line).certificate == known.certificate
        card.verify(known, pin())
        assert proves(known, card.sign(known, DIGEST))


def test_the_printed_number_opens_the_four_items_too(issued: Mapping[str, Made]) -> None:
    assert issued["hanako"].printed_number.startswith("260405")  # 昭和26年
    with holding(issued["hanako"].chip()).opened(reader.NAME) as line:
        known = card.known(line)
        assert card.four_items(known, pin(issued["hanako"].printed_number)).birth_date == "1951-04-05"


def test_a_phone_has_no_four_items(issued: Mapping[str, Made]) -> None:
    with holding(issued["midori"].chip()).opened(reader.NAME) as line, pytest.raises(Foreign):
        card.four_items(card.known(line), pin())


def test_a_wrong_pin_says_how_many_tries_are_left_and_the_last_one_is_never_used(
    issued: Mapping[str, Made],
) -> None:
    chip = issued["taro"].chip()
    held = holding(chip)
    with held.opened(reader.NAME) as line:
        known = card.known(line)
        with pytest.raises(WrongPin) as first:
            card.verify(known, pin("0000"))
        with pytest.raises(WrongPin) as second:
            card.verify(known, pin("0000"))
        assert (first.value.left, second.value.left) == (2, 1)
    with held.opened(reader.NAME) as line:
        known = card.known(line)
        with pytest.raises(LastTry):
            card.verify(known, pin())
        assert card.tries(known) == 1


def test_a_locked_pin_is_not_tried(issued: Mapping[str, Made]) -> None:
    chip = issued["locked"].chip()
    with holding(chip).opened(reader.NAME) as line, pytest.raises(Locked):
        card.verify(card.known(line), pin())
    assert not any(head[1] == 0x20 and head != bytes.fromhex("00200080") for head in chip.heard)


def test_without_the_pin_no_card_signs(issued: Mapping[str, Made]) -> None:
    with holding(issued["hanako"].chip()).opened(reader.NAME) as line:
        known = card.known(line)
        with pytest.raises(apdu.Unreadable):
            card.sign(known, DIGEST)


@pytest.mark.parametrize("tells", [False, True])
def test_what_was_verified_on_a_line_ends_with_it(issued: Mapping[str, Made], tells: bool) -> None:
    held = holding(issued["hanako"].chip(Habits(tells=tells)))
    with held.opened(reader.NAME) as line:
        card.verify(card.known(line), pin())
    with held.opened(reader.NAME) as line:
        known = card.known(line)
        assert card.tries(known) == 3
        with pytest.raises(apdu.Unreadable):
            card.sign(known, DIGEST)


def test_what_somebody_verified_before_on_the_same_line_does_not_count(issued: Mapping[str, Made]) -> None:
    with holding(issued["hanako"].chip(Habits(tells=True))).opened(reader.NAME) as line:
        known = card.known(line)
        card.verify(known, pin())
        assert card.tries(known) == 3  # after a reset
        with pytest.raises(apdu.Unreadable):
            card.sign(known, DIGEST)


def test_a_transport_card_is_known_by_its_number_and_others_are_foreign(issued: Mapping[str, Made]) -> None:
    with holding(issued["city"].chip()).opened(reader.NAME) as line, pytest.raises(CityCard) as known:
        card.known(line)
    assert known.value.number.hex() == "0114b34a2c0f9e01"
    chip = issued["foreign"].chip()
    with holding(chip).opened(reader.NAME) as line, pytest.raises(Foreign):
        card.known(line)
    assert not any(
        head[0] == 0xFF for head in chip.heard
    )  # a number that is another one each time is not asked for


def test_a_card_taken_away_in_the_middle_comes_back_and_signs(issued: Mapping[str, Made]) -> None:
    held = holding(issued["torn"].chip())
    before = held.seen()
    with held.opened(reader.NAME) as line, pytest.raises(Torn):
        known = card.known(line)
        card.verify(known, pin())
        card.sign(known, DIGEST)
    while not held.wait(before, 20.0).held:
        before = held.seen()
    with held.opened(reader.NAME) as line:
        known = card.known(line)
        card.verify(known, pin())
        assert proves(known, card.sign(known, DIGEST))


def test_a_line_ends_with_its_card(issued: Mapping[str, Made]) -> None:
    held = holding(issued["hanako"].chip())
    with held.opened(reader.NAME) as line:
        card.known(line)
        held.hold(None)
        held.hold(issued["hanako"].chip())
        with pytest.raises(Torn):
            card.known(line)


def test_a_pin_that_was_sent_is_overwritten(issued: Mapping[str, Made]) -> None:
    sent: list[bytearray] = []

    class Watching:
        def __init__(self, line: Channel) -> None:
            self.line = line

        atr = b""

        def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
            if isinstance(command, bytearray):
                assert command[5:] == b"1234"
                sent.append(command)
            return self.line.transmit(command)

        def reset(self) -> None:
            self.line.reset()

    with holding(issued["hanako"].chip()).opened(reader.NAME) as line:
        card.verify(card.known(Watching(line)), pin())
    assert [bytes(one) for one in sent] == [bytes(9)]


def test_the_emulator_keeps_the_number_shut_as_cards_do(issued: Mapping[str, Made]) -> None:
    """照合番号B opens the four items and not the number, 照合番号A (the number itself) the other way round."""
    with holding(issued["hanako"].chip()).opened(reader.NAME) as line:
        assert apdu.select_application(line, INPUT_HELP)
        assert apdu.select_file(line, 0x0015)
        assert apdu.verify(line, pin(issued["hanako"].printed_number)).good
        assert apdu.select_file(line, 0x0001)
        assert line.transmit(bytes.fromhex("00B0000011")) == (b"", 0x6982)
        assert apdu.select_file(line, 0x0014)
        assert apdu.verify(line, bytearray(NUMBER)).good
        assert apdu.select_file(line, 0x0001)
        assert NUMBER in line.transmit(bytes.fromhex("00B0000011"))[0]


def test_the_emulator_signs_documents_with_the_password_only(issued: Mapping[str, Made]) -> None:
    with holding(issued["hanako"].chip()).opened(reader.NAME) as line:
        assert apdu.select_application(line, JPKI)
        assert apdu.select_file(line, 0x0001)
        assert line.transmit(bytes.fromhex("00B00000E0")) == (b"", 0x6982)
        assert apdu.select_file(line, 0x001B)
        assert apdu.verify(line, bytearray(PASSWORD)).good
        assert apdu.select_file(line, 0x0001)
        assert apdu.read_object(line) == issued["hanako"].signing


def test_no_profile_knows_the_number() -> None:
    assert all(one.four is None or one.four.file != 0x0001 for one in PROFILES)
    assert all(one.four is None or 0x0014 not in (one.four.pin, one.four.number) for one in PROFILES)


def test_the_made_up_number_is_nobodys() -> None:
    digits = [int(c) for c in NUMBER.decode()]
    total = sum(d * (n + 1 if n <= 6 else n - 5) for n, d in enumerate(reversed(digits[:-1]), 1))
    assert digits[-1] != (0 if total % 11 <= 1 else 11 - total % 11)


class _Hostile:
    """Answers whatever it is told to, over and over."""

    def __init__(self, answers: list[tuple[bytes, int]], atr: bytes) -> None:
        self.answers = answers
        self.atr = atr
        self.asked = 0

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        del command
        self.asked += 1
        assert self.asked < 2_000, "it asks on and on"
        return self.answers[self.asked % len(self.answers)]

    def reset(self) -> None:
        pass


STATUS = st.sampled_from(
    [0x9000, 0x6282, 0x6A82, 0x63C3, 0x63C0, 0x6984, 0x6B00, 0x6C10, 0x61FF, 0x6100, 0x6982, 0x0000]
)
DATA = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"JPKIAPICCTOKEN2",
            b"\x30\x03\x02\x01\x00",
            b"\x30\x82\xff\xff",
            b"\xff\x20\x04\xdf\x22\x01a",
            b"\xff" * 250,
        ]
    ),
)


@settings(max_examples=200)
@given(st.lists(st.tuples(DATA, STATUS), min_size=1, max_size=6), st.sampled_from([b"", FELICA_ATR]))
def test_whatever_a_card_answers_is_told_in_words(answers: list[tuple[bytes, int]], atr: bytes) -> None:
    """Anybody can program a card: nothing but the faults that pages have words for comes of it."""
    for does in (card.known, _all_of):
        with contextlib.suppress(Fault):
            does(_Hostile(answers, atr))


def _all_of(line: Channel) -> None:
    known = Card(line, PROFILES[0], b"\x30\x03\x02\x01\x00")
    for does in (
        card.tries,
        lambda one: card.verify(one, pin()),
        lambda one: card.sign(one, DIGEST),
        lambda one: card.four_items(one, pin()),
    ):
        with contextlib.suppress(Fault):
            does(known)
