"""The form of a transferred tenant: each thing as a line, and back. Pure. (docs/transfer.md)"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from base import clock
from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.contexts.entry import Entry, from_row
from broker.model import represent, told, validate
from broker.model.document import Document, Instance
from broker.model.instance import Reader
from broker.model.represent import Representation
from broker.notify.keys import key_of
from broker.notify.subscription import ENTITIES, REGISTRATIONS
from broker.store.transfer import Instances, Life, Past, Record, Subscription

FORM: Final = "engawa-tenant"
VERSION: Final = 1
SNAPSHOT: Final = "snapshot"
_HOW: Final = Representation(sys_attrs=True)
_INSTANCE: Final = re.compile(r"urn:ngsi-ld:Instance:[0-9a-f]{8}-[0-9]{1,15}\Z", re.ASCII)
_ORIGIN: Final = re.compile(r"urn:ngsi-ld:Instance:[0-9a-f]{8}-\Z", re.ASCII)

Line = dict[str, Any]


def header(tenant: str, now: int, software: str, context: str, origin: str) -> Line:
    """Make the first line: what the file is, and in which words."""
    return {
        "kind": "header",
        "form": FORM,
        "version": VERSION,
        "madeBy": software,
        "tenant": tenant,
        "at": clock.show(now),
        "@context": context,
        "instances": origin,
    }


def check_header(line: Any) -> None:
    """Refuse what is no transfer, or one of another version."""
    if not isinstance(line, dict) or line.get("kind") != "header" or line.get("form") != FORM:
        raise BadRequestData(f"The file does not begin with the header of an {FORM} file.")
    if line.get("version") != VERSION:
        raise BadRequestData(
            f"The file has version {line.get('version')} of the form; this Engawa reads version {VERSION}. "
            "Use the Engawa that wrote it, or a newer one."
        )
    check_origin(line)
    if not isinstance(line.get("tenant"), str):
        raise BadRequestData("The header names no tenant; '' is the default one.")


def check_origin(line: Line) -> None:
    """Refuse a beginning of instanceIds that is none."""
    if "instances" in line and not (isinstance(line["instances"], str) and _ORIGIN.match(line["instances"])):
        raise BadRequestData("The line names no beginning of instanceIds as an Engawa gives them.")


def entity(document: Document, table: TermTable) -> Line:
    """Write an entity in the normalized representation with its times. (4.5.1)"""
    return {"kind": "entity", "entity": represent.show(document, table, _HOW)}


def history(past: Past) -> Line:
    """Write a history without its instances."""
    line: Line = {
        "kind": "history",
        "id": past.id,
        "type": list(past.types),
        "createdAt": clock.show(past.created),
        "modifiedAt": clock.show(past.modified),
    }
    if past.deleted is not None:
        line["deletedAt"] = clock.show(past.deleted)
    if past.lives:
        line["lives"] = [_life(one) for one in past.lives]
    return line


def _life(life: Life) -> Line:
    line: Line = {"until": clock.show(life.until)}
    if life.created is not None:
        line["createdAt"] = clock.show(life.created)
    if life.types is not None:
        line["type"] = list(life.types)
    return line


def instances(id: str, several: Sequence[tuple[str, Instance]], table: TermTable) -> Line:
    """Write instances of a history, by attribute, each with its times and its instanceId. (4.5.7)"""
    attributes: dict[str, list[Any]] = defaultdict(list)
    for iri, one in several:
        attributes[iri].append(represent.attribute([one], table, _HOW))
    return {"kind": "instances", "id": id, "attributes": attributes}


def subscription(body: dict[str, Any]) -> Line:
    """Write a subscription as the broker keeps it, names as IRIs. (5.2.12)"""
    return {"kind": "subscription", "about": body.get("about", ENTITIES), "subscription": body}


def of_snapshot(kept: Record, origin: str, content: Iterable[Line]) -> Iterator[Line]:
    """Write a snapshot, and what it holds: the lines of a tenant, marked with its id. (5.2.41)"""
    yield {**record(kept), "instances": origin}
    for line in content:
        yield {**line, SNAPSHOT: kept.id}


def record(kept: Record) -> Line:
    """Write a registration, a setting of the tenant, or a snapshot."""
    line: Line = {"kind": kept.kind, "id": kept.id, "body": kept.body}
    if kept.expires is not None:
        line["expiresAt"] = clock.show(kept.expires)
    return line


def context(entry: Entry) -> Line:
    """Write a stored @context. (5.13.1)"""
    row = entry.row()
    row.pop("tenant")
    times = {name: clock.show(row.pop(name)) for name in ("createdAt", "expiresAt", "lastUsage") if row[name]}
    row = {name: held for name, held in row.items() if held is not None}
    return {"kind": "context", "contextKind": row.pop("kind"), **row, **times}


# --- and back -----------------------------------------------------------------------------------------------------


def read_entity(line: Line, table: TermTable, now: int) -> Document:
    """Read an entity; times it lacks are those of now."""
    body = _object(line, "entity")
    return told.entity(body, table, now)


def read_history(line: Line) -> Past:
    """Read a history without its instances."""
    created = told.time(line.get("createdAt"), "createdAt")
    return Past(
        validate.uri(line.get("id"), "id"),
        _types(line.get("type", [])),
        created,
        told.time(line["modifiedAt"], "modifiedAt") if "modifiedAt" in line else created,
        told.time(line["deletedAt"], "deletedAt") if "deletedAt" in line else None,
        tuple(
            Life(
                told.time(one.get("until"), "until"),
                told.time(one["createdAt"], "createdAt") if "createdAt" in one else None,
                _types(one["type"]) if "type" in one else None,
            )
            for one in line.get("lives", ())
        ),
    )


def _types(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(validate.is_uri(one) for one in given):
        raise BadRequestData("The types of a history must be an array of IRIs.")
    return tuple(given)


def read_instances(line: Line, table: TermTable, now: int) -> Instances:
    """Read instances of a history."""
    reader, deletions = Reader(table, now), Reader(table, now, nulls=True)
    several = []
    for name, given in _object(line, "attributes").items():
        for body in given:
            instance = (deletions if "deletedAt" in body else reader).instance(name, body)
            told.take_times(instance, body)
            told.take_times_of_attributes(instance.get("attrs", {}), body, table)
            instance["instanceId"] = _instance_id(body)
            several.append((table.iri(name), instance))
    return Instances(validate.uri(line.get("id"), "id"), tuple(several))


def _instance_id(body: Line) -> str:
    held = body.get("instanceId")
    if not isinstance(held, str) or not _INSTANCE.match(held):
        raise BadRequestData("An instance has no instanceId as an Engawa gives it.")
    return held


def read_subscription(line: Line) -> Subscription:
    """Read a subscription."""
    body = _object(line, "subscription")
    id = validate.uri(body.get("id"), "id")
    if body.get("type") != "Subscription" or not isinstance(body.get("notification"), dict):
        raise BadRequestData(f'{id} has no type "Subscription" or no notification.')
    about = line.get("about", ENTITIES)
    if about not in (ENTITIES, REGISTRATIONS) or body.get("about", ENTITIES) != about:
        raise BadRequestData("The subscription is about neither entities nor registrations.")
    return Subscription(key_of(id, about), body)


def read_record(line: Line) -> Record:
    """Read a registration, a setting or a snapshot."""
    id = line.get("id")
    if not isinstance(id, str):
        raise BadRequestData("The line has no id.")
    expires = told.time(line["expiresAt"], "expiresAt") if "expiresAt" in line else None
    return Record(line["kind"], id, _object(line, "body"), expires)


def read_context(line: Line, tenant: str) -> Entry:
    """Read a stored @context."""
    row = {"kind": line.get("contextKind"), **{name: line.get(name) for name in ("url", "localId", "body")}}
    if not all(row.values()):
        raise BadRequestData("The @context lacks contextKind, url, localId or body.")
    times: Line = {n: told.time(line[n], n) for n in ("createdAt", "expiresAt", "lastUsage") if n in line}
    return from_row({**row, **times, "numberOfHits": line.get("numberOfHits", 0), "tenant": tenant})


def _object(line: Line, member: str) -> dict[str, Any]:
    held = line.get(member)
    if not isinstance(held, dict):
        raise BadRequestData(f"The line has no object '{member}'.")
    return held
