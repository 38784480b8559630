"""The member `notification` of a subscription: what is sent, in which form, and to whom. (5.2.14)"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.language import projection
from broker.model.checks import boolean, compact, elements, expand, iris, one_of, texts
from broker.notify import endpoint

Body = dict[str, Any]

FORMATS: Final = ("normalized", "concise", "simplified", "keyValues")
ENTITY_MEMBERS: Final = frozenset({"id", "type", "scope"})

_NAME = re.compile(r"[^,|{}\s]+")


def check(value: Any, table: TermTable) -> Body:
    """Check NotificationParams and expand the names in them; read-only members are left out. (5.2.14)"""
    if not isinstance(value, dict):
        raise BadRequestData("notification of a subscription must be an object.")
    given = {name: one for name, one in value.items() if name in _MEMBERS and one is not None}
    if "endpoint" not in given:
        raise BadRequestData("notification needs the member endpoint.")
    result = {name: _MEMBERS[name](one, table) for name, one in given.items()}
    for name in ("pick", "omit"):
        if name in result and "attributes" in result:
            raise BadRequestData(f"attributes and {name} exclude each other; use pick and omit.")
    if set(result.get("pick", ())) & set(result.get("omit", ())):
        raise BadRequestData("The same entity member cannot stand in pick and in omit.")
    if result.get("showChanges") and result.get("format") in ("simplified", "keyValues"):
        raise BadRequestData("showChanges goes with the formats normalized and concise only.")
    return result


def expand_names(expression: str, table: TermTable) -> str:
    """Expand the attribute names in an expression of the projection language. (4.21)"""
    return expand(_NAME, expression, projection.CORE_MEMBERS, table)


def compact_names(expression: str, table: TermTable) -> str:
    """Shorten the attribute names in an expression of the projection language. (4.21)"""
    return compact(_NAME, expression, projection.CORE_MEMBERS, table)


def _attributes(value: Any, table: TermTable) -> list[str]:
    for name in elements(value, "notification.attributes"):
        if name in ENTITY_MEMBERS:
            raise BadRequestData(f"notification.attributes cannot hold {name}; use pick.")
    return iris(value, "notification.attributes", table)


def _projection(name: str) -> Callable[[Any, TermTable], list[str]]:
    def check(value: Any, table: TermTable) -> list[str]:
        expressions = texts(value, f"notification.{name}")
        projection.parse(",".join(expressions), table)
        return [expand_names(one, table) for one in expressions]

    return check


def _level(value: Any, _: TermTable) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadRequestData("notification.joinLevel must be a whole number from 1.")
    return value


def _plain(check: Callable[[Any, str], Any], name: str) -> Callable[[Any, TermTable], Any]:
    return lambda value, _: check(value, f"notification.{name}")


_MEMBERS: Final[Mapping[str, Callable[[Any, TermTable], Any]]] = {
    "endpoint": lambda value, _: endpoint.check(value),
    "attributes": _attributes,
    "pick": _projection("pick"),
    "omit": _projection("omit"),
    "format": lambda value, _: one_of(value, "notification.format", FORMATS),
    "join": lambda value, _: one_of(value, "notification.join", ("flat", "inline", "@none")),
    "joinLevel": _level,
    "showChanges": _plain(boolean, "showChanges"),
    "sysAttrs": _plain(boolean, "sysAttrs"),
}
