"""What a request prefers: the version of NGSI-LD, and where the @context of GeoJSON stands. (6.3.6, RFC 7240)"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from broker.model import versions
from broker.model.versions import Version
from broker.operations.call import Call

APPLIED: Final = "Preference-Applied"
BY_ID: Final = "order=id"

_ONE = re.compile(
    r'[\s,]*([^\s=;,"]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?((?:[^,"]|"(?:[^"\\]|\\.)*")*)'
)


@lru_cache(1024)
def read(header: str) -> Mapping[str, str]:
    """Read a Prefer header: names in lower case, each as it was given first; parameters are nothing to us."""
    found: dict[str, str] = {}
    for name, quoted, token, _ in _ONE.findall(header):
        found.setdefault(name.lower(), quoted or token)
    return found


def version(call: Call) -> Version | None:
    """Give the version of NGSI-LD the answer shall conform to, as far as it can; None if the request does not say."""
    prefer = call.headers.get("prefer")
    if not prefer:
        return None
    asked = versions.read(read(prefer).get("ngsi-ld", ""))
    return None if asked is None else versions.conformant(asked)


def applied(call: Call) -> dict[str, str]:
    """Give the header that names the version an answer conforms to, if one was preferred. (6.3.6)"""
    asked = version(call)
    return {} if asked is None else {APPLIED: f"ngsi-ld={versions.write(asked)}"}


def in_order(call: Call) -> bool:
    """Say whether entities are preferred in the order of their ids: so brokers join pages of others. (5.5.9)"""
    return read(call.headers.get("prefer", "")).get("order") == "id"


def body(call: Call) -> str:
    """Say what the request prefers of the @context of a GeoJSON answer. (6.3.6)"""
    return read(call.headers.get("prefer", "")).get("body", "").lower()
