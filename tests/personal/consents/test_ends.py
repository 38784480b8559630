"""What ends stays ended, and takes with it what rests on it: erasure, doubles, the clock, older databases. (DESIGN 3)"""

from pathlib import Path
from typing import Any

import pytest

from base import clock
from base.database import connect, migrate
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import lapsing
from personal.store import consents, records, schema
from personal.store.records import Record
from personal.store.town import TownStore
from tests.personal.consents.deciding import decide, item
from tests.personal.consents.test_storing import held, put
from tests.personal.disclosure.sharing import ALLERGIES, ask, hold, leaves, name, reasons
from tests.personal.live import Live, asked, described, purpose

DAY = 86_400 * clock.SECOND


@pytest.fixture
async def hanako(live: Live) -> str:
    await live.service("shelter", described(purpose("reception", asked("allergies"))))
    await name(live, await live.register("hanako"), "shelter")
    return await live.resident("hanako")


def duties(live: Live) -> list[tuple[str, str]]:
    """List what services have to erase."""
    found = live.town.store.read(
        lambda db: list(db.execute("SELECT service, event FROM notice WHERE erase_by IS NOT NULL"))
    )
    return [(service, event) for service, event in found]


async def again(live: Live, login: str = "hanako") -> str:
    """Log in again, as one has to when entries became one or two."""
    live.tokens.pop((live.town.id, f"resident/{login}/3"), None)
    return await live.resident(login)


@pytest.mark.parametrize("way", ["one", "everything", "counter"])
async def test_who_erases_an_item_ends_the_consents_to_share_it(live: Live, hanako: str, way: str) -> None:
    person = await live.person("hanako")
    await hold(live, person, allergies=ALLERGIES)
    await decide(live, hanako, agree=["allergies"])
    if way == "one":
        reply = await live.ask("DELETE", "/me/items/allergies", by=hanako)
    elif way == "everything":
        reply = await live.post("/me/erase", None, by=hanako)
    else:
        by = await live.staff("counter")
        found = await live.post("/residents/search", {"nameKana": "ヤブ ハナコ"}, by=by)
        body = {"resident": found.json["residents"][0]["resident"], "item": "allergies"}
        reply = await live.post("/records/erase", body, by=by)
    assert reply.status == 200, reply.raw
    assert (await item(live, hanako, "allergies"))["state"] == "ConsentInvalidated"
    assert duties(live) == [("shelter", "consent-ended")]
    await hold(live, person, allergies=ALLERGIES)
    token, subject = await live.service_token("shelter"), await name(live, person, "shelter")
    assert reasons(await ask(live, token, subject, "allergies")) == {"allergies": "no-consent"}


async def test_what_had_ended_stays_ended_when_the_clock_is_set_back(live: Live, hanako: str) -> None:
    person = await live.person("hanako")
    await hold(live, person, allergies=ALLERGIES)
    await decide(live, hanako, agree=["allergies"], until=clock.show(clock.now() + 3 * DAY)[:10])
    token, subject = await live.service_token("shelter"), await name(live, person, "shelter")
    assert (await ask(live, token, subject, "allergies")).json["items"] == {"allergies": ALLERGIES}
    # the clock goes on by five days, and an operator says afterwards that the present one is right
    await lapsing.round(live.town, live.module.consent_reactions, clock.now() + 5 * DAY)
    refused = await ask(live, token, subject, "allergies")
    assert refused.status == 503, "the log knows of a later moment: nothing is done"
    await live.town.store.write(lambda db: log.accept_clock(db, "operator", clock.now()))
    assert reasons(await ask(live, token, subject, "allergies")) == {"allergies": "consent-expired"}
    assert (await item(live, hanako, "allergies"))["state"] == "ConsentExpired"
    assert duties(live) == [("shelter", "consent-ended")]
    await decide(live, hanako, agree=["allergies"])
    assert (await ask(live, token, subject, "allergies")).json["items"] == {"allergies": ALLERGIES}


async def test_an_end_is_told_once_whoever_comes_first(live: Live, hanako: str) -> None:
    person = await live.person("hanako")
    await decide(live, hanako, agree=["allergies"])
    late = clock.now() + 400 * DAY
    standing = live.town.store.read(lambda db: consents.of(db, person).values())
    work = lambda db: lapsing.lapse_of(db, live.module.consent_reactions, person, standing, late)  # noqa: E731  # short
    await live.town.store.write(work)
    for _ in range(2):
        await lapsing.round(live.town, live.module.consent_reactions, late + 1)
    assert duties(live) == [("shelter", "consent-ended")]
    assert [one["kind"] for one in leaves(live)].count("consent-expired") == 1


async def test_who_withdraws_from_an_older_version_is_heard_by_the_service(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["allergies"])
    await live.service("shelter", described(purpose("reception", asked("allergies", retentionDays=99))))
    await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    assert duties(live) == [("shelter", "consent-ended")]


async def test_what_doubles_do_not_agree_to_is_set_aside_and_comes_back_with_them(
    live: Live, hanako: str
) -> None:
    await decide(live, hanako, kind="store", agree=["allergies"])
    assert (await put(live)).status == 201
    await live.register("hana", nameKana="ヤブ ハナ")
    hana = await live.resident("hana")
    await decide(live, hana, kind="store", agree=["allergies"])
    await live.post("/me/consents/withdraw", {"everything": True}, by=hana)
    by = await live.staff("counter")
    first, second = [
        (await live.post("/residents/search", {"nameKana": kana}, by=by)).json["residents"][0]["resident"]
        for kana in ("ヤブ ハナコ", "ヤブ ハナ")
    ]
    merged = await live.post("/residents/merge", {"resident": first, "double": second}, by=by)
    assert merged.status == 200, merged.raw
    assert await held(live, await again(live)) == {}
    assert [one["kind"] for one in leaves(live)].count("record-set-aside") == 1
    parted = await live.post("/residents/part", {"resident": first, "sinceGoesTo": "resident"}, by=by)
    assert parted.status == 200, parted.raw
    hanako = await again(live)
    assert (await held(live, hanako))["allergies"]["storedBy"]["service"] == "shelter"
    await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    assert await held(live, hanako) == {}


async def test_what_a_service_stored_goes_with_the_side_that_it_is_about(live: Live, hanako: str) -> None:
    await live.register("hana", nameKana="ヤブ ハナ")
    by = await live.staff("counter")
    first, second = [
        (await live.post("/residents/search", {"nameKana": kana}, by=by)).json["residents"][0]["resident"]
        for kana in ("ヤブ ハナコ", "ヤブ ハナ")
    ]
    await live.post("/residents/merge", {"resident": first, "double": second}, by=by)
    await decide(live, await again(live), kind="store", agree=["allergies"])
    assert (await put(live)).status == 201
    parted = await live.post("/residents/part", {"resident": first, "sinceGoesTo": "double"}, by=by)
    assert parted.status == 200, parted.raw
    hana = await again(live, "hana")
    assert await held(live, await again(live)) == {}
    assert (await held(live, hana))["allergies"]["storedBy"]["service"] == "shelter"
    await live.post("/me/consents/withdraw", {"everything": True}, by=hana)
    assert await held(live, hana) == {}


async def test_an_older_database_is_brought_up_to_date_with_what_is_in_it(tmp_path: Path) -> None:
    db = connect(tmp_path / "personal.db")
    migrate(db, schema.STEPS[: schema.STEPS.index(schema.STORED)])
    row: Any = ("share", "shelter", "reception", "allergies", 1, "ConsentGiven", 1, 5 * DAY)
    with db:
        db.execute("INSERT INTO person VALUES ('r_1', 'here', NULL, 0, 0, 0)")
        log.append(db, Entry("consent-given", {}, {"subject": "r_1"}), 1)
        db.execute(
            "INSERT INTO consent_event (person, kind, service, purpose, item, version, state, since, until, event, leaf)"
            " VALUES ('r_1', ?, ?, ?, ?, ?, ?, ?, ?, 'give', 0)",
            row,
        )
        db.execute("INSERT INTO consent VALUES ('r_1', ?, ?, ?, ?, ?, ?, ?, ?, 1)", row)
        records.put(db, Record("r_1", "allergies", "local", 3, "c_1", "k_1", 7))
        db.execute("UPDATE notice_mark SET at = ?", (6 * DAY,))
    db.close()
    store = TownStore(tmp_path)
    try:
        told: list[Any] = []
        follow = (lambda _, change, __: told.append(change),)
        later = 20 * 365 * DAY
        assert await store.write(lambda db: lapsing.lapse(db, follow, later)) is False
        assert told == [], "the older version had told services of it"
        (one,) = store.read(lambda db: consents.of(db, "r_1").values())
        assert one.state == "ConsentExpired"
        found = store.read(lambda db: records.find(db, "r_1", "allergies"))
        assert found is not None and found.version == 3
    finally:
        await store.close()
