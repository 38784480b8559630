"""What a provider tells of a person, written as a card would: name, address, birth date, sex. (OIDC Core 5.1)

Pure. What cannot be read is left out: whoever registers types it in.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

_DAY: Final = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})\Z")
_SEXES: Final = {"1": "1", "2": "2", "male": "1", "female": "2"}
_LONGEST: Final = {"name": 100, "address": 300}


def basics(claims: Mapping[str, Any]) -> dict[str, str]:
    """Read the four basics of a person from claims."""
    address = claims.get("address")
    if isinstance(address, Mapping):
        address = address.get("formatted")
    found = {
        "name": _line("name", claims.get("name")),
        "address": _line("address", address),
        "birthDate": _day(claims.get("birthdate")),
        "sex": _SEXES.get(str(claims.get("gender")), ""),
    }
    return {name: value for name, value in found.items() if value}


def _line(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return ""
    line = " ".join(value.split())
    return line if line.isprintable() and len(line) <= _LONGEST[name] else ""


def _day(value: Any) -> str:
    found = _DAY.match(value) if isinstance(value, str) else None
    if found is None:
        return ""
    try:
        return date(*map(int, found.groups())).isoformat()
    except ValueError:
        return ""
