"""Bundles: orders and answers as signed files, carried by hand where there is no line. (personal-data.md 4.2)"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from base import forms
from base.errors import BadRequestData
from personal.rules.identifiers import fresh

IN: Final = "engawa-bundle-in+jwt"
OUT: Final = "engawa-bundle-out+jwt"
MOST: Final = 500
LARGEST: Final = 32 << 20
_TEXT: Final = {"type": "string", "maxLength": 4 << 20}
_ID: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"}
_WORD: Final = {"type": "string", "pattern": "^[a-z-]{0,64}$"}
_HEAD: Final[dict[str, Any]] = {
    "bundle": _ID,
    "iss": {"type": "string"},
    "iat": {"type": "integer"},
    "taken": {"type": "array", "maxItems": 10_000, "items": _ID},
}


def _form(**own: Any) -> Any:
    members = {**_HEAD, **own}
    return forms.validator(
        {
            "type": "object",
            "required": list(members),
            "properties": members,
            "additionalProperties": False,
        }
    )


def _list(most: int, **members: Any) -> dict[str, Any]:
    item = {
        "type": "object",
        "required": list(members),
        "properties": members,
        "additionalProperties": False,
    }
    return {"type": "array", "maxItems": most, "items": item}


ALARM: Final[Mapping[str, Any]] = {
    "id": _ID,
    "why": _WORD,
    "task": _WORD,
    "at": {"type": "integer", "minimum": 0},
}
_FORMS: Final = {
    IN: _form(orders=_list(MOST, order=_TEXT, content={"anyOf": [_TEXT, {"type": "null"}]})),
    OUT: _form(answers={"type": "array", "maxItems": MOST, "items": _TEXT}, alarms=_list(MOST, **ALARM)),
}


def bundle(municipality: str, taken: Sequence[str], now: int, **own: Any) -> dict[str, Any]:
    """Put a bundle together; `taken`: what of former bundles of the other side is on disk here; now in s."""
    return {"bundle": fresh("b_"), "iss": municipality, "iat": now, "taken": list(taken), **own}


def checked(claims: Mapping[str, Any], kind: str, municipality: str) -> Mapping[str, Any]:
    """Refuse what is no bundle of this kind and municipality."""
    fault = forms.fault(_FORMS[kind], claims)
    if fault is not None:
        raise BadRequestData(f"The bundle is not as it must be: {fault}")
    if claims["iss"] != municipality:
        raise BadRequestData("The bundle is of another municipality.")
    return claims
