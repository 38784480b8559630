"""Consent as a state machine, and decisions as documents. (DPV 2.3 statuses; RFC 8785)"""

import hashlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import clock
from base.errors import BadRequestData, Conflict
from personal.rules import decisions
from personal.rules.consent import (
    HOLDING,
    Consent,
    Event,
    Kind,
    State,
    begun,
    happened,
    holds,
    state_at,
    wanted,
)
from personal.rules.decisions import Choice

NOW = clock.parse("2026-11-21T03:00:00Z")
DAY = 86_400 * clock.SECOND
TABLE = """
                         request    defer     give     refuse   withdraw   revoke   expire   invalidate
none                     Requested  -         Given    Refused  -          -        -        -
ConsentRequested         -          Deferred  Given    Refused  -          -        Expired  Invalidated
ConsentRequestDeferred   -          -         Given    Refused  -          -        Expired  Invalidated
ConsentGiven             -          -         Renewed  -        Withdrawn  Revoked  Expired  Invalidated
RenewedConsentGiven      -          -         Renewed  -        Withdrawn  Revoked  Expired  Invalidated
ConsentRefused           Requested  -         Renewed  -        -          -        -        -
ConsentWithdrawn         Requested  -         Renewed  -        -          -        -        -
ConsentRevoked           Requested  -         Renewed  -        -          -        -        -
ConsentExpired           Requested  -         Renewed  -        -          -        -        -
ConsentInvalidated       Requested  -         Renewed  -        -          -        -        -
"""
NAMES = {
    "Requested": State.REQUESTED, "Deferred": State.DEFERRED, "Given": State.GIVEN, "Renewed": State.RENEWED,
    "Refused": State.REFUSED, "Withdrawn": State.WITHDRAWN, "Revoked": State.REVOKED, "Expired": State.EXPIRED,
    "Invalidated": State.INVALIDATED, "-": None,
}  # fmt: skip


def transitions() -> list[tuple[State | None, Event, State | None]]:
    header, *lines = TABLE.strip().splitlines()
    events = [Event(word) for word in header.split()]
    return [
        (None if name == "none" else State(name), event, NAMES[cell])
        for name, *cells in (line.split() for line in lines)
        for event, cell in zip(events, cells, strict=True)
    ]


def test_the_table_has_every_state_and_event() -> None:
    pairs = {(state, event) for state, event, _ in transitions()}
    assert pairs == set(itertools.product([None, *State], Event))


@pytest.mark.parametrize(("state", "event", "following"), transitions())
def test_each_event_does_what_the_table_says(
    state: State | None, event: Event, following: State | None
) -> None:
    def act() -> Consent:
        if state is None:
            return begun(Kind.SHARE, "s", "p", "i", event, NOW, version=3)
        return happened(Consent(Kind.SHARE, "s", "p", "i", 1, state, 0), event, NOW, version=3)

    if following is None:
        with pytest.raises(Conflict):
            act()
        return
    after = act()
    assert (after.state, after.since) == (following, NOW)
    assert after.version == (3 if event is Event.GIVE or state is None else 1)


def test_only_these_states_hold() -> None:
    assert {State.GIVEN, State.RENEWED} == HOLDING


EVENTS = st.lists(st.tuples(st.sampled_from(Event), st.integers(1, 5), st.integers(1, 10)), max_size=30)


@given(EVENTS, st.integers(0, 200), st.integers(1, 5))
def test_nothing_holds_but_what_was_given_last_and_still_runs(
    events: list[tuple[Event, int, int]], when: int, least: int
) -> None:
    standing: Consent | None = None
    last: tuple[Event, int, int, int] | None = None
    for at, (event, version, lasts) in enumerate(events):
        until = at + lasts if event is Event.GIVE else None
        try:
            standing = (
                begun(Kind.SHARE, "s", "p", "i", event, at, version=version, until=until)
                if standing is None
                else happened(standing, event, at, version=version, until=until)
            )
        except Conflict:
            continue
        last = (event, at, version, at + lasts)
    expected = last is not None and last[0] is Event.GIVE and last[1] <= when < last[3] and last[2] >= least
    assert holds(standing, when, least) is expected
    if standing is not None and holds(standing, when, 0):
        assert state_at(standing, when) in HOLDING


@given(st.sampled_from([None, *State]), st.booleans())
def test_what_somebody_wants_is_always_possible_and_ends_as_wanted(state: State | None, agree: bool) -> None:
    before = None if state is None else Consent(Kind.SHARE, "s", "p", "i", 1, state, 0)
    event = wanted(before, agree=agree)
    if event is None:
        assert before is not None and not agree and before.state not in HOLDING
        return
    after = (
        begun(Kind.SHARE, "s", "p", "i", event, NOW, version=1)
        if before is None
        else happened(before, event, NOW)
    )
    assert (after.state in HOLDING) is agree


CHOICE = Choice(Kind.SHARE, "shelter", "reception", ("basic-four",), ("allergies",), NOW + DAY)
DOCUMENT = decisions.document(CHOICE, "yabu", 2, "subject", "actor", "nonce", NOW)


def test_the_digest_is_that_of_the_canonical_form() -> None:
    plain = json.dumps(DOCUMENT, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert decisions.digest(DOCUMENT) == hashlib.sha256(plain).digest()
    assert decisions.choice_of(DOCUMENT) == CHOICE


@pytest.mark.parametrize("member", sorted(DOCUMENT))
def test_every_member_of_a_decision_is_in_its_digest(member: str) -> None:
    changed: Any = 7 if isinstance(DOCUMENT[member], int) else "other"
    assert decisions.digest({**DOCUMENT, member: changed}) != decisions.digest(DOCUMENT)


@given(st.integers(NOW, NOW + 10 * DAY), st.integers(1, 4_000))
def test_consents_end_at_midnight_in_japan_and_within_the_longest_time(now: int, days: int) -> None:
    until = decisions.ending(now, days, None)
    assert now < until <= now + days * DAY and clock.show(until).endswith("T15:00:00.000Z")


@pytest.mark.parametrize(
    ("last", "until"),
    [("2026-11-21", "2026-11-21T15:00:00.000Z"), ("2027-03-31", "2027-03-31T15:00:00.000Z")],
)
def test_the_last_day_is_a_whole_day(last: str, until: str) -> None:
    assert clock.show(decisions.ending(NOW, 365, last)) == until


@pytest.mark.parametrize("last", ["2026-11-20", "2027-11-21", "9999-12-31", "2027-02-30", "0000-00-00"])
def test_days_that_are_no_end_are_refused(last: str) -> None:
    with pytest.raises(BadRequestData):
        decisions.ending(NOW, 365, last)


PURPOSE = {
    "id": "p",
    "basis": "consent",
    "items": [
        {"item": code, "need": need}
        for code, need in (("a", "required"), ("b", "required"), ("c", "optional"))
    ],
}


@given(*[st.frozensets(st.sampled_from("abc"))] * 3)
def test_a_purpose_is_agreed_to_with_all_it_requires_or_not_at_all(
    agree: frozenset[str], refuse: frozenset[str], agreed: frozenset[str]
) -> None:
    choice = Choice(Kind.SHARE, "s", "p", tuple(agree), tuple(refuse - agree), None)
    have = (agree | agreed) - (refuse - agree)
    if agree and not {"a", "b"} <= have:
        with pytest.raises(BadRequestData):
            decisions.check(choice, PURPOSE, {}, agreed)
        return
    decisions.check(choice, PURPOSE, {}, agreed)


@given(*[st.frozensets(st.sampled_from("abc"))] * 2)
def test_who_withdraws_what_is_required_withdraws_the_purpose(
    items: frozenset[str], agreed: frozenset[str]
) -> None:
    swept = decisions.swept(items, PURPOSE, agreed)
    assert swept == (agreed if items & {"a", "b"} else items & agreed)


@pytest.mark.parametrize(
    ("purpose", "item", "law"),
    [
        ("consent", "consent", None),
        ("law:X", "consent", "X"),
        ("consent", "law:Y", "Y"),
        ("law:X", "law:Y", "X"),
    ],
)
def test_a_law_of_the_purpose_or_of_the_item_decides_instead(
    purpose: str, item: str, law: str | None
) -> None:
    assert decisions.law({"basis": purpose}, item) == law
    choice = Choice(Kind.SHARE, "s", "p", ("a", "b"), (), None)
    if law is not None:
        with pytest.raises(Conflict, match=law):
            decisions.check(choice, {**PURPOSE, "basis": purpose}, {"a": item, "b": item}, ())
