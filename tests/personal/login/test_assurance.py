"""How sure a login has to be, over the whole table of operations: nothing is decided without the card and its PIN,
lower levels see what the city lets them see, and かざし never changes anything. (personal-data.md 2.5; ASVS 5.0 8.2)"""

import re
from collections.abc import AsyncIterator, Iterator
from itertools import combinations
from typing import Final

import pytest
import pytest_asyncio

from base import clock
from base.errors import NotPermitted
from personal import app
from personal.operations.actors import Actor, Role, Who
from personal.operations.assurance import admit, fresh, least
from personal.operations.call import Operation
from personal.rules.levels import Level
from personal.settings import READS, PersonalSettings
from tests.personal.live import Live, asked, described, live_module, purpose
from tests.personal.login.entering import enter_resident, enter_staff

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROWS: Final = app.operations(PersonalSettings(demo=True))
BELOW_CARD: Final = {
    ("DELETE", "/session"): Level.NONE,
    ("DELETE", "/me/sessions"): Level.CITY_CARD,
    ("DELETE", "/me/sessions/{id}"): Level.CITY_CARD,
    ("POST", "/me/consents/prepare"): Level.CITY_CARD,  # to refuse; agreeing is tried below
    ("POST", "/me/consents"): Level.CITY_CARD,
    ("POST", "/me/consents/withdraw"): Level.CITY_CARD,
    ("POST", "/me/consents/defer"): Level.CITY_CARD,
    ("POST", "/me/notices/{id}/read"): Level.CITY_CARD,
    ("DELETE", "/me/connections/{service}"): Level.CITY_CARD,
}
"""All that a resident changes without the card and its PIN: refuse, withdraw, put off, end; each with its level."""
FRESH: Final = {
    ("POST", "/proposals/{id}/approve"),
    ("POST", "/break-glass"),
    ("POST", "/residents/protection"),
    ("POST", "/staff"),
    ("PATCH", "/staff/{id}"),
    ("DELETE", "/staff/{id}"),
    ("POST", "/staff/{id}/enrolment"),
    ("POST", "/desks"),
    ("PUT", "/office"),
    ("POST", "/factors"),
    ("POST", "/factors/begin"),
    ("DELETE", "/factors/{id}"),
}
"""All that staff do only shortly after they gave their second factor."""
ENTRANTS: Final = {
    ("GET", "/session"),
    ("DELETE", "/session"),
    ("GET", "/factors"),
    ("POST", "/factors"),
    ("POST", "/factors/begin"),
    ("POST", "/factors/give/begin"),
    ("POST", "/factors/give"),
}
"""All that staff may do before their second factor."""


def named(row: Operation) -> tuple[str, str]:
    return row.method, row.path


def of_residents() -> Iterator[Operation]:
    return (row for row in ROWS if Who.RESIDENT in row.who)


def resident(level: Level) -> Actor:
    return Actor(Who.RESIDENT, "r_1", "r_1", level=level)


def admitted(row: Operation, actor: Actor, settings: PersonalSettings, now: int = 0) -> bool:
    try:
        admit(row, actor, settings, now)
    except NotPermitted:
        return False
    return True


async def test_residents_change_nothing_without_card_and_pin_but_what_is_named() -> None:
    generous = PersonalSettings(level_1_reads=READS, level_2_reads=READS)
    low = {named(row): least(row, generous) for row in of_residents() if row.method != "GET"}
    assert {key: level for key, level in low.items() if level < Level.CARD} == BELOW_CARD


async def test_a_card_without_pin_changes_nothing_whatever_the_city_allows() -> None:
    generous = PersonalSettings(level_1_reads=READS, level_2_reads=READS)
    actor = resident(Level.CONTACTLESS)
    changed = {named(row) for row in of_residents() if row.method != "GET" and admitted(row, actor, generous)}
    assert changed == {("DELETE", "/session")}


@pytest.mark.parametrize("some", [one for n in (0, 1, 2, len(READS)) for one in combinations(READS, n)])
async def test_lower_levels_see_what_the_city_lists_and_nothing_else(some: tuple[str, ...]) -> None:
    settings = PersonalSettings(level_1_reads=(), level_2_reads=some)
    for row in of_residents():
        if row.method == "GET" and row.path != "/session":
            assert row.level is Level.CARD
            assert admitted(row, resident(Level.CITY_CARD), settings) == (row.reads in some)
            assert not admitted(row, resident(Level.CONTACTLESS), settings)
            assert admitted(row, resident(Level.CARD), settings)
    first = PersonalSettings(level_1_reads=some, level_2_reads=())
    for row in of_residents():
        if row.method == "GET" and row.path != "/session":
            assert admitted(row, resident(Level.CONTACTLESS), first) == (row.reads in some)
            assert admitted(row, resident(Level.CITY_CARD), first) == (row.reads in some)


async def test_every_kind_of_reading_has_operations_and_the_other_way_round() -> None:
    assert {row.reads for row in ROWS if row.reads} == set(READS)
    assert all(row.method == "GET" and Who.RESIDENT in row.who for row in ROWS if row.reads)


async def test_export_and_where_one_is_reached_are_shown_to_card_and_pin_only() -> None:
    paths = {"/me/export", "/me/contact", "/me/pseudonyms", "/me/exchange/links"}
    assert {row.path for row in of_residents() if row.method == "GET" and not row.reads} == paths | {
        "/session"
    }


async def test_what_is_dangerous_needs_a_fresh_second_factor() -> None:
    assert {named(row) for row in ROWS if row.fresh} == FRESH
    settings, now = PersonalSettings(), 10**15
    span = int(settings.factor_minutes * 60 * clock.SECOND)
    roles = frozenset(Role)
    for row in ROWS:
        if row.fresh:
            old = Actor(Who.STAFF, "m_1", roles=roles, method="oidc.x", factor=now - span - 1)
            new = Actor(Who.STAFF, "m_1", roles=roles, method="oidc.x", factor=now - span)
            assert not admitted(row, old, settings, now) and admitted(row, new, settings, now)
    outside = PersonalSettings(staff_second_factor=False)
    for proven, new in ((now - span, True), (now - span - 1, False), (0, False)):
        actor = Actor(Who.STAFF, "m_1", roles=roles, method="oidc.x", proven=proven, factor=now)
        assert fresh(actor, outside, now) is new
    demo = Actor(Who.STAFF, "m_1", roles=roles, method="demo")
    assert fresh(demo, settings, now) and not fresh(Actor(Who.STAFF, "m_1"), settings, now)


async def test_before_the_second_factor_staff_may_give_it_and_nothing_else() -> None:
    assert {named(row) for row in ROWS if Who.ENTRANT in row.who} == ENTRANTS


async def test_every_operation_says_whom_it_is_for() -> None:
    for row in ROWS:
        assert row.who and (not row.roles or Who.STAFF in row.who), named(row)
        assert Who.RESIDENT not in row.who or row.level or row.path == "/session", named(row)
        assert Who.NOBODY not in row.who or len(row.who) == 1, named(row)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    async with live_module(tmp_path_factory.mktemp("assurance") / "data", demo=True) as running:
        await running.register("hanako")
        told = described(purpose("reception", asked("allergies", need="optional")))
        await running.service("shelter", told)
        yield running


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


@pytest.mark.parametrize("level", [Level.CONTACTLESS, Level.CITY_CARD])
async def test_over_http_every_operation_refuses_who_is_not_sure_enough(live: Live, level: Level) -> None:
    token = await enter_resident(live, await live.person("hanako"), level)
    settings = live.module.settings
    for row in of_residents():
        if level < least(row, settings):
            reply = await live.ask(row.method, filled(row.path), by=token)
            assert reply.status == 403 and reply.json.get("needs") == "card-pin", named(row)


async def test_over_http_staff_without_second_factor_reach_nothing(live: Live) -> None:
    token = await enter_staff(live, "protection")
    for row in ROWS:
        if Who.STAFF in row.who and named(row) not in ENTRANTS:
            reply = await live.ask(row.method, filled(row.path), by=token)
            assert reply.status == 403, named(row)


async def test_the_city_card_refuses_and_withdraws_but_does_not_agree(live: Live) -> None:
    person = await live.person("hanako")
    token, card = await enter_resident(live, person, Level.CITY_CARD), await live.resident("hanako")
    wish = {"service": "shelter", "purpose": "reception"}
    agree, refuse = {**wish, "agree": ["allergies"]}, {**wish, "agree": [], "refuse": ["allergies"]}
    refused = await live.post("/me/consents/prepare", agree, by=token)
    assert refused.status == 403 and refused.json["needs"] == "card-pin"
    prepared = (await live.post("/me/consents/prepare", agree, by=card)).json["prepared"]
    decision = {"prepared": prepared, "evidence": {"kind": "session"}}
    stolen = await live.post("/me/consents", decision, by=token)
    assert stolen.status == 403 and stolen.json["needs"] == "card-pin"
    assert (await live.post("/me/consents", decision, by=card)).status == 201
    made = await live.post("/me/consents/prepare", refuse, by=token)
    assert made.status == 200, made.raw
    done = await live.post("/me/consents", {"prepared": made.json["prepared"]}, by=token)
    assert done.status == 201, done.raw
    again = (await live.post("/me/consents/prepare", agree, by=card)).json["prepared"]
    decision = {"prepared": again, "evidence": {"kind": "session"}}
    assert (await live.post("/me/consents", decision, by=card)).status == 201
    assert (await live.post("/me/consents/withdraw", wish, by=token)).status == 200
