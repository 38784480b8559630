"""What residents are told in the portal: of what happens, to whom it happens, and to nobody else. (issue 6)"""

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from base import clock
from base.clock import SECOND
from personal import parts
from personal.app import operations
from personal.operations import resident_notices
from personal.operations.telling import Teller
from personal.rules import resident_notices as rules
from personal.rules.resident_notices import DAY, KINDS, LEAVES, TOPICS
from personal.store import resident_notices as store
from tests.personal.consents.deciding import decide
from tests.personal.disclosure.sharing import ALLERGIES, agree, hold, name
from tests.personal.live import Live, asked, described, purpose
from tests.personal.records.test_over_http import shown_to
from tests.personal.relations.test_guardians import act_for_child, family, found, grant, protect
from tests.personal.told.telling_stands import kinds, told, until_told

TERMS = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}


@pytest.fixture
async def hanako(live: Live) -> str:
    await live.service("shelter", described(purpose("reception", asked("allergies"))))
    await name(live, await live.register("hanako"), "shelter")
    return await live.resident("hanako")


async def request(live: Live, *items: str) -> None:
    person = await live.person("hanako")
    body = {
        "subject": await name(live, person, "shelter"),
        "purpose": "reception",
        "items": list(items or ["allergies"]),
    }
    reply = await live.post("/consents/requests", body, by=await live.service_token("shelter"))
    assert reply.status == 202, reply.raw


async def test_who_is_asked_for_consent_is_told_once_by_which_service(live: Live, hanako: str) -> None:
    await request(live)
    await request(live)
    (one,) = await told(live, hanako)
    assert one["kind"] == "consent-asked" and one["read"] is False and one["page"] == "requests"
    assert "避難所受付" in one["text"]["ja"] and "Shelter reception" in one["text"]["en"]
    assert one["facts"] == {"service": "shelter", "purpose": "reception", "items": ["allergies"]}


async def test_a_notice_that_was_read_is_not_counted(live: Live, hanako: str) -> None:
    await request(live)
    listed = (await live.get("/me/notices", by=hanako)).json
    assert listed["unread"] == 1
    path = f"/me/notices/{listed['notices'][0]['id']}/read"
    assert (await live.post(path, None, by=hanako)).status == 204
    assert (await live.get("/me/notices", by=hanako)).json["unread"] == 0
    await live.register("taro", nameKana="ヤブ タロウ", birthDate="1980-01-01")
    other, missing = await live.resident("taro"), "/me/notices/n_none/read"
    theirs, nothing = await live.post(path, None, by=other), await live.post(missing, None, by=other)
    assert (theirs.status, theirs.raw) == (404, nothing.raw)


async def test_a_login_without_pin_sees_notices_unless_the_city_says_otherwise(
    live: Live, hanako: str
) -> None:
    await request(live)
    weak = await live.resident("hanako", level=1)
    assert "consent-asked" in await kinds(live, weak)
    assert (await live.get("/me/contact", by=weak)).status == 403


async def test_terms_that_ask_for_more_are_told_to_all_who_agreed(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["allergies"])
    wider = described(purpose("reception", asked("allergies"), asked("contact")))
    by, second = await live.staff("catalogue"), await live.staff("catalogue2")
    body = {"kind": "service", "body": {"service": "shelter", "description": wider}}
    made = await live.post("/proposals", body, by=by)
    assert made.status == 201, made.raw
    assert (await live.post(f"/proposals/{made.json['id']}/approve", None, by=second)).status == 204
    assert (await until_told(live, hanako, "terms-changed"))["facts"] == {"service": "shelter"}


async def test_a_suspended_service_is_told_to_all_who_agreed_and_nobody_else(live: Live, hanako: str) -> None:
    await live.register("taro", nameKana="ヤブ タロウ", birthDate="1980-01-01")
    await decide(live, hanako, agree=["allergies"])
    by = await live.staff("catalogue")
    assert (await live.post("/catalogue/services/shelter/state", {"active": False}, by=by)).status == 204
    await until_told(live, hanako, "service-suspended")
    assert await kinds(live, await live.resident("taro")) == []


async def test_a_consent_that_ends_soon_is_told_30_and_7_days_before_once_each(
    live: Live, hanako: str
) -> None:
    person, now = await live.person("hanako"), clock.now()
    await agree(live, person, "shelter", "allergies", until=now + 60 * DAY)
    teller = Teller(live.town, ())
    seen = []
    for days in (1, 29, 31, 40, 52, 54, 59, 61):
        await teller.round(now + days * DAY)
        seen.append([one["facts"]["days"] for one in await told(live, hanako)])
    assert seen == [[], [], [30], [30], [30], [7, 30], [7, 30], [7, 30]]


async def test_ends_of_many_consents_at_one_moment_are_all_told(live: Live) -> None:
    now = clock.now()
    await live.service("shelter", described(purpose("reception", asked("allergies"), asked("contact"))))
    people = [
        await live.register(f"p{n}", nameKana=f"ヤブ {'アイウ'[n]}", birthDate="1990-04-01") for n in range(3)
    ]
    for person in people:
        await agree(live, person, "shelter", "allergies", "contact", until=now + 20 * DAY)

    def work(db: object) -> int:
        rounds = 0
        while store.ending_soon(db, 30, now, 1):  # type: ignore[arg-type]  # what write gives
            rounds += 1
        return rounds

    assert await live.town.store.write(work) == len(people)
    for number in range(3):
        assert await kinds(live, await live.resident(f"p{number}")) == ["consent-ends-soon"]


async def test_a_login_from_a_new_terminal_is_told_and_one_from_a_known_one_is_not(
    live: Live, hanako: str
) -> None:
    person = await live.person("hanako")

    async def login(method: str, terminal: str) -> None:
        await live.town.store.write(
            lambda db: resident_notices.logged_in(db, person, method, terminal, clock.now())
        )

    before = len(await kinds(live, hanako))
    await login("card", "d_1")
    first = len(await kinds(live, hanako)) - before
    await login("card", "d_1")
    assert len(await kinds(live, hanako)) - before == first
    await login("card", "d_2")
    await login("oidc.digital", "d_2")
    assert (await kinds(live, hanako)).count("login-new") == first + 2


async def test_a_card_that_is_linked_and_ended_is_told(live: Live, hanako: str) -> None:
    by = await live.staff("counter")
    who = await found(live, TERMS)
    body = {"resident": who, "login": "another-login"}
    reply = await live.post("/residents/identifiers", body, by=by)
    assert reply.status == 204, reply.raw
    assert "card-linked" in await kinds(live, hanako)


async def test_an_official_who_breaks_the_glass_is_told_once_with_what_was_seen(
    live: Live, hanako: str
) -> None:
    await hold(live, await live.person("hanako"), allergies=ALLERGIES)
    by = await live.staff("emergency")
    body = {
        "resident": await found(live, TERMS, "emergency"),
        "items": ["allergies"],
        "reason": "意識不明で搬送中のため",
        "basis": "個人情報保護法 69条2項4号",
        "minutes": 30,
    }
    made = await live.post("/break-glass", body, by=by)
    assert made.status == 201, made.raw
    read = await live.post(f"/break-glass/{made.json['id']}/read", {"item": "allergies"}, by=by)
    assert read.status == 200, read.raw
    seen = [one for one in await told(live, hanako) if one["kind"] == "break-glass"]
    assert [one["facts"]["items"] for one in seen] == [["allergies"]]
    assert "意識" not in str(seen)


async def test_everything_erased_is_one_notice(live: Live, hanako: str) -> None:
    await hold(live, await live.person("hanako"), allergies=ALLERGIES, care_needs={"mobility": "alone"})
    assert (await live.post("/me/erase", None, by=hanako)).status == 200
    (one,) = [one for one in await told(live, hanako) if one["kind"] == "data-erased"]
    assert one["facts"]["items"] == ["allergies", "care-needs"]


async def test_a_guardian_sees_what_the_scope_covers_and_nothing_of_logins(live: Live) -> None:
    await family(live)
    await grant(live, services=["shelter"], items=["allergies"])
    child = await live.person("kotaro")
    now = clock.now()

    def work(db: object) -> None:
        for service, item in (("shelter", "allergies"), ("shelter", "contact"), ("library", "allergies")):
            facts = {"service": service, "items": [item]}
            resident_notices.tell(db, child, "consent-asked", facts, now)  # type: ignore[arg-type]  # what write gives
        resident_notices.tell(db, child, "login-new", {}, now)  # type: ignore[arg-type]  # what write gives

    await live.town.store.write(work)
    own = await kinds(live, await live.resident("kotaro"))
    assert sorted(own) == ["consent-asked"] * 3 + ["guardian-added", "login-new"]
    seen = await told(live, await act_for_child(live))
    assert [one["facts"]["items"] for one in seen] == [["allergies"]]
    assert [one["facts"]["service"] for one in seen] == ["shelter"]


async def test_both_are_told_who_may_act_and_when_that_ends(live: Live) -> None:
    await family(live)
    made = await grant(live)
    assert "guardian-added" in await kinds(live, await live.resident("kotaro"))
    assert "acting-added" in await kinds(live, await live.resident("hanako"))
    path = f"/delegations/{made.json['delegation']}"
    ended = await live.ask("DELETE", path, by=await live.staff("counter"))
    assert ended.status == 204, ended.raw
    assert "guardian-ended" in await kinds(live, await live.resident("kotaro"))
    assert "acting-ended" in await kinds(live, await live.resident("hanako"))


async def test_protecting_a_child_tells_the_guardian_nothing(live: Live) -> None:
    await family(live)
    await grant(live)
    hanako = await live.resident("hanako")
    before = await kinds(live, hanako)
    await protect(live, {"nameKana": "ヤブ コタロウ"})
    assert await kinds(live, hanako) == before


async def test_news_since_two_became_one_go_where_staff_say_when_they_are_parted(live: Live) -> None:
    first = await live.register("hanako")
    second = await live.register("hanako2", nameKana="ヤブ ハナ", birthDate="1990-04-02")
    by = await live.staff("counter")

    async def tell(person: str, kind: str) -> None:
        await live.town.store.write(lambda db: resident_notices.tell(db, person, kind, {}, clock.now()))

    await tell(second, "data-moved")
    one, other = await found(live, TERMS), await found(live, {"nameKana": "ヤブ ハナ"})
    merged = await live.post("/residents/merge", {"resident": one, "double": other}, by=by)
    assert merged.status == 200, merged.raw
    await tell(second, "data-exported")
    live.tokens.pop(("yabu", "resident/hanako/3"))
    assert {"data-moved", "data-exported"} <= set(await kinds(live, await live.resident("hanako")))
    parted = await live.post("/residents/part", {"resident": one, "sinceGoesTo": "double"}, by=by)
    assert parted.status == 200, parted.raw

    def of(person: str) -> set[str]:
        return {notice.kind for notice in live.town.store.read(lambda db: store.of(db, person))}

    assert "data-exported" not in of(first)
    assert {"data-moved", "data-exported"} <= of(second)


async def test_who_is_forgotten_leaves_no_notice(live: Live, hanako: str) -> None:
    await request(live)
    by, privacy = await live.staff("counter"), await live.staff("privacy")
    body = {"resident": await found(live, TERMS), "event": "moved"}
    assert (await live.post("/residents/events", body, by=by)).status == 204
    who = {"resident": await shown_to(live, "privacy", await live.person("hanako"))}
    assert (await live.post("/records/forget", who, by=privacy)).status == 200
    counted = live.town.store.read(lambda db: db.execute("SELECT count(*) FROM resident_notice").get)
    assert counted == 0


def test_every_kind_has_words_in_both_languages_that_can_be_filled() -> None:
    for kind, known in KINDS.items():
        said = rules.words(kind, {"days": 7}, {"ja": "図書館", "en": "Library"})
        for language in ("ja", "en"):
            assert said["title"][language] and said["text"][language], kind
            assert "{" not in said["text"][language], kind
        assert known.topic in TOPICS
    assert {one.kind for some in LEAVES.values() for one in some} <= KINDS.keys()


async def test_every_notice_leads_to_a_page_of_the_portal(live: Live) -> None:
    made = parts.routes(live.module, operations(live.module.settings))
    there = {route.path for route in made if isinstance(route, web.RouteDef) and route.method == "GET"}
    assert {f"/me/{known.page}" for known in KINDS.values()} <= there


async def test_what_one_was_told_and_where_is_in_the_export(live: Live, hanako: str) -> None:
    await request(live)
    told_there = (await live.get("/me/export", by=hanako)).json
    assert [one["kind"] for one in told_there["notices"]] == ["data-exported", "consent-asked"]
    assert told_there["contacts"] == []


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "service": st.sampled_from(["a", "b"]),
        "items": st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, unique=True),
        "event": st.sampled_from(["e_1", "e_2"]),
        "by": st.just("s_secret"),
        "reason": st.just("confidential"),
    },
)


@given(st.lists(FACTS, min_size=1, max_size=6))
def test_joined_notices_lose_no_item_and_take_over_nothing_else(told: list[dict[str, object]]) -> None:
    notices: dict[str, dict[str, object]] = {}
    wanted: dict[tuple[object, object], set[str]] = {}
    for facts in told:
        items = facts.get("items", [])
        assert isinstance(items, list)
        for person, news in rules.of_entry("emergency-disclosure", facts, {"subject": "r_1"}, 7 * SECOND):
            assert person == "r_1" and news.facts.keys() <= {"service", "purpose", "event", "items"}
            before = notices.get(news.same)
            notices[news.same] = dict(news.facts) if before is None else rules.joined(before, news.facts)
            wanted.setdefault((facts.get("service"), facts.get("event")), set()).update(items)
    kept = {(one.get("service"), one.get("event")): one["items"] for one in notices.values()}
    assert {key: set(items) for key, items in kept.items()} == wanted  # type: ignore[call-overload]  # lists
