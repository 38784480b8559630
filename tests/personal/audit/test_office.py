"""Which office takes requests about personal data: written down once, named by the register. (個人情報保護法 74, 75条)"""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from base.errors import BadRequestData, ResourceNotFound
from engawa.command import cli
from personal import towns
from tests.personal.live import YABU, live_module


async def test_the_register_names_the_office_and_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "personal"
    folder.mkdir(mode=0o700)
    towns.add(folder, YABU)
    telling = ["municipalities", "describe", "yabu", "--office", "総務課", "--address", "養父市八鹿町1"]
    told = CliRunner().invoke(cli, [*telling, "--data", str(folder)])
    assert told.exit_code == 0 and "総務課" in told.output, told.output
    async with live_module(folder, towns.listed(folder)) as live:
        register = (await live.get("/reports/personal-files")).json
        assert (register["requestsTo"], register["address"]) == ("総務課", "養父市八鹿町1")
        raw = (await live.get("/reports/personal-files?format=csv")).raw.decode("utf-8-sig")
        assert {row["requestsTo"] for row in csv.DictReader(io.StringIO(raw))} == {"総務課"}


def test_a_list_of_an_older_version_is_read_and_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    row = {"id": "yabu", "name": "養父市", "code": "282227"}
    (tmp_path / towns.FILE).write_text(json.dumps({"municipalities": [row]}), encoding="utf-8")
    assert towns.listed(tmp_path) == [YABU]
    with pytest.raises(ResourceNotFound):
        towns.describe(tmp_path, "asago", "総務課", "朝来市1")
    for office in ("", " ", "a\nb", "x" * 201):
        with pytest.raises(BadRequestData):
            towns.describe(tmp_path, "yabu", office, "養父市1")
    assert towns.describe(tmp_path, "yabu", " 総務課 ", "養父市1").office == "総務課"
    assert towns.listed(tmp_path)[0].address == "養父市1"
