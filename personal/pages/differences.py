"""Differences between two versions of a service, or of a kind of item, in words."""

from collections.abc import Sequence
from typing import Any

from personal.pages.values import YES_NO


def told_of(
    differences: Sequence[dict[str, Any]], labels: dict[str, str], language: str
) -> list[dict[str, Any]]:
    """Put differences between two versions into words."""
    return [
        {
            "change": one["change"],
            "purpose": one.get("purpose", ""),
            "item": _word(one["label"], language)
            if "label" in one
            else labels.get(one.get("item", ""), one.get("item", "")),
            "before": _word(one["before"], language),
            "after": _word(one["after"], language),
            "wider": one["wider"],
        }
        for one in differences
    ]


def _word(value: Any, language: str) -> str:
    if isinstance(value, dict) and language in value:
        return str(value[language])
    if isinstance(value, dict):
        return "、".join(_word(one, language) for one in value.values())
    if isinstance(value, list):
        return "、".join(map(str, value))
    if isinstance(value, bool):
        return YES_NO[value][language]
    return "" if value is None else str(value)
