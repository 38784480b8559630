"""`engawa load shelters` as a person or a script meets it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from engawa.command import cli
from tests.access.secure import secure_broker
from tests.live import Live


async def run(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return await asyncio.to_thread(CliRunner().invoke, cli, words)


async def test_loads_and_prints_a_summary_for_people(live: Live, tmp_path: Path, files: Path) -> None:
    rejects = tmp_path / "rejected.csv"
    result = await run(
        "load",
        "shelters",
        files / "sites.csv",
        files / "shelters.csv",
        "--broker",
        live.url,
        "--rejects",
        rejects,
    )
    assert result.exit_code == 0, result.output
    assert "sites.csv line 9: latitude 134.706 and longitude 35.406 are swapped" in result.output
    assert "'○' in 洪水 was read as 1 (yes)" in result.output
    assert "8 entities" in result.output
    assert rejects.exists()


async def test_prints_json_for_machines(live: Live, tmp_path: Path, files: Path) -> None:
    arguments: list[Any] = [
        "load",
        "shelters",
        files / "shelters.csv",
        "--broker",
        live.url,
        "--tenant",
        "t1",
        "--json",
    ]
    result = await run(*arguments, "--rejects", tmp_path / "none.csv")
    summary = json.loads(result.stdout)
    assert (summary["read"], summary["new"], summary["rejects"]) == (2, 2, None)
    assert summary["files"][0]["form"] == "国土地理院 指定避難所"
    assert not (tmp_path / "none.csv").exists()


async def test_exit_codes_tell_usage_from_failure_from_nobody_there(tmp_path: Path, files: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    assert (await run("load", "shelters")).exit_code == 2
    assert (await run("load", "shelters", tmp_path / "missing.csv")).exit_code == 2
    unknown = await run("load", "shelters", other, "--broker", "http://127.0.0.1:9")
    assert unknown.exit_code == 1 and "none of the lists known" in unknown.output
    nobody = await run("load", "shelters", files / "shelters.csv", "--broker", "http://127.0.0.1:9")
    assert nobody.exit_code == 3 and "Is it running" in nobody.output


async def test_says_how_to_trust_a_broker_whose_authority_is_unknown(tmp_path: Path, files: Path) -> None:
    async with secure_broker(tmp_path) as secure:
        result = await run("load", "shelters", files / "shelters.csv", "--broker", secure.url)
    assert result.exit_code == 3 and "is refused" in result.output and "SSL_CERT_FILE" in result.output


async def test_help_has_an_example() -> None:
    for words in (["load", "--help"], ["load", "shelters", "--help"]):
        result = await run(*words)
        assert "Example:" in result.output and "engawa load shelters" in result.output
