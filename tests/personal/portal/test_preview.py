"""What a resident sees beforehand is exactly what goes out afterwards, for whatever they choose. (issue 6, portal 2)"""

import secrets
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.personal.disclosure import sharing
from tests.personal.live import Live
from tests.personal.pages.reading import Reader
from tests.personal.portal.acts import agree, check, disclosed

CODES = ["allergies", "care-needs", "contact", "library-card"]
CAUSES = st.lists(st.sampled_from(["egg", "milk", "wheat", "shrimp"]), min_size=1, max_size=3, unique=True)
CHOSEN = st.lists(st.sampled_from(CODES), min_size=1, unique=True)


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(CHOSEN, CAUSES, st.text(alphabet="0123456789-", min_size=3, max_size=12))
async def test_the_preview_is_what_the_service_gets(
    live: Live, chosen: list[str], causes: list[str], number: str
) -> None:
    login = secrets.token_hex(8)
    person, by = await live.register(login), await live.resident(login)
    if "library" not in live.keys:
        await sharing.service(live, "library", *CODES)
    token = await live.service_token("library")
    written: dict[str, Any] = {
        "allergies": {"allergies": [{"to": cause} for cause in causes]},
        "contact": {"phones": [{"number": f"0{number}", "kind": "home"}]},
        "library_card": {"number": f"N{number}"},
    }
    await sharing.hold(live, person, **written)
    body = {"service": "library", "purpose": sharing.PURPOSE, "items": chosen}
    before = await live.post("/me/consents/preview", body, by=by)
    assert before.status == 200, before.raw
    await sharing.agree(live, person, "library", *chosen)
    name = await sharing.name(live, person, "library")
    asked = {"subject": name, "purpose": sharing.PURPOSE, "items": chosen}
    after = await live.post("/disclosures", asked, by=token)
    assert before.json["items"] == after.json["items"]
    assert {one["item"] for one in before.json["withheld"]} == {one["item"] for one in after.json["withheld"]}
    again = await live.post("/me/consents/preview", body, by=by)
    assert again.json["subject"] == name and again.json["items"] == after.json["items"]


async def test_the_page_shows_the_very_values_and_the_name_by_which_the_service_knows_one(
    reader: Reader,
) -> None:
    await reader.log_in_resident("hanako")
    page = await check(reader, "basic-four allergies")
    await agree(reader, "basic-four allergies")
    sent = await disclosed(reader, "basic-four", "allergies", "care-needs")
    assert set(sent["items"]) == {"basic-four", "allergies"}
    for shown in (page, await reader.get("/me/preview?service=shelter&purpose=reception")):
        for said in sent["items"]["basic-four"].values():
            assert said in shown or said == "female"
        assert "えび" in shown and "そば" in shown and "一人暮らし" not in shown


async def test_a_preview_is_for_what_the_purpose_asks_only_and_is_on_record(live: Live) -> None:
    await live.service("library")
    await live.register("somebody")
    by = await live.resident("somebody")
    body = {"service": "library", "purpose": "reception", "items": ["contact"]}
    assert (await live.post("/me/consents/preview", body, by=by)).status == 400
    assert (await live.post("/me/consents/preview", {**body, "purpose": "other"}, by=by)).status == 404
    assert (await live.post("/me/consents/preview", {**body, "items": ["allergies"]}, by=by)).status == 200
    told = (await live.get("/me/accesses", by=by)).json["accesses"][0]
    assert told["kind"] == "consent-previewed" and told["items"] == ["allergies"] and told["who"] == "self"


async def test_of_somebody_protected_nothing_would_go_out(live: Live) -> None:
    await sharing.service(live, "library", *CODES)
    person = await live.register("hanako")
    await sharing.hold(live, person, allergies=sharing.ALLERGIES)
    guard = await live.staff("protection")
    terms = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
    found = await live.post("/residents/search", terms, by=guard)
    body = {"resident": found.json["residents"][0]["resident"], "protected": True}
    assert (await live.post("/residents/protection", body, by=guard)).status == 204
    live.tokens.pop(("yabu", "resident/hanako/3"))
    asked = {"service": "library", "purpose": sharing.PURPOSE, "items": ["allergies"]}
    told = await live.post("/me/consents/preview", asked, by=await live.resident("hanako"))
    assert told.json["items"] == {} and told.json["withheld"] == [
        {"item": "allergies", "reason": "nothing-held"}
    ]
