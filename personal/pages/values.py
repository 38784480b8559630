"""An item's value in the words of its schema, and the fields of a form for it, lists and groups of members too."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from base.errors import BadRequestData

BLANK: Final = 2
"""Rows of a list that are there to be filled in."""
MOST_ROWS: Final = 200
LONG: Final = 200
"""From how many signs on a text has several lines."""
YES_NO: Final = {True: {"ja": "はい", "en": "Yes"}, False: {"ja": "いいえ", "en": "No"}}
PREFIX: Final = "item"


@dataclass(frozen=True, slots=True)
class Row:
    """A member of a value: its label, and its text, or the members within it."""

    label: str
    text: str = ""
    rows: tuple["Row", ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form: text, long, date, email, number, whole, choice or checks (options: value, label), or several.

    kind lines: a text of one entry per line; group: the members of an object; rows: a list of objects, each a row.
    """

    name: str
    label: str
    kind: str
    value: str = ""
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple["Field", ...], ...] = ()


def rows(schema: Mapping[str, Any], value: Any, language: str) -> tuple[Row, ...]:
    """Give the members of an object in the order of its schema."""
    known = schema.get("properties", {})
    return tuple(_row(known[name], value[name], language) for name in known if name in value)


def fields(
    schema: Mapping[str, Any], value: Mapping[str, Any], language: str, typed: Mapping[str, str] | None = None
) -> tuple[Field, ...]:
    """Give the fields of a form for an item, with room in lists for what was typed in; none if it fits no form."""
    if _too_deep(schema):
        return ()
    return _Form(language, typed or {}).members(schema, value, PREFIX, asked=True)


def read(schema: Mapping[str, Any], form: Mapping[str, str]) -> dict[str, Any]:
    """Build an item's value from the fields of a form; empty ones are left out."""
    return _read_members(schema, form, PREFIX)


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


@dataclass(frozen=True, slots=True)
class _Form:
    """Makes fields in a language; typed: what a form before held."""

    language: str
    typed: Mapping[str, str]

    def members(
        self, schema: Mapping[str, Any], value: Mapping[str, Any], path: str, *, asked: bool
    ) -> tuple[Field, ...]:
        """Give the fields of an object's members; asked: those that are required have to be filled in."""
        wanted = schema.get("required", ()) if asked else ()
        return tuple(
            self._field(one, value.get(name), f"{path}.{name}", required=name in wanted)
            for name, one in schema.get("properties", {}).items()
        )

    def _field(self, schema: Mapping[str, Any], value: Any, name: str, *, required: bool) -> Field:
        label = _label(schema, self.language, name.rpartition(".")[2])
        kind = _kind(schema)
        if kind == "group":
            inner = self.members(schema, value or {}, name, asked=required)
            return Field(name, label, kind, rows=(inner,))
        if kind == "rows":
            return Field(name, label, kind, rows=self._rows(schema["items"], value or [], name))
        if kind == "checks":
            chosen = " ".join(map(str, value or ()))
            return Field(name, label, kind, chosen, options=self._options(schema["items"]))
        if kind == "lines":
            return Field(name, label, kind, "\n".join(map(str, value or ())))
        if kind == "choice":
            shown = str(value).lower() if isinstance(value, bool) else str(value or "")
            return Field(name, label, kind, shown, required, self._options(schema))
        return Field(name, label, kind, "" if value is None else str(value), required)

    def _rows(self, schema: Mapping[str, Any], value: list[Any], name: str) -> tuple[tuple[Field, ...], ...]:
        count = min(max(len(value), _filled(self.typed, name)) + BLANK, MOST_ROWS)
        padded = [*value, *({} for _ in range(count - len(value)))]
        return tuple(
            self.members(schema, one, f"{name}.{number}", asked=number < len(value))
            for number, one in enumerate(padded)
        )

    def _options(self, schema: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        if schema.get("type") == "boolean":
            return tuple((str(one).lower(), YES_NO[one][self.language]) for one in (True, False))
        return tuple((str(one), _word(schema, one, self.language)) for one in schema["enum"])


def _kind(schema: Mapping[str, Any]) -> str:
    """Say what kind of field a member needs."""
    kind = schema.get("type")
    if "enum" in schema or kind == "boolean":
        return "choice"
    if kind == "object":
        return "group"
    if kind == "array":
        inner = schema["items"]
        return "rows" if inner.get("type") == "object" else "checks" if "enum" in inner else "lines"
    if kind == "string":
        return str(schema.get("format", "long" if schema.get("maxLength", 0) > LONG else "text"))
    return "whole" if kind == "integer" else "number"


def _too_deep(schema: Mapping[str, Any]) -> bool:
    """Say whether there are lists of lists, which no form shows."""
    inner = schema.get("items", {})
    return inner.get("type") == "array" or any(
        _too_deep(one) for one in (inner, *schema.get("properties", {}).values()) if one
    )


def _filled(form: Mapping[str, str], path: str) -> int:
    """Count the rows of a list that a form holds, up to the last one that is not empty."""
    last = 0
    for name, text in form.items():
        number = name.removeprefix(path + ".").partition(".")[0] if name.startswith(path + ".") else ""
        if text.strip() and number.isascii() and number.isdigit() and len(number) < 4:
            last = max(last, int(number) + 1)
    return min(last, MOST_ROWS)


def _read_members(schema: Mapping[str, Any], form: Mapping[str, str], path: str) -> dict[str, Any]:
    wanted = schema.get("required", ())
    found = {name: _read(one, form, f"{path}.{name}") for name, one in schema.get("properties", {}).items()}
    return {
        name: value
        for name, value in found.items()
        if value is not None and (value not in ([], {}) or (value == [] and name in wanted))
    }


def _read(schema: Mapping[str, Any], form: Mapping[str, str], path: str) -> Any:
    """Read what a form holds for a member; None if nothing."""
    kind, text = _kind(schema), form.get(path, "").strip()
    if kind == "group":
        return _read_members(schema, form, path)
    if kind == "rows":
        every = (_read_members(schema["items"], form, f"{path}.{n}") for n in range(_filled(form, path)))
        return [one for one in every if one]
    if kind == "checks":
        return text.split()
    if kind == "lines":
        return [_single(schema["items"], line.strip(), path) for line in text.splitlines() if line.strip()]
    return _single(schema, text.replace("\r\n", "\n"), path) if text else None


def _single(schema: Mapping[str, Any], text: str, path: str) -> Any:
    kind, where = schema.get("type"), path.removeprefix(f"{PREFIX}.").replace(".", "/")
    if kind == "boolean":
        return text == "true"
    if kind == "integer":
        if not text.isascii() or not text.lstrip("-").isdigit() or len(text) > 15:
            raise BadRequestData(f"{where} must be a whole number.")
        return int(text)
    if kind == "number":
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise BadRequestData(f"{where} must be a number.")
        return int(number) if number.is_integer() else number
    return text
