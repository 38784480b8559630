"""Identifiers of a source that stand inside data: replaced, so that no two services receive an equal one. (DESIGN 3)"""

from collections.abc import Callable, Mapping
from typing import Any, Final

MARK: Final = "x-source-identifier"
"""Marks a member of an item's schema by which the source of the data knows the resident."""


def marked(form: Mapping[str, Any]) -> bool:
    """Say whether values of a form may carry an identifier of their source."""
    inner = [*form.get("properties", {}).values(), *([form["items"]] if "items" in form else [])]
    return bool(form.get(MARK)) or any(map(marked, inner))


def replaced(form: Mapping[str, Any], value: Any, derive: Callable[[str], str]) -> Any:
    """Give a value with each identifier of its source replaced by a pseudonym of it."""
    if form.get(MARK):
        return derive(str(value))
    if isinstance(value, dict):
        members = form.get("properties", {})
        return {name: replaced(members.get(name, {}), one, derive) for name, one in value.items()}
    if isinstance(value, list):
        return [replaced(form.get("items", {}), one, derive) for one in value]
    return value
