"""Signed heads of an audit log, as somebody outside keeps them and compares them. (RFC 9162 2.1.4, 4.10)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base import merkle
from base.errors import BadRequestData
from personal.rules import signed

KIND: Final = "engawa-tree-head+jwt"


@dataclass(frozen=True, slots=True)
class Head:
    """A head whose signature holds: over so many entries, at a moment (as text)."""

    municipality: str
    size: int
    at: str
    root: bytes


def opened(text: str, keys: Mapping[str, Any]) -> Head:
    """Read a signed head; BadRequestData if none of these keys signed it, or it is no head."""
    try:
        told = orjson.loads(signed.payload(text, keys, KIND))
        head = Head(told["municipality"], told["size"], told["at"], bytes.fromhex(told["root"]))
    except (ValueError, TypeError, KeyError):
        raise BadRequestData("The signed text is no head of a log.") from None
    if type(head.size) is not int or head.size < 0 or len(head.root) != len(merkle.EMPTY):
        raise BadRequestData("The signed text is no head of a log.")
    return head


def contradiction(old: Head, new: Head, proof: Sequence[bytes]) -> str | None:
    """Say in what a head contradicts an older one; None if the log has only grown. `proof`: that of consistency."""
    if old.municipality != new.municipality:
        return f"The heads are of two logs: {old.municipality} and {new.municipality}."
    if new.size < old.size:
        return f"Entries were taken out: there were {old.size} on {old.at}, there are {new.size}."
    if new.size == old.size:
        same = new.root == old.root
        return None if same else f"The {old.size} entries are other ones than on {old.at}."
    if old.size == 0 or merkle.consistent(old.size, new.size, old.root, new.root, proof):
        return None
    return f"The log does not begin with the {old.size} entries it had on {old.at}."
