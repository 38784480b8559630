"""Residents from files, by the command: line by line, again without doubling, refusals by line and rule. (issue 5)"""

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from engawa.command import cli
from tests.personal.live import Live
from tests.personal.people.test_protected import protect
from tests.personal.people.test_registering import at_counter, search

HEADER = "municipalId,name,nameKana,birthDate,sex,address,login,cardIssuer,cardSerial,state\n"
HANAKO = "1001,養父 花子,ヤブ ハナコ,1990-04-01,female,養父市八鹿町1,hanako,J-LIS,0001,\n"
TARO = "1002,養父 太郎,ヤブ タロウ,1988-01-31,male,養父市八鹿町1,,,,moved\n"


async def run(live: Live, *words: str) -> Result:
    data = str(live.module.settings.data)
    return await asyncio.to_thread(
        CliRunner().invoke,
        cli,
        [*words, "--data", data],
        prog_name="engawa",
        env={"ENGAWA_CONFIG": None, "NO_COLOR": "1"},
    )


async def load(live: Live, file: Path, content: str | bytes, *words: str) -> dict[str, Any]:
    await asyncio.to_thread(file.write_bytes, content.encode() if isinstance(content, str) else content)
    done = await run(live, "residents", "import", str(file), "--json", *words)
    assert done.stdout.startswith("{"), done.output
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (1 if told["refused"] else 0)
    return told


def counts(told: dict[str, Any]) -> list[int]:
    return [told[name] for name in ("created", "changed", "unchanged", "refused")]


async def basic(live: Live, handle: str) -> Any:
    reply = await live.post(
        "/records/read", {"resident": handle, "item": "basic-four"}, by=await live.staff("counter")
    )
    return reply.json["value"]


async def test_a_file_is_taken_over_and_again_nothing_happens(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "residents.csv"
    assert counts(await load(live, file, HEADER + HANAKO + TARO)) == [2, 0, 0, 0]
    assert counts(await load(live, file, HEADER + HANAKO + TARO)) == [0, 0, 2, 0]
    (hanako,) = await search(live, nameKana="ヤブハナコ")
    assert await search(live, municipalId="1001") == [hanako]
    assert await search(live, card={"issuer": "J-LIS", "serial": "0001"}) == [hanako]
    assert (await basic(live, hanako))["name"] == "養父 花子"
    (taro,) = await search(live, birthDate="1988-01-31")
    assert (await at_counter(live, "read", resident=taro)).json["state"] == "moved"
    assert await live.resident("hanako")


async def test_what_changed_in_the_file_changes_here(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "residents.csv"
    await load(live, file, HEADER + HANAKO + TARO)
    married = HANAKO.replace("養父 花子,ヤブ ハナコ", "朝来 花子,アサゴ ハナコ").replace("0001", "0002")
    died = TARO.replace("moved", "dead")
    assert counts(await load(live, file, HEADER + married + died)) == [0, 2, 0, 0]
    assert counts(await load(live, file, HEADER + married + died)) == [0, 0, 2, 0]
    assert await search(live, nameKana="ヤブハナコ") == []
    (hanako,) = await search(live, nameKana="アサゴハナコ")
    assert (await basic(live, hanako))["name"] == "朝来 花子"
    for serial in ("0001", "0002"):
        assert await search(live, card={"issuer": "J-LIS", "serial": serial}) == [hanako]
    (taro,) = await search(live, municipalId="1002")
    assert (await at_counter(live, "read", resident=taro)).json["state"] == "dead"


async def test_refusals_name_line_and_rule_and_never_the_value(
    live: Live, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = [
        {"municipalId": "2001", "nameKana": "ヒミツ タロウ", "birthDate": "1990-02-31"},
        {"municipalId": "2002", "nameKana": "ヒミツ ジロウ", "birthDate": "1990-02-01"},
        {"municipalId": "2003", "nameKana": "秘密 三郎", "birthDate": "1990-02-01"},
        {"nameKana": "ヒミツ シロウ", "birthDate": "1990-02-01"},
        {"municipalId": "2005", "nameKana": "ヒミツ", "birthDate": "1990-02-01", "秘密": "x"},
        {"municipalId": "2006", "nameKana": "ヒミツ", "birthDate": "1990-02-01", "items": {"himitsu": {}}},
        {"municipalId": "2007", "nameKana": "ヒミツ", "birthDate": "1990-02-01", "items": {"秘密": {}}},
        {
            "municipalId": "2008",
            "nameKana": "ヒミツ",
            "birthDate": "1990-02-01",
            "items": {"contact": {"phones": [{"number": "秘密"}]}},
        },
        {"municipalId": "2009", "nameKana": "ヒミツ", "birthDate": "1990-02-01", "login": "first"},
        {"municipalId": "2010", "nameKana": "ヒミツ", "birthDate": "1990-02-01", "login": "first"},
        ["秘密"],
    ]
    content = b"\n".join([*map(orjson.dumps, lines), "{秘密".encode()])
    told = await load(live, tmp_path / "residents.jsonl", content)
    assert [row["line"] for row in told["refusals"]][:1] == [1]
    assert counts(told) == [2, 0, 0, 10]
    output = json.dumps(told, ensure_ascii=False) + "".join(capfd.readouterr())
    for secret in ("ヒミツ", "秘密", "himitsu", "1990-02", "200"):
        assert secret not in output
    assert told["refusals"][0]["rule"] == "birthDate breaks the rule format: date."
    # all or nothing: of a refused line nothing is there
    assert len(await search(live, birthDate="1990-02-01")) == 2


async def test_a_first_line_that_names_no_columns_is_not_shown(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "residents.csv"
    await asyncio.to_thread(file.write_text, HANAKO)
    done = await run(live, "residents", "import", str(file))
    assert done.exit_code == 1
    assert "Column 1" in done.output
    assert "花子" not in done.output
    assert "1001" not in done.output


async def test_files_in_the_encoding_of_offices_are_read(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "residents.csv"
    await asyncio.to_thread(file.write_bytes, (HEADER + HANAKO).encode("cp932"))
    wrong = await run(live, "residents", "import", str(file))
    assert wrong.exit_code == 1
    assert "--encoding" in wrong.output
    assert counts(await load(live, file, (HEADER + HANAKO).encode("cp932"), "--encoding", "cp932")) == [
        1,
        0,
        0,
        0,
    ]
    with_bom = b"\xef\xbb\xbf" + (HEADER + HANAKO).replace("\n", "\r\n").encode()
    assert counts(await load(live, file, with_bom)) == [0, 0, 1, 0]


async def test_lines_with_too_few_fields_are_refused(live: Live, tmp_path: Path) -> None:
    told = await load(live, tmp_path / "residents.csv", HEADER + "1001,養父\n" + HANAKO)
    assert counts(told) == [1, 0, 0, 1]
    assert told["refusals"] == [{"line": 2, "rule": "the body must be of type object."}]


async def test_a_resident_twice_in_a_file_is_one(live: Live, tmp_path: Path) -> None:
    told = await load(live, tmp_path / "residents.csv", HEADER + HANAKO * 5)
    assert counts(told) == [1, 0, 4, 0]


async def test_protected_residents_are_brought_up_to_date_and_stay_hidden(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "residents.csv"
    await load(live, file, HEADER + HANAKO)
    await protect(live, nameKana="ヤブハナコ")
    assert counts(await load(live, file, HEADER + HANAKO.replace("花子", "華子"))) == [0, 1, 0, 0]
    assert await search(live, municipalId="1001") == []
    assert len(await search(live, by="protection", municipalId="1001")) == 1


async def test_a_merged_double_stays_merged(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "residents.csv"
    twin = HANAKO.replace("1001", "1009").replace("hanako,J-LIS,0001", ",,")
    await load(live, file, HEADER + HANAKO + twin)
    first, second = await search(live, nameKana="ヤブハナコ")
    assert (await at_counter(live, "merge", resident=first, double=second)).status == 200
    assert counts(await load(live, file, HEADER + HANAKO + twin)) == [0, 0, 2, 0]
    assert await search(live, nameKana="ヤブハナコ") == [first]


async def test_the_first_administrator_is_added_at_the_machine(live: Live) -> None:
    added = await run(live, "staff", "add", "root", "--name", "初代", "--role", "admin")
    assert added.exit_code == 0, added.output
    token = await live.staff("root")
    listed = await run(live, "staff", "list", "--json")
    assert "root" in {row["login"] for row in json.loads(listed.stdout)}
    assert (await run(live, "staff", "add", "root", "--name", "x", "--role", "admin")).exit_code == 1
    await run(live, "staff", "add", "kato", "--name", "加藤", "--role", "counter")
    assert "privacy" in (await run(live, "staff", "roles", "kato", "--role", "privacy")).output
    assert (await run(live, "staff", "roles", "nobody", "--role", "privacy")).exit_code == 1
    assert (await run(live, "staff", "remove", "root")).exit_code == 0
    assert (await live.get("/session", by=token)).status == 401
