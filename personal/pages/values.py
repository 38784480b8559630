"""An item's value in the words of its schema, and the fields of a form for items whose members are plain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from base.errors import BadRequestData

PLAIN: Final = frozenset({"string", "integer", "boolean"})
YES_NO: Final = {True: {"ja": "はい", "en": "Yes"}, False: {"ja": "いいえ", "en": "No"}}


@dataclass(frozen=True, slots=True)
class Row:
    """A member of a value: its label, and its text, or the members within it."""

    label: str
    text: str = ""
    rows: tuple["Row", ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form: a text, a date, a number, or a choice if there are options (value, label)."""

    name: str
    label: str
    kind: str
    value: str
    required: bool
    options: tuple[tuple[str, str], ...] = ()


def rows(schema: Mapping[str, Any], value: Any, language: str) -> tuple[Row, ...]:
    """Give the members of an object in the order of its schema."""
    known = schema.get("properties", {})
    return tuple(_row(known[name], value[name], language) for name in known if name in value)


def fields(schema: Mapping[str, Any], value: Mapping[str, Any], language: str) -> list[Field]:
    """Give the fields of a form for an item; none if it has members that are no single words or numbers."""
    known = schema.get("properties", {})
    if not all(_plain(one) for one in known.values()):
        return []
    wanted = schema.get("required", ())
    return [_field(name, one, value.get(name), name in wanted, language) for name, one in known.items()]


def read(schema: Mapping[str, Any], form: Mapping[str, str]) -> dict[str, Any]:
    """Build an item's value from the fields of a form; empty ones are left out."""
    known = schema.get("properties", {})
    return {
        name: _read(known[name], text) for name in known if (text := form.get(f"item.{name}", "").strip())
    }


def _label(schema: Mapping[str, Any], language: str, otherwise: str = "") -> str:
    return str(schema.get("x-label", {}).get(language, otherwise))


def _row(schema: Mapping[str, Any], value: Any, language: str) -> Row:
    label = _label(schema, language)
    if isinstance(value, dict):
        return Row(label, rows=rows(schema, value, language))
    if isinstance(value, list):
        inner = schema.get("items", {})
        if any(isinstance(one, dict) for one in value):
            return Row(label, rows=tuple(_row(inner, one, language) for one in value))
        return Row(label, "、".join(_word(inner, one, language) for one in value))
    return Row(label, _word(schema, value, language))


def _word(schema: Mapping[str, Any], value: Any, language: str) -> str:
    if isinstance(value, bool):
        return YES_NO[value][language]
    return str(schema.get("x-values", {}).get(value, {}).get(language, value))


def _plain(schema: Mapping[str, Any]) -> bool:
    return "enum" in schema or schema.get("type") in PLAIN


def _field(name: str, schema: Mapping[str, Any], value: Any, required: bool, language: str) -> Field:
    label = _label(schema, language, name)
    if schema.get("type") == "boolean":
        options = tuple((str(one).lower(), YES_NO[one][language]) for one in (True, False))
        return Field(name, label, "choice", "" if value is None else str(value).lower(), required, options)
    if "enum" in schema:
        options = tuple((str(one), _word(schema, one, language)) for one in schema["enum"])
        return Field(name, label, "choice", str(value or ""), required, options)
    kind = "date" if schema.get("format") == "date" else "number" if schema["type"] == "integer" else "text"
    return Field(name, label, kind, "" if value is None else str(value), required)


def _read(schema: Mapping[str, Any], text: str) -> Any:
    if schema.get("type") == "boolean":
        return text == "true"
    if schema.get("type") == "integer":
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise BadRequestData("A number is no number.")
        return int(text)
    return text
