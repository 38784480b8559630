"""docs/security.md: what it says is shown is there, and its examples are read as they stand."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

from base.access.issuers import Issuer, read
from broker.settings import BrokerSettings

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

ASVS = re.findall(r"(?m)^\| (\d+\.\d+\.\d+) \|([^|]+)\|([^|]+)\|([^|]+)\|$", TEXT)
REQUIRED = {
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
}  # fmt: skip
"""How many requirements of levels 1 and 2 each section of V6 to V8 has; they come first in each."""


def test_names_tests_that_there_are() -> None:
    named = set(re.findall(r"`([a-z]+/test_\w+\.py)`", TEXT))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).is_file()] == []


def test_has_a_row_for_each_of_the_ten_risks() -> None:
    rows = re.findall(r"(?m)^\| API(\d+) [^|]+\|([^|]+)\|([^|]+)\|$", TEXT)
    assert [int(number) for number, _, _ in rows] == list(range(1, 11))
    assert all(done.strip() and "test_" in shown for _, done, shown in rows)


def test_has_a_row_for_each_requirement_on_logins_sessions_and_access() -> None:
    """Levels 1 and 2 of ASVS 5.0.0, V6 to V8; those of other chapters come on top."""
    numbers = [number for number, *_ in ASVS]
    assert len(numbers) == len(set(numbers))
    wanted = [f"{section}.{one}" for section, count in REQUIRED.items() for one in range(1, count + 1)]
    assert [number for number in numbers if number[0] in "678"] == wanted
    assert all(demanded.strip() and done.strip() for _, demanded, done, _ in ASVS)


def test_each_such_row_names_a_test_or_says_why_there_is_none() -> None:
    missing = []
    for number, _, done, shown in ASVS:
        named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", shown)
        excused = re.search(r"not here|deviates|Described|there are none|the system's", done)
        assert named or (shown.strip() == "–" and (excused or number.startswith("6.2."))), number
        for path, name in named:
            file = ROOT / "tests" / ("" if path.startswith("oidc/") else "personal") / path
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            if not text or (name and not re.search(rf"(?m)^(?:async )?def {name}\(|^{name} =", text)):
                missing.append((number, path, name))
    assert missing == []


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
