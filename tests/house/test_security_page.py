"""docs/security.md: what it says is shown is there, and its examples are read as they stand."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

from base.access.issuers import Issuer, read
from broker.settings import BrokerSettings

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_names_tests_that_there_are() -> None:
    named = set(re.findall(r"`([a-z]+/test_\w+\.py)`", TEXT))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).is_file()] == []


def test_has_a_row_for_each_of_the_ten_risks() -> None:
    rows = re.findall(r"(?m)^\| API(\d+) [^|]+\|([^|]+)\|([^|]+)\|$", TEXT)
    assert [int(number) for number, _, _ in rows] == list(range(1, 11))
    assert all(done.strip() and "test_" in shown for _, done, shown in rows)


def test_its_examples_can_be_used(tmp_path: Path) -> None:
    settings, issuer = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    table = tomllib.loads(settings)["broker"]
    assert set(table) <= {field.name for field in fields(BrokerSettings)}
    file = tmp_path / "issuers.toml"
    file.write_text(issuer, encoding="utf-8")
    [read_back] = read(file)
    assert read_back.name == "login"


def test_tells_of_every_member_of_an_issuer() -> None:
    assert [
        field.name for field in fields(Issuer) if not re.search(rf"(?m)^(\| `)?{field.name}\b", TEXT)
    ] == []
