"""The items of personal data: built-in ones from files here, further ones as a city describes them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import re2
from jsonschema import Draft202012Validator

from base import forms
from base.errors import BadRequestData
from schemas.core_contexts import CORE_URL

FOLDER: Final = Path(__file__).parent
CONSENT: Final = "consent"
PERSON: Final = "Person"
VOCABULARY: Final = "https://engawa.example/ns/personal/"


class ItemClass(StrEnum):
    """Whether an item is care-requiring personal information (要配慮個人情報). (個人情報保護法 2条3項)"""

    ORDINARY = "ordinary"
    SPECIAL_CARE = "special-care"


@dataclass(frozen=True, slots=True)
class Item:
    """A kind of residents' data.

    identifying: tells by itself who somebody is; basis: 'consent', or 'law:' and the law by which it is shared.
    """

    code: str
    version: int
    label: Mapping[str, str]
    item_class: ItemClass
    identifying: bool
    basis: str
    schema: Mapping[str, Any]
    validator: Draft202012Validator = field(repr=False, compare=False)

    @property
    def by_law(self) -> bool:
        """Say whether the item rests on a law, so that no resident can withdraw it."""
        return self.basis != CONSENT

    def fault(self, value: Any) -> str | None:
        """Tell by names and rules what is wrong with a value; None if it is right."""
        return forms.fault(self.validator, value)

    def check(self, value: Any) -> None:
        """Refuse a value that is not as the item's schema wants it."""
        fault = self.fault(value)
        if fault is not None:
            raise BadRequestData(f"The item {self.code} is not as its schema wants it: {fault}")


@cache
def items() -> Mapping[str, Item]:
    """Give the built-in items by their codes."""
    return MappingProxyType({item.code: item for item in map(read_file, sorted(FOLDER.glob("items/*.json")))})


def item(code: str) -> Item:
    """Give a built-in item; KeyError if there is none."""
    return items()[code]


def read_file(path: Path) -> Item:
    """Read the description of an item from a file; BadRequestData says what is wrong with it."""
    return read(json.loads(path.read_text(encoding="utf-8")))


@lru_cache(256)
def read_text(text: str) -> Item:
    """Read the description of an item from JSON that does not change."""
    return read(json.loads(text))


def read(document: Any) -> Item:
    """Read the description of an item; BadRequestData says what is wrong with it."""
    fault = forms.fault(_meta("item"), document) or _broken_pattern(document)
    if fault is not None:
        raise BadRequestData(f"The description of an item is not as it must be: {fault}")
    return Item(
        document["title"],
        document["x-schema-version"],
        document["x-label"],
        ItemClass(document["x-class"]),
        document["x-identifying"],
        document["x-basis"],
        document,
        forms.validator(document),
    )


def members(form: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Name every member that values of a form may have, with those it lies in."""
    for name, inner in form.get("properties", {}).items():
        yield f"{path}/{name}"
        yield from members(inner, f"{path}/{name}")
    if "items" in form:
        yield from members(form["items"], f"{path}/[]")


def check_service(document: Any) -> None:
    """Refuse the description of a service that is not as schemas/personal/service.json wants it."""
    fault = forms.fault(_meta("service"), document)
    if fault is not None:
        raise BadRequestData(f"The description of the service is not as it must be: {fault}")


def schema(name: str) -> dict[str, Any]:
    """Read one of the schemas beside this file: 'item', 'service'."""
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document


@cache
def _meta(name: str) -> Draft202012Validator:
    return forms.validator(schema(name))


def _broken_pattern(form: Any) -> str | None:
    """Tell which pattern RE2 does not know, in a form that is otherwise right."""
    inner = [*form.get("properties", {}).values(), *([form["items"]] if "items" in form else [])]
    if "pattern" in form:
        try:
            forms.pattern(form["pattern"])
        except re2.error:
            return "a pattern is none that RE2 knows."
    return next((fault for fault in map(_broken_pattern, inner) if fault is not None), None)


def term(code: str) -> str:
    """Name an item as an attribute of NGSI-LD: care-needs is careNeeds. (ETSI GS CIM 009 4.6.2)"""
    first, *others = code.split("-")
    return first + "".join(part[:1].upper() + part[1:] for part in others)


def context(codes: Iterable[str]) -> list[Any]:
    """Give the @context of persons with these items; it needs nothing fetched but the core context."""
    return [
        {PERSON: VOCABULARY + PERSON, **{term(code): VOCABULARY + term(code) for code in codes}},
        CORE_URL,
    ]
