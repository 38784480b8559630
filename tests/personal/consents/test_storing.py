"""Services store items of residents only while the residents agree to that, or by a law. (蓄積同意; issue 5, PxR 1.2)"""

import asyncio
import secrets
from typing import Any

import pytest

from base import clock
from personal.operations import lapsing
from personal.store import leftovers, people, records
from personal.store.people import Person
from tests.personal.consents.deciding import decide, item
from tests.personal.disclosure.sharing import ALLERGIES, CARE, ask, leaves, name, reasons
from tests.personal.live import Live, Reply, asked, described, purpose
from tests.personal.records.test_over_http import handle

DAY = 86_400 * clock.SECOND
OTHER = {"allergies": [{"to": "milk"}]}
HOUR = 3_600 * clock.SECOND


@pytest.fixture
async def hanako(live: Live) -> str:
    """Give the token of a resident whom the service shelter knows."""
    items = (asked("allergies"), asked("care-needs", need="optional"), asked("household", need="optional"))
    await live.service("shelter", described(purpose("reception", *items)))
    person = await live.register("hanako")
    await name(live, person, "shelter")
    return await live.resident("hanako")


async def put(
    live: Live, value: Any = ALLERGIES, *, by: str = "shelter", login: str = "hanako", **more: Any
) -> Reply:
    subject = await name(live, await live.person(login), by)
    body = {
        "subject": subject,
        "purpose": "reception",
        "item": "allergies",
        "value": value,
        "request": secrets.token_urlsafe(16),
        **more,
    }
    return await live.post("/records", body, by=await live.service_token(by))


async def held(live: Live, by: str) -> dict[str, Any]:
    reply = await live.get("/me/items", by=by)
    assert reply.status == 200, reply.raw
    listed = reply.json["records"]
    return {one["item"]: one for one in listed}


async def test_nothing_is_stored_without_consent_to_store_it(live: Live, hanako: str) -> None:
    refused = await put(live)
    assert (refused.status, refused.json["reason"]) == (403, "no-consent"), refused.raw
    await decide(live, hanako, agree=["allergies"])
    assert (await put(live)).status == 403, "to share is another consent"
    await decide(live, hanako, kind="store", agree=["allergies"])
    made = await put(live)
    assert (made.status, sorted(made.json)) == (201, ["item", "version"]), made.raw
    assert (await put(live, CARE, item="care-needs")).status == 403, "each item on its own"
    last = leaves(live)[-2:]
    assert [(one["kind"], one["items"]) for one in last] == [
        ("record-stored", ["allergies"]),
        ("record-not-stored", ["care-needs"]),
    ]
    assert (last[0]["basis"], last[1]["outcome"]) == (["consent"], "no-consent")
    told = (await live.get("/me/accesses", by=hanako)).json["accesses"]
    assert [one["action"]["en"] for one in told[:2]] == [
        "A service wanted to store data; it was refused",
        "Data was stored for a service",
    ]
    shown = (await held(live, hanako))["allergies"]["storedBy"]
    assert shown == {"service": "shelter", "purpose": "reception", "basis": "consent"}


async def test_what_a_service_stores_it_does_not_read_by_that(live: Live, hanako: str) -> None:
    await decide(live, hanako, kind="store", agree=["allergies"])
    assert (await put(live)).status == 201
    subject, token = (
        await name(live, await live.person("hanako"), "shelter"),
        await live.service_token("shelter"),
    )
    assert reasons(await ask(live, token, subject, "allergies")) == {"allergies": "no-consent"}
    await decide(live, hanako, agree=["allergies"])
    assert (await ask(live, token, subject, "allergies")).json["items"] == {"allergies": ALLERGIES}


async def test_the_same_request_again_changes_nothing(live: Live, hanako: str) -> None:
    await decide(live, hanako, kind="store", agree=["allergies"])
    same = {"request": secrets.token_urlsafe(16)}
    first = await put(live, **same)
    again = await put(live, **same)
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    assert (await held(live, hanako))["allergies"]["version"] == 1
    other = await put(live, OTHER, **same)
    assert other.status == 409, "the same request with another value is another one"


async def test_a_lost_update_is_refused(live: Live, hanako: str) -> None:
    await decide(live, hanako, kind="store", agree=["allergies"])
    version = (await put(live)).json["version"]
    answers = await asyncio.gather(*(put(live, OTHER, version=version) for _ in range(4)))
    assert sorted(one.status for one in answers) == [200, 409, 409, 409]
    present = {one.json["version"] for one in answers}
    assert len(present) == 1 and version not in present
    # the resident changes it: the service has not seen that
    body = {"value": ALLERGIES, "expectedVersion": 2}
    assert (await live.ask("PUT", "/me/items/allergies", body, by=hanako)).status == 200
    assert (await put(live, OTHER, version=present.pop())).status == 409
    assert "storedBy" not in (await held(live, hanako))["allergies"]


async def test_versions_have_other_names_at_other_services(live: Live, hanako: str) -> None:
    await live.service("club", described(purpose("reception", asked("allergies"))))
    await decide(live, hanako, kind="store", agree=["allergies"])
    await decide(live, hanako, kind="store", agree=["allergies"], service="club")
    mine = (await put(live)).json["version"]
    theirs = (await put(live, by="club")).json["version"]
    assert mine != theirs


async def test_withdrawing_erases_what_was_stored_by_it_and_ends_what_rests_on_it(
    live: Live, hanako: str
) -> None:
    await live.service("club", described(purpose("reception", asked("allergies"))))
    await name(live, await live.person("hanako"), "club")
    await decide(live, hanako, kind="store", agree=["allergies", "care-needs"])
    await decide(live, hanako, agree=["allergies"], service="club")
    await put(live)
    await put(live, CARE, item="care-needs")
    body = {"kind": "store", "service": "shelter", "purpose": "reception", "items": ["allergies"]}
    reply = await live.post("/me/consents/withdraw", body, by=hanako)
    assert reply.json["withdrawn"][0]["erased"] == ["allergies", "care-needs"], reply.raw
    assert await held(live, hanako) == {}
    listed = (await live.get("/me/consents", by=hanako)).json["services"]
    club = next(one for one in listed if one["id"] == "club")["purposes"][0]["items"][0]["share"]
    assert (club["state"], club["holds"]) == ("ConsentInvalidated", False)
    kinds = [one["kind"] for one in leaves(live)]
    assert kinds.count("record-erased") == 2 and kinds.count("consent-ended-with-record") == 1
    told = live.town.store.read(
        lambda db: list(db.execute("SELECT service, event, facts, erase_by FROM notice"))
    )
    assert ("club", "consent-ended") in {(row[0], row[1]) for row in told if row[3] is not None}
    assert [row[1] for row in told if row[0] == "shelter" and '"store"' in row[2]] == [
        "consent-given",
        "consent-ended",
    ]
    assert (await put(live)).json["reason"] == "consent-withdrawn"
    await _destroyed(live)


async def _destroyed(live: Live) -> None:
    """Wait until nothing is left over of what was erased."""
    for _ in range(400):
        if "erased" not in live.town.store.read(leftovers.waiting):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("what was erased is left over")


async def test_what_a_law_holds_is_out_of_use_until_then(live: Live, hanako: str) -> None:
    await decide(live, hanako, kind="store", agree=["allergies"])
    await put(live)
    counter, privacy = await live.staff("counter"), await live.staff("privacy")
    until = clock.show(clock.now() + 90 * DAY)
    assert await handle(live, counter)
    found = live.town.store.read(lambda db: people.current(db, _only(db)))
    assert isinstance(found, Person)
    await live.town.store.write(
        lambda db: records.hold(db, found.id, "allergies", "文書管理規程", clock.parse(until), privacy)
    )
    reply = await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    assert reply.json["withdrawn"][0]["kept"] == [{"item": "allergies", "heldUntil": until}]
    assert await held(live, hanako) == {}
    assert leaves(live)[-2]["kind"] == "record-erasure-held"


def _only(db: Any) -> str:
    return str(next(iter(db.execute("SELECT id FROM person")))[0])


async def test_what_others_wrote_since_stays(live: Live, hanako: str) -> None:
    await decide(live, hanako, kind="store", agree=["allergies"])
    await put(live)
    body = {"value": OTHER, "expectedVersion": 1}
    assert (await live.ask("PUT", "/me/items/allergies", body, by=hanako)).status == 200
    reply = await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    assert "erased" not in reply.json["withdrawn"][0]
    assert set(await held(live, hanako)) == {"allergies"}


async def test_the_end_of_its_time_erases_what_was_stored(live: Live, hanako: str) -> None:
    soon = clock.show(clock.now() + 3 * DAY)[:10]
    await decide(live, hanako, kind="store", agree=["allergies"], until=soon)
    await decide(live, hanako, agree=["allergies"])
    await put(live)
    await lapsing.round(live.town, live.module.consent_reactions, clock.now() + 2 * DAY)
    assert set(await held(live, hanako)) == {"allergies"}
    await lapsing.round(live.town, live.module.consent_reactions, clock.now() + 5 * DAY)
    # the log ends in the future now: what is held is read where it is kept
    assert live.town.store.read(lambda db: records.everything(db, _only(db))) == []
    kinds = [one["kind"] for one in leaves(live)]
    assert kinds[-3:] == ["consent-expired", "record-erased", "consent-ended-with-record"]


async def test_death_erases_what_was_stored_by_consent(live: Live, hanako: str) -> None:
    await decide(live, hanako, kind="store", agree=["allergies"])
    await put(live)
    counter = await live.staff("counter")
    body = {"resident": await handle(live, counter), "event": "died"}
    reply = await live.post("/residents/events", body, by=counter)
    assert reply.status in (200, 204), reply.raw
    assert live.town.store.read(lambda db: records.everything(db, _only(db))) == []


async def test_by_a_law_it_is_stored_without_asking_and_not_withdrawn(live: Live, hanako: str) -> None:
    law = "災害対策基本法 90条の3"
    items = (asked("allergies"), asked("household"))
    await live.service("roll", described(purpose("reception", *items, basis=f"law:{law}")))
    made = await put(live, by="roll")
    assert made.status == 201, made.raw
    assert leaves(live)[-1]["basis"] == [f"law:{law}"]
    await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    assert (await held(live, hanako))["allergies"]["storedBy"]["service"] == "roll"


async def test_who_may_not_be_known_of_and_who_is_unknown(live: Live, hanako: str) -> None:
    await live.service("club", described(purpose("reception", asked("allergies"))))
    await decide(live, hanako, kind="store", agree=["allergies"])
    person = await live.person("hanako")
    theirs = await name(live, person, "club")
    unknown = await put(live, subject="p1." + "A" * 43)
    foreign = await put(live, subject=theirs)
    assert (unknown.status, unknown.raw) == (404, foreign.raw)
    before = await put(live, login="hanako")
    assert before.status == 201
    await live.town.store.write(lambda db: people.protect(db, person, True, clock.now()))
    hidden = await put(live, OTHER, version=before.json["version"])
    await live.register("taro", nameKana="ヤブ タロウ")
    nobody = await put(live, OTHER, login="taro")
    assert (hidden.status, hidden.raw) == (403, nobody.raw), "as one who never agreed to it"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"item": "library-card"}, 403),
        ({"item": "nothing"}, 403),
        ({"purpose": "other"}, 403),
        ({"value": {"allergies": "milk"}}, 400),
        ({"value": []}, 400),
        ({"request": "short"}, 400),
        ({"request": None}, 400),
        ({"item": "household"}, 403),
        ({"version": "A" * 43}, 409),
    ],
)
async def test_what_cannot_be_stored_is_refused(
    live: Live, hanako: str, changed: dict[str, Any], status: int
) -> None:
    await decide(live, hanako, kind="store", agree=["allergies"])
    refused = await put(live, **{"value": ALLERGIES, **changed})
    assert refused.status == status, refused.raw
    assert await held(live, hanako) == {}


async def test_the_counter_takes_in_for_a_service_what_the_resident_agreed_to(
    live: Live, hanako: str
) -> None:
    counter = await live.staff("counter")
    body = {
        "resident": await handle(live, counter),
        "service": "shelter",
        "purpose": "reception",
        "item": "allergies",
        "value": ALLERGIES,
        "expectedVersion": 0,
    }
    assert (await live.post("/records/intake", body, by=counter)).json["reason"] == "no-consent"
    await decide(live, hanako, kind="store", agree=["allergies"])
    made = await live.post("/records/intake", body, by=counter)
    assert (made.status, made.json["version"]) == (201, 1), made.raw
    assert (await live.post("/records/intake", body, by=counter)).status == 409
    assert (await live.post("/records/intake", body, by=await live.staff("privacy"))).status == 403
    await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    assert await held(live, hanako) == {}


async def test_a_service_may_ask_for_consent_to_store(live: Live, hanako: str) -> None:
    subject = await name(live, await live.person("hanako"), "shelter")
    body = {"subject": subject, "kind": "store", "purpose": "reception", "items": ["allergies"]}
    token = await live.service_token("shelter")
    assert (await live.post("/consents/requests", body, by=token)).status == 202
    assert (await put(live)).json["reason"] == "consent-asked"
    assert (await item(live, hanako, "allergies", "store"))["state"] == "ConsentRequested"
    put_off = {"kind": "store", "service": "shelter", "purpose": "reception"}
    assert (await live.post("/me/consents/defer", put_off, by=hanako)).status == 204


async def test_a_wider_version_stores_nothing_until_it_is_agreed_to(live: Live, hanako: str) -> None:
    await decide(live, hanako, kind="store", agree=["allergies"])
    version = (await put(live)).json["version"]
    await live.service("shelter", described(purpose("reception", asked("allergies", retentionDays=99))))
    held_back = await put(live, OTHER, version=version)
    assert held_back.json["reason"] == "consent-for-older-version"
    await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    assert await held(live, hanako) == {}, "who withdraws has it erased, whatever version they agreed to"
