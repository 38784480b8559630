"""Documents cannot rot: what the code offers stands in them, and what they point to is there."""

import re
from pathlib import Path

import pytest

from base.settings import listed
from broker.app import OPERATIONS
from engawa.command import cli
from engawa.reference import (
    PARTS,
    api_page,
    cli_page,
    commands,
    errors,
    personal_api_page,
    settings_page,
)
from personal.api.front import path_of
from personal.app import operations
from personal.operations.call import Operation
from personal.settings import PersonalSettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
STALE = "run: python -m engawa.reference"
HEADINGS = ["## Status", "## Context", "## Decision", "## Consequences"]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("section", "name"),
    [(section, s.name) for _, section, prefix, part in PARTS for s in listed(part, prefix)],
)
def test_documents_every_setting(section: str, name: str) -> None:
    _, _, rest = read(DOCS / "settings.md").partition(f": `[{section}]`")
    assert f"| `{name}`" in rest.partition("\n## ")[0], STALE


@pytest.mark.parametrize("path", [" ".join(path) for path, _ in commands(cli, ("engawa",))])
def test_documents_every_command(path: str) -> None:
    assert f"\n## {path}\n" in read(DOCS / "cli.md"), STALE


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
def test_documents_every_operation(row: object) -> None:
    assert f"| {row.method} | `{row.path}` | {row.clause} |" in read(DOCS / "api.md"), STALE  # type: ignore[attr-defined]


@pytest.mark.parametrize("row", operations(PersonalSettings(demo=True)), ids=lambda o: f"{o.method} {o.path}")
def test_documents_every_operation_about_residents(row: Operation) -> None:
    assert f"| {row.method} | `{path_of(row)}` |" in read(DOCS / "personal-api.md"), STALE


@pytest.mark.parametrize("name", [e.__name__ for e in errors()])
def test_documents_every_error(name: str) -> None:
    assert f"| `{name}` |" in read(DOCS / "api.md"), STALE


def test_the_written_pages_are_those_of_the_code() -> None:
    assert read(DOCS / "settings.md") == settings_page(), STALE
    assert read(DOCS / "cli.md") == cli_page(), STALE
    assert read(DOCS / "api.md") == api_page(), STALE
    assert read(DOCS / "personal-api.md") == personal_api_page(), STALE


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", read(page)):
        assert (page.parent / target).exists(), target


def test_records_of_decisions_have_their_four_parts_on_one_page() -> None:
    records = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    assert [int(r.name[:4]) for r in records] == list(range(1, len(records) + 1))
    index = read(DOCS / "decisions" / "README.md")
    for record in records:
        text = read(record)
        assert re.findall(r"(?m)^## .*", text) == HEADINGS and len(text.splitlines()) <= 40
        assert record.name in index


@pytest.mark.parametrize("part", ["broker", "personal"])
def test_the_architecture_names_every_package_of_a_part(part: str) -> None:
    text = read(DOCS / "architecture.md")
    packages = [p.name for p in (ROOT / part).iterdir() if (p / "__init__.py").is_file()]
    assert [p for p in packages if not re.search(rf"\b{p}\b", text)] == []


def test_the_architecture_names_only_files_that_are_there() -> None:
    named = re.findall(
        r"`((?:base|broker|personal|engawa|schemas|tests|docs|bench)/[\w./]+)`",
        read(DOCS / "architecture.md"),
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_two_readmes_are_of_one_size_and_show_the_same_commands() -> None:
    english, japanese = read(ROOT / "README.md"), read(ROOT / "README.ja.md")
    fences = re.compile(r"(?ms)^```sh\n(.*?)^```")
    assert fences.findall(english) == fences.findall(japanese)
    assert abs(len(re.findall("(?m)^## ", english)) - len(re.findall("(?m)^## ", japanese))) == 0
