"""Lines of a file of residents: the rows of a CSV and the objects of JSON lines, in one form."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from base.errors import BadRequestData

_SIGNS: Final = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
_KANA: Final = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "[ぁ-んァ-ヶｦ-ﾟ]"}
LINE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["municipalId"],
    "properties": {
        "municipalId": _SIGNS,
        "nameKana": _KANA,
        "otherReadings": {"type": "array", "maxItems": 5, "uniqueItems": True, "items": _KANA},
        "birthDate": {"type": "string", "format": "date"},
        "cards": {
            "type": "array",
            "maxItems": 5,
            "uniqueItems": True,
            "items": {
                "type": "object",
                "required": ["issuer", "serial"],
                "properties": {"issuer": _SIGNS, "serial": _SIGNS},
                "additionalProperties": False,
            },
        },
        "login": _SIGNS,
        "state": {"enum": ["here", "moved", "dead"]},
        "items": {
            "type": "object",
            "maxProperties": 50,
            "propertyNames": {"pattern": "^[a-z][a-z0-9-]{0,63}$"},
            "additionalProperties": {"type": "object"},
        },
    },
    "anyOf": [
        {"required": ["nameKana", "birthDate"]},
        {
            "required": ["items"],
            "properties": {
                "items": {
                    "required": ["basic-four"],
                    "properties": {"basic-four": {"required": ["nameKana", "birthDate"]}},
                }
            },
        },
    ],
    "additionalProperties": False,
}
"""One resident. Reading and birth date may stand in the item basic-four alone."""

_OWN: Final = ("municipalId", "nameKana", "birthDate", "login", "state")
_CARD: Final = {"cardIssuer": "issuer", "cardSerial": "serial"}
_BASIC: Final = ("name", "nameLatin", "formerSurname", "alias", "postalCode", "address", "sex")
_SHARED: Final = ("nameKana", "birthDate")
COLUMNS: Final = (*_OWN, *_CARD, *_BASIC)
"""The columns a CSV may have, in any order."""


def check_columns(names: Sequence[str]) -> None:
    """Refuse a first line that does not name columns; it is told by number, since it may be a resident."""
    for number, name in enumerate(names, 1):
        if name not in COLUMNS:
            raise BadRequestData(
                f"Column {number} of the first line is none of {', '.join(COLUMNS)}: the first line names the columns."
            )
        if name in names[: number - 1]:
            raise BadRequestData(f"Column {number} of the first line is there twice.")
    if "municipalId" not in names:
        raise BadRequestData("The first line names no column municipalId.")


def line_of(row: Mapping[str, str]) -> dict[str, Any]:
    """Turn a row of a CSV into a line; empty fields are left out."""
    given = {name: text.strip() for name, text in row.items() if text.strip()}
    line: dict[str, Any] = {name: given[name] for name in _OWN if name in given}
    card = {member: given[name] for name, member in _CARD.items() if name in given}
    if card:
        line["cards"] = [card]
    basic = {name: given[name] for name in _BASIC if name in given}
    if basic:
        line["items"] = {"basic-four": {**basic, **{name: given[name] for name in _SHARED if name in given}}}
    return line


def completed(line: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Give the readings and the birth date of a line that is as LINE wants it."""
    basic = line.get("items", {}).get("basic-four", {})
    kana, birth = line.get("nameKana", basic.get("nameKana")), line.get("birthDate", basic.get("birthDate"))
    return (kana, *line.get("otherReadings", ())), birth
