"""Guardians decide for whom they act, within their scope, and are told apart from them. (DESIGN 3; issue 5)"""

import json
from typing import Any

from personal.audit import reading
from tests.personal.consents.deciding import decide, item, prepared
from tests.personal.live import Live, asked, described, purpose
from tests.personal.relations.test_guardians import act_for_child, family, grant


async def represented(live: Live, **more: Any) -> str:
    """Let hanako act for kotaro; give her token."""
    await live.service("shelter")
    await live.service("library", described(purpose("loans", asked("contact"))))
    await family(live)
    made = await grant(live, **more)
    assert made.status == 201, made.raw
    return await act_for_child(live)


async def test_what_a_guardian_agrees_to_is_the_child_s_consent(live: Live) -> None:
    parent = await represented(live)
    reply = await decide(live, parent, agree=["basic-four"])
    assert reply.status == 201, reply.raw
    child = await live.resident("kotaro")
    assert (await item(live, child, "basic-four"))["holds"]
    await live.post("/me/acting-for", {"resident": None}, by=parent)
    assert await item(live, parent, "basic-four") is None
    receipt = json.loads((await live.get(f"/me/receipts/{reply.json['receipt']}", by=child)).raw)
    status = receipt["dpv:hasRecordOfActivity"][0]["dpv:hasConsentStatus"]
    assert status["dpv:isIndicatedBy"] == "dpv:GuardianOfDataSubject"
    assert (await live.get(f"/me/receipts/{reply.json['receipt']}", by=parent)).status == 404
    entries = live.town.store.read(lambda db: reading.entries(db, 0, 1_000))
    given = next(facts for one in entries if (facts := one.facts())["kind"] == "consent-given")
    assert given["by"] == "guardian" and {"subject", "guardian"} <= given.keys()


async def test_a_guardian_decides_within_the_scope_only(live: Live) -> None:
    parent = await represented(live, services=["library"])
    assert (await prepared(live, parent, agree=["basic-four"])).status == 403
    assert (await decide(live, parent, service="library", purpose="loans", agree=["contact"])).status == 201
    child = await live.resident("kotaro")
    await decide(live, child, agree=["basic-four"])
    assert (await live.post("/me/consents/withdraw", {"service": "shelter"}, by=parent)).status == 403
    reply = await live.post("/me/consents/withdraw", {"everything": True}, by=parent)
    assert [one["service"] for one in reply.json["withdrawn"]] == ["library"]
    assert (await item(live, child, "basic-four"))["holds"]


async def test_what_was_prepared_for_the_child_is_not_submitted_for_oneself(live: Live) -> None:
    parent = await represented(live)
    signed = (await prepared(live, parent, agree=["basic-four"])).json["prepared"]
    await live.post("/me/acting-for", {"resident": None}, by=parent)
    body = {"prepared": signed, "evidence": {"kind": "session"}}
    assert (await live.post("/me/consents", body, by=parent)).status == 403
    child = await live.resident("kotaro")
    assert (await live.post("/me/consents", body, by=child)).status == 403


async def test_who_only_sees_decides_nothing(live: Live) -> None:
    parent = await represented(live, acts=["see"])
    assert (await live.get("/me/consents", by=parent)).status == 200
    assert (await prepared(live, parent, agree=["basic-four"])).status == 403
    assert (await live.post("/me/consents/withdraw", {"everything": True}, by=parent)).status == 403


async def test_a_guardian_sees_within_the_scope_only(live: Live) -> None:
    parent = await represented(live, services=["library"])
    child = await live.resident("kotaro")
    made = await decide(live, child, agree=["basic-four"])
    await decide(live, parent, service="library", purpose="loans", agree=["contact"])
    listed = (await live.get("/me/consents", by=parent)).json
    seen = {
        (service["id"], one["item"])
        for service in listed["services"]
        for one in service["purposes"][0]["items"]
    }
    assert seen == {("library", "contact")}
    receipts = (await live.get("/me/receipts", by=parent)).json["receipts"]
    assert [one["service"] for one in receipts] == ["library"]
    assert (await live.get(f"/me/receipts/{made.json['receipt']}", by=parent)).status == 404
    assert len((await live.get("/me/receipts", by=child)).json["receipts"]) == 2
