"""The access history as the protocol of Andmejälgija describes it, answers and parameters. (usage service 2.1.0)"""

from typing import Any

import orjson
from jsonschema import Draft202012Validator, FormatChecker

from base import clock
from tests.personal.audit.doings import accesses, busy
from tests.personal.live import Live, Reply

MOMENT = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$",
}
INT32 = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
SHAPES: dict[str, dict[str, Any]] = {
    "findUsage": {
        "type": "object",
        "properties": {
            "totalUsages": INT32,
            "usages": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["logtime", "action", "receiverCode", "receiverSystem"],
                    "properties": {
                        "logtime": MOMENT,
                        "action": {"type": "string"},
                        "receiverCode": {"type": "string"},
                        "receiverName": {"type": "string"},
                        "receiverSystem": {"type": "string"},
                    },
                    "additionalProperties": False,
                },
            },
        },
        "additionalProperties": False,
    },
    "usagePeriod": {
        "type": "object",
        "required": ["periodStart"],
        "properties": {"periodStart": MOMENT, "periodEnd": MOMENT},
        "additionalProperties": False,
    },
    "heartbeat": {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"enum": ["OK", "FAIL"]}, "message": {"type": "string"}},
        "additionalProperties": False,
    },
}
"""What the protocol says about answers; all other members would be of another interface."""


async def asked(live: Live, what: str, by: str | None = None, **params: str) -> Any:
    """Ask, and hold the answer against the protocol."""
    reply = await live.get(f"/usage/v2/{what}", by=by, params=params)
    assert reply.status == 200, reply.raw
    assert reply.headers["Content-Type"] == "application/json"
    Draft202012Validator(SHAPES[what], format_checker=FormatChecker()).validate(reply.json)
    return reply.json


async def test_every_use_of_my_data_is_told_as_the_protocol_says(live: Live) -> None:
    done = await busy(live)
    told = await asked(live, "findUsage", done.hanako, userCode="me")
    seen = await accesses(live, done.hanako)
    assert told["totalUsages"] == len(told["usages"]) == len(seen)
    assert [one["logtime"] for one in told["usages"]] == [one["at"] for one in seen]
    given = [one for one in told["usages"] if one["action"].startswith("同意にもとづいて情報を渡しました")]
    assert {(one["receiverCode"], one["receiverSystem"]) for one in given} == {("shelter", "shelter")}
    assert {one["receiverName"] for one in given} == {"避難所受付"}
    assert len(given) == 2
    own = [one for one in told["usages"] if one["receiverSystem"] == "engawa"]
    assert {(one["receiverCode"], one["receiverName"]) for one in own} == {("282227", "養父市")}


async def test_offset_and_limit_page_without_changing_the_total(live: Live) -> None:
    done = await busy(live)
    whole = (await asked(live, "findUsage", done.hanako))["usages"]
    pages: list[Any] = []
    for offset in range(0, len(whole) + 2, 2):
        told = await asked(live, "findUsage", done.hanako, offset=str(offset), limit="2")
        assert told["totalUsages"] == len(whole)
        assert len(told["usages"]) <= 2
        pages += told["usages"]
    assert pages == whole
    none = await asked(live, "findUsage", done.hanako, limit="0")
    assert none == {"totalUsages": len(whole), "usages": []}


async def test_only_what_was_done_in_the_period_is_told(live: Live) -> None:
    done = await busy(live)
    whole = (await asked(live, "findUsage", done.hanako))["usages"]
    last, first = whole[0]["logtime"], whole[-1]["logtime"]
    inner = await asked(
        live, "findUsage", done.hanako, periodStart=whole[2]["logtime"], periodEnd=whole[1]["logtime"]
    )
    assert inner["usages"] == [
        one for one in whole if whole[2]["logtime"] <= one["logtime"] <= whole[1]["logtime"]
    ]
    assert inner["totalUsages"] == len(inner["usages"]) >= 2
    after = clock.show(clock.parse(last) + clock.SECOND)
    assert (await asked(live, "findUsage", done.hanako, periodStart=after))["totalUsages"] == 0
    before = clock.show(clock.parse(first) - clock.SECOND)
    assert (await asked(live, "findUsage", done.hanako, periodEnd=before))["totalUsages"] == 0
    zoned = f"{first[:10]}T00:00:00+09:00"
    assert (await asked(live, "findUsage", done.hanako, periodStart=zoned))["totalUsages"] == len(whole)


async def test_what_is_asked_wrongly_is_refused(live: Live) -> None:
    done = await busy(live)
    for params in (
        {"periodStart": "yesterday"},
        {"periodEnd": "2026-02-30T00:00:00Z"},
        {"limit": "-1"},
        {"offset": "x"},
        {"more": "1"},
    ):
        assert (await usage(live, done.hanako, params)).status == 400, params
    assert (await usage(live, done.hanako, {"userCode": "EE12345678901"})).status == 403
    assert (await usage(live, None, {})).status in (401, 403)
    assert (await usage(live, await live.staff("auditor"), {})).status == 403


async def usage(live: Live, by: str | None, params: dict[str, str]) -> Reply:
    return await live.get("/usage/v2/findUsage", by=by, params=params)


async def test_the_period_begins_with_the_first_entry_and_the_heart_beats(live: Live) -> None:
    assert await asked(live, "heartbeat") == {"status": "OK"}
    told = await asked(live, "usagePeriod")
    entries = (await live.get("/audit/entries?limit=1", by=await live.staff("auditor"))).json["entries"]
    assert told == {"periodStart": orjson.loads(entries[0]["entry"])["at"]}
    live.town.store.read(lambda db: db).close()
    failed = await asked(live, "heartbeat")
    assert failed == {"status": "FAIL", "message": "The database does not answer."}
