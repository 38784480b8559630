"""Every refusal that a page can meet is said in Japanese and in plain English: found in the source, so that none is missed."""

import ast
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import base.errors
from personal.pages.refusals import Refusals

ROOT = Path(base.errors.__file__).parents[1]
FOLDERS = (
    "operations",
    "rules",
    "locations",
    "store",
    "vault",
    "audit",
    "pages",
    "portal",
    "staff",
    "login",
    "provider",
)
FILES = (
    "api/callers.py",
    "api/inside.py",
    "api/front.py",
    "../base/database.py",
    "../schemas/personal/catalogue.py",
)
# what no page asks for: operations of services, agents and other towns; keys, back-ups and logs at the machine
APART = {
    "operations": {"agent_line", "asking", "bulk", "bundling", "disclosures", "exchange", "importing",
                   "linked_data", "storing", "tokens"},
    "rules": {"assertion", "bundles", "certificate_status", "heads", "orders", "receipts", "releases",
              "resident_lines", "signed"},
    "vault": {"backup", "escrow", "requests", "shredded", "token", "top"},
    "audit": {"checking"},
    "provider": {"clients"},
}  # fmt: skip
# texts that are finished elsewhere, or only programs meet
NOT_MET = {"{}: {}.", "The agent has to show the client certificate that is pinned here."}
OF_SCHEMAS = (
    "{} lacks {}.",
    "{} has members that do not belong there.",
    "{} must be of type {}.",
    "{} must be one of {}.",
    "{} must be {}.",
    "{} breaks the rule minLength: 1.",
    "{} breaks the rule {}: {}.",
)
WORDS = Refusals()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def problems() -> set[str]:
    """Name all classes of refusals, and the functions that finish one."""
    paths = [*(ROOT / "base").glob("*.py"), *sources()]
    classes = [
        (node.name, {one.id for one in node.bases if isinstance(one, ast.Name)})
        for path in paths
        for node in tree(path).body
        if isinstance(node, ast.ClassDef)
    ]
    found = {"Problem", "_refused"}
    while more := {name for name, bases in classes if bases & found} - found:
        found |= more
    return found


def sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / "personal" / folder).rglob("*.py")):
            if path.stem not in APART.get(folder, ()):
                yield path
    yield from (ROOT / "personal" / name for name in FILES)


def text_of(node: ast.expr) -> str | None:
    """Give the text of a literal, with {} for what is put in; None if it is made elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp):
        return (text_of(node.left) or "{}") + (text_of(node.right) or "{}")
    return None


def raised() -> dict[str, Path]:
    classes, found = problems(), {}
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                text = text_of(node.args[0]) if name in classes else None
                if text is not None:
                    found[text] = path
    return found


def test_every_refusal_is_said_in_both_languages_and_none_is_left_over() -> None:
    found = raised()
    missing = {text: path.name for text, path in found.items() if text not in {*WORDS.texts, *NOT_MET}}
    assert not missing, "say these in personal/pages/refusals.toml"
    assert not set(WORDS.texts) - set(found) - set(OF_SCHEMAS), "nobody raises these any more"


def test_what_is_put_in_fits_the_text() -> None:
    for text, told in WORDS.texts.items():
        gaps = text.count("{}")
        for language, words in told.items():
            asked = {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}
            assert language in ("ja", "en") and asked <= set(map(str, range(gaps))), text
        assert "ja" in told, text


@pytest.mark.parametrize(
    ("detail", "ja", "en"),
    [
        ("There is no such record.", "この情報は登録されていません。", "There is no such record."),
        (
            "The item basic-four is not as its schema wants it: birthDate breaks the rule format: date.",
            "基本4情報：「生年月日」を確かめてください：書き方が違います（年-月-日）",
            "Basic four facts: Look at “birth date”: it is written otherwise (year-month-day).",
        ),
        (
            "This needs one of the roles counter, protection.",
            "この操作には、次のいずれかの役割が必要です：窓口、支援措置",
            "This needs one of the roles counter, protection.",
        ),
        (
            "The item allergies is not as its schema wants it: allergies/0 lacks to.",
            "アレルギー：「原因」を入力してください（アレルギー › 1 番目）。",
            "Allergies: Fill in “cause” (allergies › no. 1).",
        ),
        ("Nobody wrote {this} down.", "Nobody wrote {this} down.", "Nobody wrote {this} down."),
    ],
)
def test_refusals_are_put_into_words(detail: str, ja: str, en: str) -> None:
    assert WORDS.said(detail, "ja") == ja
    assert WORDS.said(detail, "en").casefold() == en.casefold()


def test_refusals_that_no_schema_says_stand_beside_a_field_that_there_is() -> None:
    assert set(WORDS.fields) <= set(WORDS.texts), "nobody raises these"
    forms = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "personal").glob("*/templates/*.html")
    )
    for field in set(WORDS.fields.values()) - {"{0}"}:
        assert f"'{field}'" in forms or f'name="{field}"' in forms, field
    assert WORDS.field("keys is no JSON.") == "keys"
    assert WORDS.field("m.1.kind: choose the kind of this member.") == "m.1.kind"
    assert WORDS.field("An emergency runs for 1 to 72 hours; then it may be prolonged by two.") == "hours"


def test_the_field_that_a_schema_refuses_is_named() -> None:
    item = "The item allergies is not as its schema wants it: allergies/0/to must be one of egg, milk."
    assert WORDS.field(item) == "allergies.0.to"
    assert WORDS.field("the body lacks nameKana, birthDate.") == "nameKana"
    assert WORDS.field("There is no such record.") == ""
