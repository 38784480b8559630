"""Which pages there are: every template a page is made from, and what docs/accessibility.md says of it."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "accessibility.md"
FOLDERS = {
    "pages": ROOT / "personal" / "pages" / "templates",
    "portal": ROOT / "personal" / "portal" / "templates",
    "staff": ROOT / "personal" / "staff" / "templates",
    "provider": ROOT / "personal" / "provider" / "templates",
    "desk": ROOT / "adapters" / "desk" / "pages" / "templates",
}
WALK, LIST = "walk", "list"
"""By which tests pages are looked at: the walk over all parts, the list of what is left."""
_ROW = re.compile(r"^\| `([a-z]+)/([a-z_]+\.html)` \| ([^|]*) \| ([a-z]+) \| ([^|]*) \|$")


@dataclass(frozen=True)
class Row:
    """A page in docs/accessibility.md: what it is, which test looks at it, what was seen by eye."""

    part: str
    template: str
    what: str
    by: str
    eye: str


def there() -> set[tuple[str, str]]:
    """Name the templates that pages are made from (part, file); those that others only stand on are none."""
    found = set()
    for part, folder in FOLDERS.items():
        texts = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}
        for name, text in texts.items():
            if re.search(r"{% (extends|block)", text) and not _base(name):
                found.add((part, name))
    return found


def _base(name: str) -> bool:
    """Say whether another template extends this one."""
    return any(
        f'{{% extends "{name}" %}}' in path.read_text(encoding="utf-8")
        for folder in FOLDERS.values()
        for path in folder.glob("*.html")
    )


def rows() -> list[Row]:
    """Read the table of docs/accessibility.md."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [Row(*found.groups()) for line in lines if (found := _ROW.match(line))]


def looked_at_by(test: str) -> set[str]:
    """Name the templates that a test has to look at."""
    return {row.template for row in rows() if row.by == test}
