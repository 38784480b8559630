"""The form in which staff describe a flat kind of item: its members, and the JSON Schema it makes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from base.errors import BadRequestData

ABOUT: Final = ("title", "ja", "en", "class", "identifying", "by", "law", "version")
OF_MEMBER: Final = ("name", "ja", "en", "kind", "required", "values")
KINDS: Final = ("text", "long", "date", "whole", "number", "yes-no", "choice", "lines")
MOST: Final = 50
Typed = Mapping[str, str]
BLANK: Final[Typed] = dict.fromkeys(OF_MEMBER, "")
_VERSION: Final = "version"
_SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
_FORMS: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"type": "string", "maxLength": 200},
    "long": {"type": "string", "maxLength": 4_000},
    "date": {"type": "string", "format": "date"},
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "yes-no": {"type": "boolean"},
    "lines": {"type": "array", "maxItems": 50, "items": {"type": "string", "maxLength": 200}},
}


def members(form: Typed) -> list[Typed]:
    """Read the rows that were typed in."""
    return [{name: form.get(f"m.{n}.{name}", "").strip() for name in OF_MEMBER} for n in _rows(form)]


def schema_of(form: Typed) -> dict[str, Any]:
    """Make the JSON Schema of an item from what was typed in."""
    told = {name: form.get(name, "").strip() for name in ABOUT}
    rows = [row for row in members(form) if row["name"]]
    version = told["version"] or "1"
    if not version.isascii() or not version.isdigit() or len(version) > 6:
        raise BadRequestData(f"{_VERSION} must be a whole number.")
    return {
        "$schema": _SCHEMA,
        "title": told["title"],
        "x-label": {"ja": told["ja"], "en": told["en"]},
        "x-class": told["class"],
        "x-identifying": told["identifying"] == "yes",
        "x-basis": f"law:{told['law']}" if told["by"] == "law" else "consent",
        "x-schema-version": int(version),
        "type": "object",
        "properties": {row["name"]: _member(row) for row in rows},
        "required": [row["name"] for row in rows if row["required"]],
        "additionalProperties": False,
    }


def _member(row: Typed) -> dict[str, Any]:
    label = {"x-label": {"ja": row["ja"], "en": row["en"]}}
    if row["kind"] == "choice":
        values = dict(_values(row["values"]))
        return {"type": "string", "enum": list(values), "x-values": values, **label}
    if row["kind"] not in _FORMS:
        raise BadRequestData("Choose a kind for each member.")
    return {**_FORMS[row["kind"]], **label}


def _values(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Read lines "value = in Japanese = in English"."""
    for line in text.splitlines():
        if not line.strip():
            continue
        code, ja, en = (*(part.strip() for part in line.split("=")), "", "")[:3]
        if not code or not ja or not en:
            raise BadRequestData("Each choice is a line such as: yes = はい = Yes")
        yield code, {"ja": ja, "en": en}


def _rows(form: Typed) -> Iterator[int]:
    number = 0
    while number < MOST and f"m.{number}.name" in form:
        yield number
        number += 1
