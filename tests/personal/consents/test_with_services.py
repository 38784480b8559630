"""What residents decide over HTTP is what the very next disclosure shows, and what services hear of. (issue 5, DESIGN 3)"""

import pytest

from personal.rules.notice import Event
from personal.store import services
from tests.personal.consents.deciding import decide, prepared
from tests.personal.disclosure.sharing import ALLERGIES, ask, hold, name, reasons
from tests.personal.live import Live, asked, described, purpose

NAME = {"name": "養父 花子", "address": "養父市八鹿町八鹿1", "birthDate": "1990-04-01", "sex": "female"}


@pytest.fixture
async def hanako(live: Live) -> str:
    await live.service("shelter")
    person = await live.register("hanako")
    await hold(live, person, basic_four=NAME, allergies=ALLERGIES)
    return await live.resident("hanako")


async def test_each_decision_counts_for_the_very_next_disclosure(live: Live, hanako: str) -> None:
    token, subject = (
        await live.service_token("shelter"),
        await name(live, await live.person("hanako"), "shelter"),
    )
    before = await ask(live, token, subject, "basic-four", "allergies")
    assert (before.json["items"], set(reasons(before).values())) == ({}, {"no-consent"})
    await decide(live, hanako, agree=["basic-four"], refuse=["allergies"])
    agreed = await ask(live, token, subject, "basic-four", "allergies")
    assert (set(agreed.json["items"]), reasons(agreed)) == ({"basic-four"}, {"allergies": "consent-refused"})
    await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    after = await ask(live, token, subject, "basic-four")
    assert (after.json["items"], reasons(after)) == ({}, {"basic-four": "consent-withdrawn"})


async def test_consent_to_store_shows_nothing(live: Live, hanako: str) -> None:
    await decide(live, hanako, kind="store", agree=["basic-four"])
    token, subject = (
        await live.service_token("shelter"),
        await name(live, await live.person("hanako"), "shelter"),
    )
    assert (await ask(live, token, subject, "basic-four")).json["items"] == {}


async def test_a_wider_version_shows_nothing_until_it_is_agreed_to(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["basic-four"])
    await live.service("shelter", described(purpose("reception", asked("basic-four", retentionDays=60))))
    token, subject = (
        await live.service_token("shelter"),
        await name(live, await live.person("hanako"), "shelter"),
    )
    held_back = await ask(live, token, subject, "basic-four")
    assert reasons(held_back) == {"basic-four": "consent-for-older-version"}
    told = (await prepared(live, hanako, agree=["basic-four"])).json["serviceChanges"]
    assert told[0]["en"] == "'Basic four facts' is kept for 60 days instead of 30." and told[0]["wider"]
    await decide(live, hanako, agree=["basic-four"])
    assert set((await ask(live, token, subject, "basic-four")).json["items"]) == {"basic-four"}


async def test_a_service_hears_that_consent_began_and_ended(live: Live, hanako: str) -> None:
    person = await live.person("hanako")
    await name(live, person, "shelter")
    await decide(live, hanako, agree=["basic-four"])
    await live.post("/me/consents/withdraw", {"service": "shelter"}, by=hanako)
    waiting = live.town.store.read(
        lambda db: list(
            db.execute("SELECT event FROM notice WHERE person = ? ORDER BY due, place", (person,))
        )
    )
    assert [event for (event,) in waiting] == [Event.CONSENT_GIVEN, Event.CONSENT_ENDED]


async def test_nothing_is_agreed_with_a_suspended_service(live: Live, hanako: str) -> None:
    await live.town.store.write(lambda db: services.set_active(db, "shelter", False))
    assert (await prepared(live, hanako, agree=["basic-four"])).status == 404
