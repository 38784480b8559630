"""Residents agree, refuse, withdraw; each act is one signed document, used once. (issue 5; TS 27560)"""

import pytest

from tests.personal.consents.deciding import SESSION, decide, item, prepared
from tests.personal.live import Live


@pytest.fixture
async def hanako(live: Live) -> str:
    await live.service("shelter")
    await live.register("hanako")
    return await live.resident("hanako")


async def test_who_agrees_sees_it_in_the_list_with_its_end(live: Live, hanako: str) -> None:
    reply = await decide(live, hanako, agree=["basic-four"], refuse=["allergies"])
    assert reply.status == 201, reply.raw
    assert {code: one["state"] for code, one in reply.json["items"].items()} == {
        "basic-four": "ConsentGiven",
        "allergies": "ConsentRefused",
    }
    told = await item(live, hanako, "basic-four")
    assert told["holds"] and told["state"] == "ConsentGiven" and told["until"].endswith("T15:00:00.000Z")
    assert (await item(live, hanako, "allergies"))["holds"] is False


async def test_what_is_prepared_says_in_words_what_would_change(live: Live, hanako: str) -> None:
    first = (await prepared(live, hanako, agree=["basic-four"])).json
    assert first["changes"][0]["en"] == "You newly agree to 'Basic four facts'."
    assert first["evidence"] == ["session"]
    await decide(live, hanako, agree=["basic-four"])
    again = (await prepared(live, hanako, agree=["basic-four"], refuse=["allergies"])).json
    assert [one["en"] for one in again["changes"]] == [
        "Your consent to 'Basic four facts' is renewed.",
        "You do not agree to 'Allergies'.",
    ]


async def test_a_prepared_decision_is_submitted_once(live: Live, hanako: str) -> None:
    body = {
        "prepared": (await prepared(live, hanako, agree=["basic-four"])).json["prepared"],
        "evidence": SESSION,
    }
    assert (await live.post("/me/consents", body, by=hanako)).status == 201
    again = await live.post("/me/consents", body, by=hanako)
    assert (again.status, again.json["detail"]) == (409, "This was submitted already.")
