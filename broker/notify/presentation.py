"""A subscription as its readers see it: names in their @context, status and counters of this moment. (5.2.12, 5.8.3)"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from base import clock
from base.jsonld import TermTable
from broker.notify.notification_params import compact_names
from broker.notify.subscription import DEFAULT_TRIGGERS, ENTITIES, HIDDEN, Body, compact_types, status

_TIMES: Final = ("lastNotification", "lastSuccess", "lastFailure")


def named(body: Mapping[str, Any], table: TermTable) -> Body:
    """Write members of a subscription with the names of an @context. (5.2.12)"""
    return {name: _member(name, value, table) for name, value in body.items() if name not in HIDDEN}


def show(body: Body, table: TermTable, now: int, *, sys_attrs: bool = False) -> Body:
    """Write a subscription for a reader; the text of q and csf stays as it was given. (5.8.3.5)"""
    result = named(body, table)
    if body.get("about", ENTITIES) == ENTITIES:
        result.setdefault("notificationTrigger", list(DEFAULT_TRIGGERS))
    elif body.get("madeContext"):
        del result["jsonldContext"]
    result["status"] = status(body, now)
    result["notification"] |= _counted(body.get("counters", {}))
    if sys_attrs:
        result |= {name: clock.show(body[name]) for name in ("createdAt", "modifiedAt")}
    return result


def _member(name: str, value: Any, table: TermTable) -> Any:
    return _SHOWN[name](value, table) if name in _SHOWN else value


def _entities(value: list[Body], table: TermTable) -> list[Body]:
    return [{**one, "type": compact_types(one["type"], table)} for one in value]


def _names(value: list[str], table: TermTable) -> list[str]:
    return [table.term(iri) for iri in value]


def _name_text(value: str, table: TermTable) -> str:
    return ",".join(_names(value.split(","), table))


def _geo(value: Body, table: TermTable) -> Body:
    return {**value, "geoproperty": table.term(value["geoproperty"])} if "geoproperty" in value else value


def _notification(value: Body, table: TermTable) -> Body:
    result = dict(value)
    if "attributes" in value:
        result["attributes"] = _names(value["attributes"], table)
    for name in ("pick", "omit"):
        if name in value:
            result[name] = [compact_names(one, table) for one in value[name]]
    return result


def _counted(counters: Mapping[str, Any]) -> Body:
    """Write what delivery counted; what never happened is not there. (5.2.14.2)"""
    return {name: clock.show(value) if name in _TIMES else value for name, value in counters.items() if value}


_SHOWN: Final[Mapping[str, Callable[[Any, TermTable], Any]]] = {
    "entities": _entities,
    "watchedAttributes": _names,
    "expandValues": _name_text,
    "jsonKeys": _name_text,
    "geoQ": _geo,
    "notification": _notification,
}
