"""A service asks for consent and the resident answers when they like; its receipt joins nothing. (UMA; TS 27560)"""

from typing import Any

import orjson
import pytest

from base import clock, forms
from personal.operations import asking
from personal.operations.actors import Actor, Who
from personal.operations.call import Call
from personal.rules import receipts
from schemas.personal import catalogue
from tests.personal.consents.deciding import decide, item
from tests.personal.disclosure.sharing import name
from tests.personal.live import Live, Reply, asked, described, purpose

DAY = 86_400 * clock.SECOND


@pytest.fixture
async def hanako(live: Live) -> str:
    await live.service("shelter")
    await live.register("hanako")
    return await live.resident("hanako")


async def request(live: Live, service: str = "shelter", path: str = "requests", **more: Any) -> Reply:
    subject = await name(live, await live.person("hanako"), service)
    body = {"subject": subject, "purpose": "reception", **more}
    if path == "requests":
        body = {"items": ["basic-four"], **body}
    return await live.post(f"/consents/{path}", body, by=await live.service_token(service))


async def test_a_service_asks_and_the_resident_puts_it_off_or_answers(live: Live, hanako: str) -> None:
    assert (await request(live)).status == 202
    assert (await item(live, hanako, "basic-four"))["state"] == "ConsentRequested"
    where = {"service": "shelter", "purpose": "reception"}
    assert (await live.post("/me/consents/defer", where, by=hanako)).status == 204
    assert (await item(live, hanako, "basic-four"))["state"] == "ConsentRequestDeferred"
    assert (await live.post("/me/consents/defer", where, by=hanako)).status == 409
    await decide(live, hanako, agree=["basic-four"])
    assert (await item(live, hanako, "basic-four"))["state"] == "ConsentGiven"
    assert (await request(live)).status == 202
    assert (await item(live, hanako, "basic-four"))["holds"]


async def test_who_said_no_is_not_pestered(live: Live, hanako: str) -> None:
    await decide(live, hanako, evidence=None, agree=[], refuse=["basic-four"])
    assert (await request(live)).status == 202
    assert (await item(live, hanako, "basic-four"))["state"] == "ConsentRefused"
    subject = await name(live, await live.person("hanako"), "shelter")
    body = {"subject": subject, "purpose": "reception", "items": ["basic-four"]}
    service = Actor(Who.SERVICE, "shelter")
    call = Call(live.town, service, body=body, now=clock.now() + 31 * DAY)
    await asking.ask(call, live.module)
    await live.come_back()
    assert (await item(live, hanako, "basic-four"))["state"] == "ConsentRequested"


async def test_an_expired_consent_may_be_asked_for_again(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["basic-four"], until=clock.show(clock.now() + 2 * DAY)[:10])
    subject = await name(live, await live.person("hanako"), "shelter")
    body = {"subject": subject, "purpose": "reception", "items": ["basic-four"]}
    call = Call(live.town, Actor(Who.SERVICE, "shelter"), body=body, now=clock.now() + 9 * DAY)
    await asking.ask(call, live.module)
    await live.come_back()
    assert (await item(live, hanako, "basic-four"))["state"] == "ConsentRequested"


async def test_nobody_is_asked_what_a_law_decides_or_the_purpose_does_not_need(
    live: Live, hanako: str
) -> None:
    assert (await request(live, items=["household"])).status == 404
    await live.service("roll", described(purpose("reception", asked("basic-four"), basis="law:X")))
    assert (await request(live, "roll")).status == 409


async def test_another_service_s_name_and_no_name_at_all_get_the_same_answer(live: Live, hanako: str) -> None:
    await live.service("library")
    foreign = await name(live, await live.person("hanako"), "library")
    for path in ("requests", "agreed"):
        other, none = [
            await request(live, path=path, subject=subject) for subject in (foreign, "p1." + "A" * 43)
        ]
        assert (other.status, other.raw) == (none.status, none.raw) == (404, none.raw)


async def test_a_service_gets_its_own_receipt_of_what_is_agreed(live: Live, hanako: str) -> None:
    nothing = await request(live, path="agreed")
    assert nothing.status == 404
    await decide(live, hanako, agree=["basic-four"], refuse=["allergies"])
    reply = await request(live, path="agreed")
    receipt = orjson.loads(reply.raw)
    assert forms.fault(forms.validator(catalogue.schema("receipt")), receipt) is None
    assert receipts.verified(receipt, (await live.get("/keys")).json) == {}
    (record,) = receipt["dpv:hasRecordOfActivity"]
    codes = [one["dct:identifier"] for one in record["dpv:hasProcess"]["dpv:hasPersonalData"]]
    assert codes == ["basic-four"]


async def test_receipts_of_two_services_have_nothing_in_common_that_tells_who(
    live: Live, hanako: str
) -> None:
    await live.register("taro")
    seen: dict[str, dict[str, set[str]]] = {}
    for service in ("shelter", "library"):
        await live.service(service)
        for login in ("hanako", "taro"):
            await decide(live, await live.resident(login), service=service, agree=["basic-four"])
            subject = await name(live, await live.person(login), service)
            reply = await request(live, service, "agreed", subject=subject)
            found: set[str] = set()
            collect(orjson.loads(reply.raw), found)
            seen.setdefault(login, {})[service] = found
    for login, other in (("hanako", "taro"), ("taro", "hanako")):
        common = seen[login]["shelter"] & seen[login]["library"]
        assert common <= seen[other]["shelter"] | seen[other]["library"]


def collect(value: Any, into: set[str]) -> None:
    """Gather every text and number in JSON."""
    if isinstance(value, dict):
        for inner in value.values():
            collect(inner, into)
    elif isinstance(value, list):
        for inner in value:
            collect(inner, into)
    else:
        into.add(str(value))
