"""A registration as its readers see it: names in their @context, and what distributed operations counted. (5.2.9)"""

from collections.abc import Sequence
from typing import Final

from base import clock
from base.jsonld import TermTable
from broker.model import confidential
from broker.model.registration import HIDDEN, Body
from broker.model.registration_members import ATTRIBUTE_NAMES

_TIMES: Final = ("lastSuccess", "lastFailure")


def show(
    body: Body,
    table: TermTable,
    *,
    information: Sequence[Body] | None = None,
    sys_attrs: bool = False,
    type_lists: bool = False,
    masked: bool = True,
) -> Body:
    """Write a registration for a reader, with some of its information or all of it. (5.10.1.5, 5.10.2.5)

    Credentials in it are shown only where `masked` is false."""
    result = {name: value for name, value in body.items() if name not in HIDDEN}
    told = body["information"] if information is None else information
    result["information"] = [_info(one, table, type_lists) for one in told]
    result |= {table.term(iri): value for iri, value in body.get("properties", {}).items()}
    if masked and "contextSourceInfo" in body:
        result["contextSourceInfo"] = confidential.masked(body["contextSourceInfo"])
    result |= counted(body)
    if sys_attrs:
        result |= {name: clock.show(body[name]) for name in ("createdAt", "modifiedAt")}
    return result


def counted(body: Body) -> Body:
    """Write what distributed operations counted; what never happened is not there. (5.2.9)"""
    return {
        name: clock.show(value) if name in _TIMES else value
        for name, value in body.get("counters", {}).items()
        if value
    }


def _info(info: Body, table: TermTable, type_lists: bool) -> Body:
    result = dict(info)
    if "entities" in info:
        result["entities"] = [_entity(one, table, type_lists) for one in info["entities"]]
    for name in ATTRIBUTE_NAMES:
        if name in info:
            result[name] = [table.term(iri) for iri in info[name]]
    return result


def _entity(entity: Body, table: TermTable, type_lists: bool) -> Body:
    """Write an EntityInfo; a single type is a string, unless lists are asked for. (5.2.8)"""
    types = [table.term(iri) for iri in entity["type"]]
    if not types:
        return {name: held for name, held in entity.items() if name != "type"}
    return {**entity, "type": types if type_lists or len(types) > 1 else types[0]}
