"""The README's commands work as printed: the same lines, on a free port."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house.started import Up, up

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS, LINES, WALK, *_ = re.findall(r"(?ms)^```sh\n(.*?)^```", README)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("readme"), "--demo") as running:
        yield running


@pytest.fixture(scope="module")
def answers(city: Up) -> list[str]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    setting, *lines = LINES.replace("127.0.0.1:1026", f"127.0.0.1:{city.port}").splitlines()
    assert len(lines) == 6 and all(line.startswith("curl ") for line in lines)
    script = "\n".join([setting, *(f"{line} -w '\\n%{{http_code}}\\n'; echo ---" for line in lines)])
    done = subprocess.run(
        ["bash", "-eu", "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout.split("---\n")[:-1]


def test_names_targets_that_make_knows() -> None:
    targets = re.findall(r"(?m)^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert [line.removeprefix("make ") in targets for line in COMMANDS.splitlines()] == [True, True]


def test_every_line_succeeds(answers: list[str]) -> None:
    assert [a.splitlines()[-1] for a in answers] == ["200", "200", "200", "201", "204", "200"]


def test_the_types_of_the_city_are_listed(answers: list[str]) -> None:
    assert {"EvacuationShelter", "EvacuationSite"} <= set(json.loads(answers[0].splitlines()[0])["typeList"])


def test_open_shelters_and_near_sites_are_found(answers: list[str]) -> None:
    shelters, sites = (json.loads(answer.splitlines()[0]) for answer in answers[1:3])
    assert shelters and all(shelter["openingStatus"] == "open" for shelter in shelters)
    assert sites and all("name" in site for site in sites)


def test_the_change_is_seen(answers: list[str]) -> None:
    assert json.loads(answers[5].splitlines()[0])["evacueeTotal"] == 120


@pytest.fixture(scope="module")
def walk(city: Up) -> list[Any]:
    """Give what the lines of the walk print, in their order."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    lines = WALK.replace("http://127.0.0.1:8026", city.personal).replace("var/demo", str(city.data / "demo"))
    engawa = f"{sys.executable} -m engawa service token --url {city.personal}"
    lines = lines.replace(".venv/bin/engawa service token", engawa)
    told = [f"{line}; echo" if line.startswith("curl ") else line for line in lines.splitlines()]
    done = subprocess.run(
        ["bash", "-eu", "-c", "\n".join(told)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT,
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def test_the_walk_has_ten_lines_at_most() -> None:
    assert len(WALK.splitlines()) <= 10


def test_the_service_gets_after_consent_what_was_agreed_to_and_nothing_before(walk: list[Any]) -> None:
    before, agreed, after, accesses = walk
    assert before["items"] == {} and {one["item"] for one in before["withheld"]} == {
        "basic-four",
        "allergies",
    }
    assert all(one["reason"] for one in before["withheld"])
    assert agreed["receipt"]
    assert after["items"].keys() == {"basic-four"}
    assert [one["item"] for one in after["withheld"]] == ["allergies"]
    assert any(one.get("service") == "shelter" for one in accesses["accesses"])


def test_fits_on_a_screen_or_two() -> None:
    for name in ("README.md", "README.ja.md"):
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) < 80
