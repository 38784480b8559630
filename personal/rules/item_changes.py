"""What two versions of a kind of item differ in: how a value may look, and what members are called, never which."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import starmap
from typing import Any, Final

from personal.rules import pairwise
from schemas.personal.catalogue import Item

Form = Mapping[str, Any]
CHOICES: Final = "choices"
LABEL: Final = "label"
NEED: Final = "need"
_APART: Final = frozenset({"x-label", "enum", "x-values", "properties", "items", "required", "type"})
"""What is compared in a way of its own, or cannot differ."""
_OF_ALL: Final = frozenset(
    {"$schema", "$id", "title", "x-class", "x-identifying", "x-basis", "x-schema-version"}
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as before; None is: not there. member: its path in the item, empty for the item itself."""

    change: str
    member: str
    label: Mapping[str, str]
    before: Any = None
    after: Any = None

    def shown(self) -> dict[str, Any]:
        """Give it as JSON; no version of an item is about more than the one before."""
        where = {"member": self.member} if self.member else {}
        told = {"change": self.change, **where, "label": dict(self.label)}
        return {**told, "before": self.before, "after": self.after, "wider": False}


def differences(old: Item, new: Item) -> tuple[Difference, ...]:
    """List what is not as before, in the order of the new version."""
    return tuple(_differences(old.schema, new.schema, "", new.label))


def kinds(form: Form, path: str = "") -> Iterator[tuple[str, str]]:
    """Name every member that values may have, with the type of what stands in it."""
    yield path, form.get("type", "string")
    for name, inner in form.get("properties", {}).items():
        yield from kinds(inner, f"{path}/{name}")
    if "items" in form:
        yield from kinds(form["items"], f"{path}/[]")


def bares(old: Form, new: Form) -> bool:
    """Say whether services would receive of a member by which name its source knows residents, as they did not."""
    if old.get(pairwise.MARK) and not new.get(pairwise.MARK):
        return True
    former = old.get("properties", {})
    inner = [(former.get(name, {}), form) for name, form in new.get("properties", {}).items()]
    return any(starmap(bares, [*inner, (old.get("items", {}), new.get("items", {}))] if new else []))


def _differences(old: Form, new: Form, path: str, label: Mapping[str, str]) -> Iterator[Difference]:
    if _named(old) != _named(new):
        yield Difference(LABEL, path, label, _named(old), _named(new))
    if _choices(old) != _choices(new):
        yield Difference(CHOICES, path, label, _choices(old), _choices(new))
    for name in sorted((old.keys() | new.keys()) - _APART - (_OF_ALL if not path else frozenset())):
        if old.get(name) != new.get(name):
            yield Difference(name, path, label, old.get(name), new.get(name))
    former = old.get("properties", {})
    for name, inner in new.get("properties", {}).items():
        here, called = f"{path}/{name}", inner["x-label"]
        before, after = _need(old, name), _need(new, name)
        if before != after:
            yield Difference(NEED, here, called, before, after)
        yield from _differences(former[name], inner, here, called)
    if "items" in new:
        yield from _differences(old["items"], new["items"], path, label)


def _need(form: Form, name: str) -> str:
    return "required" if name in form.get("required", ()) else "optional"


def _named(form: Form) -> str | None:
    """Give what something is called in both languages, so that a change of either is seen in each."""
    return _both(form["x-label"]) if "x-label" in form else None


def _choices(form: Form) -> list[str] | None:
    if "enum" not in form:
        return None
    told = form.get("x-values", {})
    return [f"{code} = {_both(told[code])}" if code in told else code for code in form["enum"]]


def _both(label: Mapping[str, str]) -> str:
    return f"{label['ja']} / {label['en']}"
