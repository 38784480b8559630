"""The form in which staff describe a service: its fields, rows to add and to drop, the description it makes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from base.errors import BadRequestData

FIELDS: Final = (
    "name.ja", "name.en", "description.ja", "description.en", "operator.name", "operator.contact",
    "operator.address", "notify", "login.redirectUris", "login.postLogoutRedirectUris",
    "login.backchannelLogoutUri", "login.leastLevel",
)  # fmt: skip
OF_PURPOSE: Final = (
    "id", "name.ja", "name.en", "description.ja", "description.en", "registeredPurpose", "legalClass", "by", "law",
)  # fmt: skip
OF_ITEM: Final = ("item", "need", "retentionDays", "recipients")
LINES: Final = ("login.redirectUris", "login.postLogoutRedirectUris", "recipients")
"""Fields with one entry per line."""
CLASSES: Final = ("personal", "pseudonymized", "anonymized", "related")
NEEDS: Final = ("required", "optional")
CONSENT: Final = "consent"
LAW: Final = "law"
MOST_PURPOSES: Final = 20
MOST_ITEMS: Final = 50
Typed = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Purpose:
    """What was typed in for one purpose."""

    fields: Typed
    items: tuple[Typed, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed in for a service, as text."""

    fields: Typed
    purposes: tuple[Purpose, ...]


BLANK_ITEM: Final[Typed] = dict.fromkeys(OF_ITEM, "")
BLANK_PURPOSE: Final = Purpose({**dict.fromkeys(OF_PURPOSE, ""), "legalClass": CLASSES[0]}, (BLANK_ITEM,))
BLANK: Final = Draft(dict.fromkeys(FIELDS, ""), (BLANK_PURPOSE,))


def draft_of(description: Mapping[str, Any]) -> Draft:
    """Write a description into the form."""
    purposes = tuple(_purpose_of(one) for one in description["purposes"])
    return Draft({name: _text(_member(description, name)) for name in FIELDS}, purposes)


def typed(form: Typed) -> Draft:
    """Read what was typed into the form."""
    purposes = []
    for number in _numbers(form, "purposes", "id", MOST_PURPOSES):
        at = f"purposes.{number}"
        items = tuple(
            {name: form.get(f"{at}.items.{row}.{name}", "").strip() for name in OF_ITEM}
            for row in _numbers(form, f"{at}.items", "item", MOST_ITEMS)
        )
        purposes.append(Purpose({name: form.get(f"{at}.{name}", "").strip() for name in OF_PURPOSE}, items))
    return Draft({name: form.get(name, "").strip() for name in FIELDS}, tuple(purposes))


def grown(draft: Draft, where: str) -> Draft:
    """Add a blank purpose, or a blank item to the purpose of a number."""
    if where == "purposes":
        return replace(draft, purposes=(*draft.purposes, BLANK_PURPOSE)[:MOST_PURPOSES])
    number = _number(where, draft.purposes)
    items = (*draft.purposes[number].items, BLANK_ITEM)[:MOST_ITEMS]
    return _with(draft, number, replace(draft.purposes[number], items=items))


def shrunk(draft: Draft, where: str) -> Draft:
    """Drop a purpose, or an item of one ("number" or "number.number")."""
    first, mark, second = where.partition(".")
    number = _number(first, draft.purposes)
    if not mark:
        return replace(draft, purposes=_without(draft.purposes, number))
    one = draft.purposes[number]
    return _with(draft, number, replace(one, items=_without(one.items, _number(second, one.items))))


def description_of(draft: Draft) -> dict[str, Any]:
    """Make the description of a service from what was typed in; what was left empty is left out."""
    made = _made(draft.fields, FIELDS)
    made["purposes"] = [_made_purpose(one, number) for number, one in enumerate(draft.purposes)]
    return made


def _made_purpose(purpose: Purpose, number: int) -> dict[str, Any]:
    told = dict(purpose.fields)
    law = told.pop("law", "")
    basis = {LAW: f"law:{law}" if law else "", CONSENT: CONSENT}.get(told.pop("by", ""), "")
    made = _made(told, (*(name for name in OF_PURPOSE if name in told),))
    if basis:
        made["basis"] = basis
    made["items"] = [
        _made_item(one, f"purposes/{number}/items/{row}")
        for row, one in enumerate(purpose.items)
        if any(one.values())
    ]
    return made


def _made_item(asked: Typed, where: str) -> dict[str, Any]:
    made = {name: asked[name] for name in ("item", "need") if asked[name]}
    days, named = asked["retentionDays"], f"{where}/retentionDays"
    if days and (not days.isascii() or not days.isdigit() or len(days) > 6):
        raise BadRequestData(f"{named} must be a whole number.")
    return {
        **made,
        **({"retentionDays": int(days)} if days else {}),
        "recipients": _lines(asked["recipients"]),
    }


def _made(told: Typed, names: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in names:
        text = told.get(name, "")
        if not text:
            continue
        first, mark, second = name.partition(".")
        value: Any = _lines(text) if name in LINES else text
        if mark:
            made.setdefault(first, {})[second] = value
        else:
            made[first] = value
    return made


def _purpose_of(purpose: Mapping[str, Any]) -> Purpose:
    told = {name: _text(_member(purpose, name)) for name in OF_PURPOSE}
    basis = purpose["basis"]
    told["by"] = CONSENT if basis == CONSENT else LAW
    told["law"] = "" if basis == CONSENT else basis.removeprefix("law:")
    return Purpose(told, tuple({name: _text(one.get(name)) for name in OF_ITEM} for one in purpose["items"]))


def _member(value: Mapping[str, Any], name: str) -> Any:
    first, mark, second = name.partition(".")
    inner = value.get(first)
    return (inner or {}).get(second) if mark else inner


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _numbers(form: Typed, path: str, name: str, most: int) -> Iterator[int]:
    """Give the numbers of the rows that a form has."""
    number = 0
    while number < most and f"{path}.{number}.{name}" in form:
        yield number
        number += 1


def _number(text: str, there: Sequence[Any]) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else len(there)
    if number >= len(there):
        raise BadRequestData("There is no such row.")
    return number


def _with(draft: Draft, number: int, purpose: Purpose) -> Draft:
    before, after = draft.purposes[:number], draft.purposes[number + 1 :]
    return replace(draft, purposes=(*before, purpose, *after))


def _without(there: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    return (*there[:number], *there[number + 1 :])
