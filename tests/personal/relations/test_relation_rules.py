"""Rules of delegations, emergencies and requests, for any input. (民法 818条; 災害対策基本法 49条の11; 個人情報保護法 83条)"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import BadRequestData, Conflict
from personal.rules import delegation, emergency, rights
from personal.rules.delegation import Act, Delegation, Relation, Scope
from personal.rules.emergency import HOUR, Area, Event, Resident
from personal.rules.residents import State
from personal.rules.rights import DAY, OUTCOMES, Right

MOMENTS = st.integers(0, 10**15)
TOKENS = st.sampled_from(["a", "b", "c", "d"])
LIMITS = st.none() | st.frozensets(TOKENS)
SCOPES = st.builds(Scope, st.frozensets(st.sampled_from(list(Act)), min_size=1), LIMITS, LIMITS)
ENDS = st.none() | MOMENTS


def delegations(scopes: st.SearchStrategy[Scope] = SCOPES) -> st.SearchStrategy[Delegation]:
    return st.builds(
        Delegation, st.just("g_1"), st.just("p"), st.just("q"), st.sampled_from(list(Relation)), scopes, MOMENTS,
        ENDS, ENDS,
    )  # fmt: skip


@settings(deadline=None)
@given(
    delegations(),
    SCOPES,
    ENDS,
    st.sampled_from(list(Act)),
    st.none() | TOKENS,
    st.frozensets(TOKENS),
    MOMENTS,
)
def test_what_is_not_wider_permits_nothing_more(
    old: Delegation,
    scope: Scope,
    until: int | None,
    act: Act,
    service: str | None,
    items: frozenset[str],
    now: int,
) -> None:
    new = replace(old, scope=scope, until=until)
    if not delegation.wider(old, scope, until):
        if delegation.permits(scope, act, service, items):
            assert delegation.permits(old.scope, act, service, items)
        if delegation.runs(new, now):
            assert delegation.runs(old, now)


@settings(deadline=None)
@given(delegations())
def test_nothing_is_wider_than_itself(one: Delegation) -> None:
    assert not delegation.wider(one, one.scope, one.until)


@settings(deadline=None)
@given(delegations(), MOMENTS, MOMENTS)
def test_a_delegation_that_is_over_stays_over(one: Delegation, now: int, later: int) -> None:
    over = now >= one.since and not delegation.runs(one, now)
    if over and later >= now:
        assert not delegation.runs(one, later)


@settings(deadline=None)
@given(
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    st.integers(0, 30),
    st.sampled_from(sorted(delegation.OF_CHILDREN)),
    ENDS,
)
def test_who_acts_for_a_child_does_so_until_it_is_of_age_at_the_latest(
    born: date, age: int, relation: Relation, wanted: int | None
) -> None:
    adult = delegation.of_age(born.isoformat(), age)
    end = delegation.ends(relation, wanted, adult)
    assert end is not None and end <= adult
    here = datetime.fromtimestamp(adult / 1_000_000, UTC) + timedelta(hours=9)
    assert (here.hour, here.minute) == (0, 0)
    day = here.date()
    assert day.year - born.year == age
    assert (day.month, day.day) == (born.month, born.day) or (born.month, born.day, day.month, day.day) == (
        2,
        29,
        3,
        1,
    )


def test_a_child_without_a_birth_date_has_no_guardian_here() -> None:
    with pytest.raises(BadRequestData):
        delegation.ends(Relation.PARENT, None, None)
    with pytest.raises(BadRequestData):
        delegation.of_age("2015-02-30", 18)


EVENTS = st.builds(
    Event, st.just("e_1"), st.sampled_from(list(Area)), st.frozensets(TOKENS), st.frozensets(TOKENS), ENDS, ENDS, ENDS,
    st.sampled_from(["p", "q"]), st.frozensets(st.sampled_from([b"1", b"2"])),
)  # fmt: skip
RESIDENTS = st.builds(
    Resident, st.frozensets(st.sampled_from(["p", "q", "r"])), st.sampled_from(list(State)), st.booleans(),
    st.frozensets(st.sampled_from([b"1", b"2", b"3"])),
)  # fmt: skip


@settings(deadline=None)
@given(EVENTS, RESIDENTS, MOMENTS)
def test_an_emergency_shows_nothing_of_the_protected_and_nothing_outside_its_time(
    event: Event, resident: Resident, now: int
) -> None:
    granted = emergency.granted(event, resident, now)
    if granted is None:
        return
    assert not resident.protected
    assert event.ended is None
    assert event.since is not None and event.until is not None
    assert event.since <= now < event.until
    assert (granted.services, granted.items) == (event.services, event.items)
    if event.area is Area.PERSON:
        assert event.person in resident.ids
    else:
        assert resident.state is State.HERE
        assert event.area is Area.WHOLE or event.districts & resident.districts


@settings(deadline=None)
@given(EVENTS, RESIDENTS, MOMENTS)
def test_protection_makes_a_resident_one_no_emergency_is_about(
    event: Event, resident: Resident, now: int
) -> None:
    assert emergency.granted(event, replace(resident, protected=True), now) is None


@settings(deadline=None)
@given(EVENTS, st.lists(st.tuples(st.integers(0, 200), st.integers(1, 100)), max_size=6), st.integers(1, 72))
def test_however_often_it_is_prolonged_an_emergency_ends_by_itself(
    event: Event, steps: list[tuple[int, int]], longest: int
) -> None:
    now = 10**15
    event = replace(event, since=now, until=emergency.end_of(1, longest, now), ended=None)
    last = now
    for wait, hours in steps:
        now += wait * HOUR // 2
        try:
            event = replace(
                event, until=emergency.prolonged(event, emergency.end_of(hours, longest, now), now)
            )
            last = now
        except (Conflict, BadRequestData):
            continue
    assert event.until is not None and event.until <= last + longest * HOUR
    assert not emergency.runs(event, last + longest * HOUR)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["extend", "withdraw", *OUTCOMES])), max_size=6)
)
def test_a_request_is_prolonged_once_and_decided_once(steps: list[tuple[int, str]]) -> None:
    request, now = rights.received("w", "p", Right.STOP, (), 0, 30), 0
    done = prolonged = 0
    for days, step in steps:
        now += days * DAY
        before = request
        try:
            if step == "extend":
                request = rights.extended(request, now, 30)
                prolonged += 1
                assert now < before.due
            elif step == "withdraw":
                request = rights.withdrawn(request, now)
                done += 1
            else:
                request = rights.decided(request, rights.State(step), now)
                done += 1
        except Conflict:
            assert request == before
    assert prolonged <= 1
    assert done <= 1
    assert request.due == (30 + 30 * prolonged) * DAY
    assert rights.overdue(request, now) == (done == 0 and now >= request.due)
