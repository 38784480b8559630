"""Checking JSON by JSON Schema: patterns that take no long time, and faults told without what stands there."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import re2
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

MOST_SHOWN: Final = 80
_FORMATS: Final = FormatChecker(formats=("date", "email"))


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """Give the validator of a schema, which holds for good."""
    made: Draft202012Validator = _Linear(schema, format_checker=_FORMATS)
    return made


def fault(validator: Draft202012Validator, value: Any) -> str | None:
    """Tell the first fault of a value; None if there is none."""
    found = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
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


_Linear: Final[Any] = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]  # has no types
