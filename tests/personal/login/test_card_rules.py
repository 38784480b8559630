"""What cards sign and what codes on them say: nothing that was changed or made up passes. (RFC 8785, RFC 9052)"""

import base64
import re
import tomllib
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import BadRequestData, NotPermitted
from personal.login import card_desk, cards
from personal.pages import login_shared
from personal.rules import city_card_code, decisions, evidence
from personal.rules.city_card_code import Code
from personal.rules.login_certificates import Fault
from personal.vault import signing
from tests.personal.consents.cards import Authority, ec_key, text

NEXT = Authority("Cards to come").issue(ec_key(ec.SECP384R1()))
SEED = b"\x07" * 32
KEY = signing.private_key(SEED)
KID = b"12345678"
KEYS = {KID: KEY.public_key()}
NOW = 1_795_000_000
DOCUMENT = cards.login_document("yabu", "login", "https://city.example", 1_795_000_000_000_000)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


@given(name=st.sampled_from([*DOCUMENT, "type", "agree", "subject"]), told=TEXT | st.none() | st.lists(TEXT))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_a_document_that_was_changed_is_not_what_was_signed(name: str, told: Any) -> None:
    changed = {**DOCUMENT, name: told}
    if told is None:
        changed.pop(name)
    signature = text(NEXT.sign(decisions.digest(DOCUMENT)))
    evidence.check_card_signature(NEXT.certificate, signature, decisions.digest(DOCUMENT))
    if changed != DOCUMENT:
        with pytest.raises(NotPermitted):
            evidence.check_card_signature(NEXT.certificate, signature, decisions.digest(changed))


@given(number=st.binary(min_size=16, max_size=16), until=st.integers(NOW + 1, 2**40), data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_was_written_is_read_however_it_was_typed(number: bytes, until: int, data: Any) -> None:
    code = Code("yabu", number, until)
    text = city_card_code.written(code, KEY, KID)
    assert re.fullmatch(r"[A-Z2-7]+", text)
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in text)
    typed = data.draw(st.sampled_from([text, text.lower(), f" {text}\n", wide, f"{text[:40]} {text[40:]}"]))
    assert city_card_code.read(typed, "yabu", KEYS, NOW) == code
    for issuer, now in (("asago", NOW), ("yabu", until)):
        with pytest.raises(BadRequestData):
            city_card_code.read(text, issuer, KEYS, now)


@given(place=st.integers(0, 400), sign=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_code_that_was_changed_is_none(place: int, sign: str) -> None:
    number = bytes(range(16))
    text = city_card_code.written(Code("yabu", number, NOW + 60), KEY, KID)
    place %= len(text)
    changed = text[:place] + sign + text[place + 1 :]
    try:
        found = city_card_code.read(changed, "yabu", KEYS, NOW)
    except BadRequestData:
        return
    assert found.number == number and found.until == NOW + 60  # bits of the last sign that say nothing


@given(raw=st.binary(max_size=300))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_what_somebody_makes_up_is_no_code(raw: bytes) -> None:
    for typed in (base64.b32encode(raw).decode().rstrip("="), raw.decode("latin-1")):
        with pytest.raises(BadRequestData):
            city_card_code.read(typed, "yabu", KEYS, NOW)


def test_another_key_or_algorithm_signs_nothing() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    forged = city_card_code.written(Code("yabu", bytes(16), NOW + 60), other, KID)
    for code in (forged, city_card_code.written(Code("yabu", bytes(16), NOW + 60), KEY, b"87654321")):
        with pytest.raises(BadRequestData):
            city_card_code.read(code, "yabu", KEYS, NOW)
    good = city_card_code.written(Code("yabu", bytes(16), NOW + 60), KEY, KID)
    whole = cbor2.loads(base64.b32decode(good + "=" * (-len(good) % 8)))
    for headers in ({1: -8, 4: KID}, {4: KID}, {1: -7}, {1: -7, 4: KID, 2: [9]}):
        parts = [cbor2.dumps(headers), *list(whole.value)[1:]]
        code = base64.b32encode(cbor2.dumps(cbor2.CBORTag(18, parts))).decode().rstrip("=")
        with pytest.raises(BadRequestData):
            city_card_code.read(code, "yabu", KEYS, NOW)


def test_everything_that_can_come_of_a_login_has_words_in_both_languages() -> None:
    assert {*card_desk.FAILED, *Fault, card_desk.ENDED, card_desk.NOT_LINKED} <= set(login_shared.REASONS)
    path = Path(login_shared.__file__).with_name("texts_login_card.toml")
    words = tomllib.loads(path.read_text(encoding="utf-8"))
    for reason in login_shared.REASONS:
        for key in (f"card_{reason.replace('-', '_')}", f"card_{reason.replace('-', '_')}_told"):
            assert words[key].keys() == {"ja", "en"}, key
