"""A kind of item in words, for whoever decides on it: what each member is, its choices, what has to be there."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from personal.pages.values import YES_NO, Row
from personal.staff.item_forms import kind_of

Say = Callable[..., str]
_OTHERWISE: Final = {"string": "text", "integer": "whole", "number": "number", "boolean": "yes-no"}


def rows_of_item(schema: Mapping[str, Any], say: Say, language: str) -> tuple[Row, ...]:
    """Give what the description of an item says, with names and values in words."""
    basis, label = schema["x-basis"], schema["x-label"]
    care = schema["x-class"] == "special-care"
    return (
        Row(say("item_code"), schema["title"]),
        Row(say("name_of_it"), f"{label['ja']} / {label['en']}"),
        Row(say("item_class"), say("special_care" if care else "class_ordinary")),
        Row(say("identifying"), YES_NO[schema["x-identifying"]][language]),
        Row(say("basis"), say("by_consent") if basis == "consent" else basis.removeprefix("law:")),
        Row(say("version_word"), str(schema["x-schema-version"])),
        Row(say("item_members"), rows=tuple(_members(schema, say, language))),
    )


def _members(form: Mapping[str, Any], say: Say, language: str) -> Iterator[Row]:
    for name, member in form.get("properties", {}).items():
        label = f"{member['x-label'][language]} ({name})"
        inner = member.get("items", member)
        needed = [say("need_required")] if name in form.get("required", ()) else []
        if "properties" in inner:
            yield Row(label, rows=tuple(_members(inner, say, language)))
        else:
            yield Row(label, " · ".join([*_looks(member, say, language), *needed]))


def _looks(member: Mapping[str, Any], say: Say, language: str) -> Iterator[str]:
    """Say how what stands in a member may look."""
    several = member.get("type") == "array"
    inner = member["items"] if several else member
    kind = kind_of(member) or ("lines" if several else _OTHERWISE[inner.get("type", "string")])
    yield say(f"member_{kind}")
    if "enum" in inner:
        told = inner.get("x-values", {})
        yield "、".join(told.get(code, {}).get(language, code) for code in inner["enum"])
    if "maxLength" in inner:
        yield say("up_to_signs", n=inner["maxLength"])
