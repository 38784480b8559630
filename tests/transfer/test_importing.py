"""What is taken of a file, once, again and not at all. (docs/transfer.md)"""

import json
from pathlib import Path

from tests.live import Live
from tests.transfer.harbour import TENANT, call, counters_apart, fill, state, written


async def test_importing_again_changes_nothing_and_goes_on_where_it_ended(
    live: Live, other: Live, tmp_path: Path
) -> None:
    await fill(live)
    file = tmp_path / "all.jsonl"
    await call(live, "export", str(file), "--tenant", "harbour")
    lines = file.read_text().splitlines()
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(lines[: len(lines) // 2]))
    first = await call(other, "import", str(cut), "--json")
    assert first.exit_code == 1 and json.loads(first.stdout)["complete"] is False
    for _ in range(2):
        again = await call(other, "import", str(file), "--json")
        assert again.exit_code == 0, again.output
    report = json.loads(again.stdout)
    assert report["new"] == {} and report["unchanged"]["entity"] == 6  # three of the snapshot
    assert counters_apart(await state(other)) == counters_apart(await state(live))


async def test_a_dry_run_says_what_would_be_and_does_nothing(live: Live, other: Live, tmp_path: Path) -> None:
    await fill(live)
    file = tmp_path / "all.jsonl"
    await call(live, "export", str(file), "--tenant", "harbour")
    dry = await call(other, "import", str(file), "--dry-run", "--json")
    assert dry.exit_code == 0 and not other.broker.catalogue.exists("harbour")
    wet = await call(other, "import", str(file), "--json")
    assert json.loads(dry.stdout)["new"] == json.loads(wet.stdout)["new"]
    dry = await call(other, "import", str(file), "--dry-run", "--json")
    assert json.loads(dry.stdout)["new"] == {}


async def test_refuses_a_file_of_another_form_or_version(live: Live, tmp_path: Path) -> None:
    newer = await call(live, "import", written(tmp_path, version=2))
    assert newer.exit_code == 1 and "version 2" in newer.output and "reads version 1" in newer.output
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "urn:x:1"}\n')
    assert "does not begin with the header" in (await call(live, "import", str(other))).output


async def test_lists_the_lines_it_cannot_take_and_takes_the_others(live: Live, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        {"kind": "entity", "entity": {"id": "urn:x:1", "type": "T", "a": 1}},
        {"kind": "entity", "entity": {"id": "no uri", "type": "T"}},
        {"kind": "entity", "entity": {"id": "urn:x:2", "type": "Resident"}},
        "not json",
        {"kind": "poem"},
        {"kind": "history", "id": "urn:x:1", "type": 5},
        {"kind": "instances", "id": "urn:x:1", "attributes": {"a": [{"type": "Property", "value": 1}]}},
        {"kind": "subscription", "subscription": {"id": "urn:x:3"}},
    )
    done = await call(live, "import", file, "--json")
    report = json.loads(done.stdout)
    assert done.exit_code == 1 and report["new"] == {"entity": 1}
    assert [one["line"] for one in report["rejected"]] == [3, 4, 5, 6, 7, 8, 9]
    assert "describes people" in report["rejected"][1]["reason"]


async def test_what_differs_is_kept_unless_told_otherwise(live: Live, tmp_path: Path) -> None:
    await live.post("/entities", {"id": "urn:x:1", "type": "T", "a": 1}, headers=TENANT)
    file = written(tmp_path, {"kind": "entity", "entity": {"id": "urn:x:1", "type": "T", "a": 2}})
    kept = await call(live, "import", file)
    assert kept.exit_code == 1 and "differs" in kept.output
    assert (await live.get("/entities/urn:x:1", headers=TENANT, format="simplified")).json["a"] == 1
    assert (await call(live, "import", file, "--replace")).exit_code == 0
    assert (await live.get("/entities/urn:x:1", headers=TENANT, format="simplified")).json["a"] == 2


async def test_long_lines_go_through(live: Live, tmp_path: Path) -> None:
    entity = {"id": "urn:x:1", "type": "T", "a": "x" * 3_000_000}
    assert (
        await call(live, "import", written(tmp_path, {"kind": "entity", "entity": entity}))
    ).exit_code == 0
    assert (await live.get("/entities/urn:x:1", headers=TENANT, format="simplified")).json == entity
