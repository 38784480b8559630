"""Which office takes requests about personal data: written down once, named by the register. (個人情報保護法 74, 75条)"""

import csv
import io
from pathlib import Path

import orjson

from personal import towns
from personal.audit import reading
from tests.personal.live import YABU, Live, live_module
from tests.personal.people.test_joiners import command

TOLD = {"office": "総務課", "address": "養父市八鹿町1"}


def described(live: Live) -> int:
    entries = live.town.store.read(lambda db: reading.entries(db, 0, 1_000))
    return [one.facts()["kind"] for one in entries].count("office-described")


async def test_the_register_names_the_office_that_an_administrator_writes_down(tmp_path: Path) -> None:
    async with live_module(tmp_path) as live:
        assert (await live.get("/office")).json == {"municipality": "養父市", "office": "", "address": ""}
        assert (await live.get("/reports/personal-files")).json["requestsTo"] == "養父市"
        assert (await live.ask("PUT", "/office", TOLD)).status == 403
        assert (await live.ask("PUT", "/office", TOLD, by=await live.staff("counter"))).status == 403
        admin = await live.staff("admin")
        for office in ("", " ", "a\nb", "x" * 201):
            assert (await live.ask("PUT", "/office", {**TOLD, "office": office}, by=admin)).status == 400
        assert described(live) == 0
        assert (await live.ask("PUT", "/office", {**TOLD, "office": " 総務課 "}, by=admin)).status == 204
        assert described(live) == 1
        found = (await live.get("/office")).json
        assert (found["office"], found["address"]) == ("総務課", "養父市八鹿町1") and found["since"]
        register = (await live.get("/reports/personal-files")).json
        assert (register["requestsTo"], register["address"]) == ("総務課", "養父市八鹿町1")
        raw = (await live.get("/reports/personal-files?format=csv")).raw.decode("utf-8-sig")
        assert {row["requestsTo"] for row in csv.DictReader(io.StringIO(raw))} == {"総務課"}
        telling = ("municipalities", "describe", "yabu", "--office", "市民課", "--address", "養父市八鹿町2")
        told = await command(live, *telling)
        assert told.exit_code == 0 and "市民課" in told.output, told.output
        assert (await live.get("/office")).json["office"] == "市民課" and described(live) == 2
        assert (await command(live, *telling[:2], "asago", *telling[3:])).exit_code != 0
        assert (await command(live, *telling[:4], "x" * 201, *telling[5:])).exit_code != 0
        assert described(live) == 2


async def test_what_an_older_version_wrote_into_its_list_holds_until_another_office_is_named(
    tmp_path: Path,
) -> None:
    row = {"id": "yabu", "name": "養父市", "code": "282227"}
    rows = orjson.dumps({"municipalities": [row]})
    (tmp_path / towns.FILE).write_bytes(rows)
    assert towns.listed(tmp_path) == [YABU]
    (tmp_path / towns.FILE).write_bytes(orjson.dumps({"municipalities": [{**row, **TOLD}]}))
    async with live_module(tmp_path, towns.listed(tmp_path)) as live:
        assert (await live.get("/reports/personal-files")).json["requestsTo"] == "総務課"
        assert live.town.office == "総務課" and "since" not in (await live.get("/office")).json
