"""The form in which staff describe a flat kind of item: its members, the JSON Schema it makes, and the way back."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from base.errors import BadRequestData

ABOUT: Final = ("title", "ja", "en", "class", "identifying", "by", "law")
OF_MEMBER: Final = ("name", "ja", "en", "kind", "required", "values")
KINDS: Final = ("text", "long", "date", "whole", "number", "yes-no", "choice", "lines")
MOST: Final = 50
Typed = Mapping[str, str]
BLANK: Final[Typed] = dict.fromkeys(OF_MEMBER, "")
_CHOICE: Final = "choice"
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


def form_of(schema: Mapping[str, Any]) -> dict[str, str] | None:
    """Give what is typed in to make the schema of an item; None if the form cannot make it."""
    law = schema["x-basis"].removeprefix("law:") if schema["x-basis"] != "consent" else ""
    form = {
        "title": schema["title"],
        **schema["x-label"],
        "class": schema["x-class"],
        "identifying": "yes" if schema["x-identifying"] else "",
        "by": "law" if law else "consent",
        "law": law,
    }
    for number, (name, inner) in enumerate(schema["properties"].items()):
        row = {"name": name, **inner["x-label"], "kind": kind_of(inner), "values": _lines(inner)}
        row["required"] = "yes" if name in schema.get("required", ()) else ""
        form |= {f"m.{number}.{field}": text for field, text in row.items()}
    try:
        made = schema_of(form, schema["x-schema-version"])
    except BadRequestData:
        return None
    return form if made == {"$schema": _SCHEMA, "required": [], **schema} else None


def alike(kind: str) -> tuple[str, ...]:
    """Name the kinds that a member of one kind may become: those of the same type in JSON."""
    types = {name: form["type"] for name, form in _FORMS.items()} | {_CHOICE: "string"}
    return tuple(name for name in KINDS if types[name] == types[kind])


def schema_of(form: Typed, version: int = 1) -> dict[str, Any]:
    """Make the JSON Schema of an item from what was typed in."""
    told = {name: form.get(name, "").strip() for name in ABOUT}
    rows = [(f"m.{number}", row) for number, row in enumerate(members(form)) if row["name"]]
    return {
        "$schema": _SCHEMA,
        "title": told["title"],
        "x-label": {"ja": told["ja"], "en": told["en"]},
        "x-class": told["class"],
        "x-identifying": told["identifying"] == "yes",
        "x-basis": f"law:{told['law']}" if told["by"] == "law" else "consent",
        "x-schema-version": version,
        "type": "object",
        "properties": {row["name"]: _member(at, row) for at, row in rows},
        "required": [row["name"] for _, row in rows if row["required"]],
        "additionalProperties": False,
    }


def kind_of(member: Mapping[str, Any]) -> str:
    """Say by which kind of field a member was made; empty if by none."""
    told = {name: value for name, value in member.items() if name != "x-label"}
    return _CHOICE if "enum" in told else next((name for name, form in _FORMS.items() if form == told), "")


def _lines(member: Mapping[str, Any]) -> str:
    told = member.get("x-values", {})
    return "\n".join(f"{code} = {told[code]['ja']} = {told[code]['en']}" for code in member.get("enum", ()))


def _member(at: str, row: Typed) -> dict[str, Any]:
    """Make a member; at: where its row stands in the form."""
    label = {"x-label": {"ja": row["ja"], "en": row["en"]}}
    if row["kind"] == _CHOICE:
        values = dict(_values(f"{at}.values", row["values"]))
        return {"type": "string", "enum": list(values), "x-values": values, **label}
    if row["kind"] not in _FORMS:
        kind = f"{at}.kind"
        raise BadRequestData(f"{kind}: choose the kind of this member.")
    return {**_FORMS[row["kind"]], **label}


def _values(field: str, text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Read lines "value = in Japanese = in English"."""
    for line in text.splitlines():
        if not line.strip():
            continue
        code, ja, en = (*(part.strip() for part in line.split("=")), "", "")[:3]
        if not code or not ja or not en:
            raise BadRequestData(f"{field}: each choice is a line such as: yes = はい = Yes")
        yield code, {"ja": ja, "en": en}


def _rows(form: Typed) -> Iterator[int]:
    number = 0
    while number < MOST and f"m.{number}.name" in form:
        yield number
        number += 1
