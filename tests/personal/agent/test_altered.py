"""An order of which any byte was altered is refused, and so is any JSON that only looks like one. (issue 5, done when 3)"""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personal.agent.inside import Given, claims_of
from personal.rules import orders
from personal.rules.identifiers import fresh
from personal.rules.orders import ENVELOPE, ORDER, Refused, Task, Why
from personal.vault.addressed import Reader, enclose
from personal.vault.envelope import Unreadable
from personal.vault.signing import Signer, opened

NOW = 1_800_000_000
AGENT, OUTSIDE, READER = Signer(b"a" * 32), Signer(b"o" * 32), Reader(b"r" * 32)
KIDS = frozenset({AGENT.kid})
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n<"


def read(text: str) -> Any:
    """Read an order as the agent does."""
    return orders.order_of(claims_of(Given(text), READER, [OUTSIDE.public()]), KIDS, NOW)


def claims(**more: Any) -> dict[str, Any]:
    told = {
        "iss": "yabu", "aud": AGENT.kid, "order": fresh("o_"), "nonce": fresh("n_"), "iat": NOW, "exp": NOW + 600,
        "task": "release", "box": "b" * 43, "copies": [{"item": "contact", "name": fresh("c_")}],
        "service": "shelter", "purpose": "reception", "recipient": READER.kid,
    }  # fmt: skip
    return {**told, **more}


ORDER_TEXT = OUTSIDE.sign(claims(), ORDER)
ENVELOPE_TEXT = enclose(READER.public(), ORDER_TEXT, {"typ": ENVELOPE})


def test_the_order_itself_is_read() -> None:
    order = read(ENVELOPE_TEXT)
    assert (order.task, order.service) == (Task.RELEASE, "shelter")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(ENVELOPE_TEXT) - 1), st.sampled_from(LETTERS))
def test_an_envelope_with_any_byte_altered_is_refused(place: int, letter: str) -> None:
    altered = ENVELOPE_TEXT[:place] + letter + ENVELOPE_TEXT[place + 1 :]
    if altered != ENVELOPE_TEXT:
        with pytest.raises(Refused) as refused:
            read(altered)
        assert refused.value.why is Why.ALTERED and refused.value.alarming


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(ORDER_TEXT) - 1), st.sampled_from(LETTERS))
def test_a_signed_order_with_any_byte_altered_is_refused(place: int, letter: str) -> None:
    altered = ORDER_TEXT[:place] + letter + ORDER_TEXT[place + 1 :]
    if altered != ORDER_TEXT:
        with pytest.raises(Refused) as refused:
            read(enclose(READER.public(), altered, {"typ": ENVELOPE}))
        assert refused.value.why is Why.FORGED and refused.value.alarming


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(LETTERS, max_size=300).map(str.encode))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(Refused):
        read(noise.decode("latin-1"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 41) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*sorted(claims()), "decision", "evidence", "digest", "extra"]), JSON)
def test_a_claim_of_another_form_is_refused_or_means_the_same(name: str, value: Any) -> None:
    told = {**claims(), name: value}
    try:
        order = orders.order_of(told, KIDS, NOW)
    except Refused:
        return
    assert order.task is Task.RELEASE
    assert name in (
        "iat",
        "exp",
        "iss",
        "service",
        "purpose",
        "decision",
        "evidence",
        "order",
        "nonce",
        "box",
    )


@pytest.mark.parametrize("sign", ["<", ">", "&", "\x00", "\n"])
def test_no_markup_gets_in(sign: str) -> None:
    with pytest.raises(Refused):
        orders.order_of(claims(decision={"service": f"a{sign}b"}), KIDS, NOW)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_only_the_reader_opens_an_envelope_and_only_for_what_it_is_about(value: Any) -> None:
    text = enclose(READER.public(), value, {"typ": "x", "item": "contact"})
    assert READER.open(text, {"typ": "x", "item": "contact"}) == value
    for reader, about in (
        (READER, {"typ": "x", "item": "care-needs"}),
        (Reader(b"z" * 32), {"typ": "x", "item": "contact"}),
    ):
        with pytest.raises(Unreadable):
            reader.open(text, about)


def test_envelopes_of_values_of_like_length_are_of_one_length() -> None:
    sizes = {len(enclose(READER.public(), {"v": "x" * n}, {"typ": "x"})) for n in range(0, 200, 7)}
    assert len(sizes) == 1


def test_a_signature_of_another_kind_is_no_order() -> None:
    other = OUTSIDE.sign(claims(), "engawa-tree-head+jwt")
    with pytest.raises(Refused):
        read(enclose(READER.public(), other, {"typ": ENVELOPE}))
    assert opened(ORDER_TEXT, OUTSIDE.public(), ORDER)
    assert base64.urlsafe_b64decode(ORDER_TEXT.split(".")[1] + "==")
