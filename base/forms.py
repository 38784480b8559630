"""Checking JSON by JSON Schema: patterns that take no long time, and faults told without what stands there."""

from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import re2
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

MOST_SHOWN: Final = 80
MOST_FAULTS: Final = 20
LARGEST: Final = (1 << 63) - 1
_FORMATS: Final = FormatChecker(formats=("date", "email"))


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """Give the validator of a schema, which holds for good."""
    made: Draft202012Validator = _Linear(schema, format_checker=_FORMATS)
    return made


def fault(validator: Draft202012Validator, value: Any) -> str | None:
    """Tell the first fault of a value; None if there is none."""
    some = islice(validator.iter_errors(value), MOST_FAULTS)
    found = sorted(some, key=lambda error: list(map(str, error.absolute_path)))
    return told(found[0]) if found else None


def told(error: ValidationError) -> str:
    """Say what is wrong by the names of members and the rule, never by what stands there."""
    where = "/".join(map(str, error.absolute_path)) or "the body"
    rule: Any = error.validator_value
    match error.validator:
        case "required":
            present: Any = error.instance
            return f"{where} lacks {', '.join(name for name in rule if name not in present)}."
        case "additionalProperties" | "unevaluatedProperties":
            return f"{where} has members that do not belong there."
        case "type":
            return f"{where} must be of type {rule}."
        case "enum":
            return f"{where} must be one of {', '.join(map(str, rule))}."
        case "const":
            return f"{where} must be {rule}."
    return f"{where} breaks the rule {error.validator}: {str(rule)[:MOST_SHOWN]}."


@lru_cache(512)
def pattern(text: str) -> Any:
    """Compile a pattern of RE2, whose time grows with the text only; re2.error if it is none."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(text, options)


def _pattern(_: Any, rule: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not pattern(rule).search(value):
        yield ValidationError("does not match")


def _items(validator: Any, rule: Any, value: Any, form: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Look at each entry of a list that is not too long already; at plain words without more ado."""
    if not isinstance(value, list) or _too_long(value, form):
        return
    if not isinstance(rule, Mapping) or rule.keys() != {"type", "pattern"} or rule["type"] != "string":
        yield from _ITEMS(validator, rule, value, form)
        return
    fits = pattern(rule["pattern"]).search
    for index, one in enumerate(value):
        if not isinstance(one, str) or not fits(one):
            yield from validator.descend(one, rule, path=index)


def _unique(_: Any, rule: Any, value: Any, form: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Compare the entries of a list by their hashes: each with each would take hours of a long one."""
    if rule is not True or not isinstance(value, list) or _too_long(value, form):
        return
    if len(set(map(_key, value))) < len(value):
        yield ValidationError("has an entry twice")


def _too_long(value: list[Any], form: Mapping[str, Any]) -> bool:
    most: int = form.get("maxItems", len(value))
    return len(value) > most


def _key(value: Any) -> Hashable:
    """Give what is equal for equal values. (JSON Schema 2020-12 4.2.2)"""
    if isinstance(value, list):
        return ("list", *map(_key, value))
    if isinstance(value, dict):
        return ("object", frozenset((name, _key(one)) for name, one in value.items()))
    return (isinstance(value, bool), value)


def _whole(_: Any, value: Any) -> bool:
    """Take for an integer what databases do: 1.0 is none, nor what 64 bits do not hold."""
    return type(value) is int and -LARGEST <= value <= LARGEST


_ITEMS: Final[Any] = Draft202012Validator.VALIDATORS["items"]
_RULES: Final = {"pattern": _pattern, "items": _items, "uniqueItems": _unique}
_TYPES: Final = Draft202012Validator.TYPE_CHECKER.redefine("integer", _whole)
_Linear: Final[Any] = validators.extend(Draft202012Validator, _RULES, type_checker=_TYPES)  # type: ignore[no-untyped-call]  # has no types
