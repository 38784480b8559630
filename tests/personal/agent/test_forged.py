"""Whoever has every key and the database of the outside releases nothing: the agent refuses, with an alarm. (done when 3)"""

import copy
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from base import clock
from base.clock import SECOND
from base.errors import BadRequestData
from personal.agent import store as kept
from personal.locations.lgwan import Ask
from personal.rules import orders
from personal.rules.decisions import digest, shown
from personal.rules.identifiers import fingerprint, fresh
from personal.rules.orders import ENVELOPE, ORDER
from personal.store import records
from personal.vault.addressed import Reader, enclose
from personal.vault.signing import Signer
from tests.personal.agent.insiders import SECRET, Town, town, until
from tests.personal.agent.thieves import alarms, claims, give, give_text, stored, thief
from tests.personal.consents.cards import NOW, YEAR, Authority, ec_key


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as made:
        await made.approve_service()
        yield made


async def test_all_keys_of_the_outside_are_not_enough(there: Town, tmp_path: Path) -> None:
    hanako, taro = await stored(there, "hanako"), await stored(there, "taro")
    real = await there.agree("hanako")
    for name in ("personal.db", "personal.db-wal", "keys.db", "keys.db-wal", "top.key"):
        if (tmp_path / "outside" / "data" / "yabu" / name).exists():
            shutil.copy(tmp_path / "outside" / "data" / "yabu" / name, tmp_path)
    signer = await thief(tmp_path)
    assert signer.kid == there.location.keys.signer.kid
    own = Authority("JPKI")  # the thief's: the same name, another key
    strange, over = (
        own.issue(ec_key(), ends=NOW + 4 * YEAR),
        there.authority.issue(ec_key(), ends=NOW - YEAR / 2),
    )
    bought = there.authority.issue(ec_key(), ends=NOW + 4 * YEAR)  # a card of somebody else
    decision = real["decision"]
    mark = digest(decision)
    wider = {**decision, "agree": ["contact", "household"]}
    dated_back = {**decision, "preparedAt": "2026-01-01T00:00:00Z"}
    tried = [
        ("no-consent", claims(there, hanako)),
        ("evidence-does-not-hold", claims(there, hanako, decision=decision, evidence=strange.evidence(mark))),
        ("evidence-does-not-hold", claims(there, hanako, decision=decision, evidence=over.evidence(mark))),
        ("evidence-does-not-hold", claims(there, hanako, decision=decision, evidence=strange.statement(mark, "scan-1"))),
        ("evidence-does-not-hold", claims(there, hanako, decision=decision, evidence={"kind": "session"})),
        ("evidence-does-not-hold", claims(there, hanako, decision=wider, evidence=real["evidence"])),
        ("credential-not-enrolled-for-these-records",
         claims(there, hanako, decision=decision, evidence=bought.evidence(mark))),
        ("credential-not-enrolled-for-these-records",
         claims(there, hanako, decision=dated_back, evidence=over.evidence(digest(dated_back)))),
        ("credential-not-enrolled-for-these-records", claims(there, taro, **real)),
        ("consent-does-not-cover-this", claims(there, hanako, decision={**decision, "service": "sale"}, evidence={})),
        ("purpose-not-approved-inside", claims(there, hanako, **real, purpose="sale")),
        ("service-not-approved-inside", claims(there, hanako, **real, service="broker")),
        ("key-not-approved-inside", claims(there, hanako, **real, recipient=Reader(b"m" * 32).kid)),
        ("item-not-approved-inside", claims(there, hanako, **real, copies=[{"item": "household", "name": "x" * 20}])),
    ]  # fmt: skip
    for why, told in tried:
        answer = await give(there, told, signer)
        assert (answer["outcome"], answer.get("why")) == ("refused", why)
    assert alarms(there) == [why for why, _ in tried]
    good = await give(there, claims(there, hanako, **real), signer)
    assert good["outcome"] == "done"  # what the resident agreed to goes to whom they agreed, and nowhere else
    assert there.location.read_item(good["order"], "contact", good["items"]["contact"])["item"] == "contact"


async def test_an_order_is_obeyed_once_and_an_old_one_not_at_all(there: Town) -> None:
    person = await stored(there, "hanako")
    real = await there.agree("hanako")
    told = claims(there, person, **real)
    first = await give(there, told)
    assert first["outcome"] == "done"
    again = await give(there, told)
    assert again == first  # the outside has not said that it has the answer
    store = there.agent.inside.store
    await store.write(lambda db: kept.acknowledge(db, [told["order"]]))
    assert await give(there, told) is None
    assert await give(there, {**told, "purpose": "sale"}) is None
    assert await give(there, claims(there, person, **real, nonce=told["nonce"])) is None
    now = clock.now() // SECOND
    assert await give(there, claims(there, person, **real, iat=now - 700, exp=now - 1)) is None
    assert await give(there, claims(there, person, **real, iat=now + 600, exp=now + 900)) is None
    assert await give(there, claims(there, person, **real, iat=now, exp=now + 400 * 86_400)) is None
    assert await give(there, claims(there, person, **real), Signer(b"x" * 32)) is None
    assert await give(there, claims(there, person, **real, aud="A" * 43)) is None
    assert await give(there, claims(there, person, **real, iss="asago")) is None
    assert await give(there, claims(there, person, **real, note="<script>")) is None
    assert alarms(there) == [
        "replayed", "altered", "replayed", "expired", "not-yet-valid", "forged", "forged", "forged", "forged", "forged",
    ]  # fmt: skip


async def test_what_was_withdrawn_or_is_over_is_not_released(there: Town) -> None:
    person = await stored(there, "hanako")
    real = await there.agree("hanako")
    by = await there.live.resident("hanako")
    body = {"service": "shelter", "purpose": "reception", "items": ["contact"]}
    gone = await there.live.post("/me/consents/withdraw", body, by=by)
    assert gone.status in (200, 204), gone.raw
    store = there.agent.inside.store
    mark = shown(digest(real["decision"]))
    await until(lambda: store.read(lambda db: kept.is_withdrawn(db, mark, "contact")))
    assert (await give(there, claims(there, person, **real)))["why"] == "consent-withdrawn"
    later = copy.deepcopy(real)
    later["decision"]["until"] = "2020-01-01T00:00:00Z"
    assert (await give(there, claims(there, person, **later)))["why"] == "consent-expired"
    assert alarms(there) == []


async def test_limits_hold_whatever_the_outside_signs(there: Town) -> None:
    person = await stored(there, "hanako")
    real = await there.agree("hanako")
    await there.want("limit", {"limit": "item:contact", "most": 2})
    answers = [await give(there, claims(there, person, **real)) for _ in range(4)]
    assert [one["outcome"] for one in answers] == ["done", "done", "refused", "refused"]
    assert alarms(there) == ["limit-reached"] * 2
    await there.want("limit", {"limit": "remove", "most": 0})
    removal = {
        name: value
        for name, value in claims(there, person).items()
        if name not in ("service", "purpose", "recipient")
    }
    assert await give(there, {**removal, "task": "remove"}) is None
    assert alarms(there)[-1] == "limit-reached"
    assert (await give(there, {**claims(there, person, **real)}))["outcome"] == "refused"


async def test_records_cannot_be_put_under_another_name_or_box(there: Town) -> None:
    hanako, taro = await stored(there, "hanako"), await stored(there, "taro")
    real = await there.agree("taro")
    box = there.location.box(taro)
    answer = await give(there, claims(there, hanako, **real, box=box))
    assert (answer["outcome"], answer["why"]) == ("refused", "nothing-held")
    record = there.live.town.store.read(lambda db: records.find(db, hanako, "contact"))
    assert record is not None
    inside = there.agent.inside
    content = enclose(inside.reader.public(), {"phones": []}, orders.about_record(record.name, "contact"))
    told = claims(there, hanako, box=box, service=None, purpose=None, recipient=None, task="store",
                  digest=fingerprint(content.encode()), version=2)  # fmt: skip
    signed = there.location.keys.signer.sign(told, ORDER)
    text = enclose(inside.reader.public(), signed, {"typ": ENVELOPE})
    assert (await give_text(there, text, content))["why"] == "name-taken"
    assert await give_text(there, enclose(inside.reader.public(), there.location.keys.signer.sign(
        {**told, "order": fresh("o_"), "nonce": fresh("n_")}, ORDER), {"typ": ENVELOPE}), content[:-2] + "AA") is None  # fmt: skip
    assert alarms(there)[-1] == "altered"


async def test_nothing_that_the_outside_keeps_tells_what_lives_inside(there: Town, tmp_path: Path) -> None:
    await stored(there, "hanako")
    for path in (tmp_path / "outside").rglob("*"):
        if path.is_file():
            assert SECRET not in path.read_bytes(), path
    for path in (tmp_path / "inside").rglob("*"):
        if path.is_file():
            assert SECRET not in path.read_bytes(), path


async def test_a_gateway_gets_records_only_while_officials_let_it(there: Town) -> None:
    person = await stored(there, "hanako")
    by = await there.live.resident("hanako")
    refused = await there.live.get("/me/items/contact", by=by)
    assert (refused.status, refused.json["title"]) == (403, "Kept inside LGWAN"), refused.raw
    await there.approve_gateway()
    record = there.live.town.store.read(lambda db: records.find(db, person, "contact"))
    assert record is not None
    copied = there.live.town.records.copy(record)
    ask = Ask("gateway", "location", there.location.keys.reader.kid)
    order, items = await there.location.release([copied, copied], ask)
    assert there.location.read_item(order, "contact", items["contact"])["value"]


async def test_whoever_asks_for_everything_by_the_gateway_gets_little_and_not_for_long(there: Town) -> None:
    people = [await stored(there, name) for name in ("hanako", "taro", "yuki")]
    forever = [{"id": "location", "basis": "law:relocation", "items": ["contact"]}]
    for until_then in ({}, {"until": clock.now() // SECOND + 40 * 86_400}):
        with pytest.raises(BadRequestData, match="31 days"):
            await there.approve_service(service="gateway", purposes=[{**forever[0], **until_then}])
    await there.approve_gateway()
    mine = {"service": "gateway", "purpose": "location"}
    await there.want("limit", {"limit": f"recipient:{there.location.keys.reader.kid}", "most": 3})
    await there.want("limit", {"limit": "person", "most": 1})
    said = [await give(there, claims(there, person, **mine)) for person in (people[0], *people)]
    assert [one.get("why", "done") for one in said] == ["done", "limit-reached", "done", "done"]
    assert (await give(there, claims(there, people[0], **mine)))["why"] == "limit-reached"
    own = await give(there, claims(there, people[0], **mine, recipient=Reader(b"m" * 32).kid))
    assert own["why"] == "key-not-approved-inside"
    everything = claims(there, people[0], **mine, copies=[{"item": "household", "name": "x" * 20}])
    assert (await give(there, everything))["why"] == "item-not-approved-inside"
    await there.want("limit", {"limit": "day", "most": 0})
    real = await there.agree("yuki")
    assert (await give(there, claims(there, people[2], **real)))["why"] == "limit-reached"
    assert alarms(there) == ["limit-reached"] * 2 + [
        "key-not-approved-inside",
        "item-not-approved-inside",
        "limit-reached",
    ]
