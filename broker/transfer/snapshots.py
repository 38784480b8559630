"""A snapshot put back: its record, checked as if just given, and an empty database for its content. (5.2.41)"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from base.errors import AlreadyExists, BadRequestData, TooManyResults
from broker.access.view import OWNER
from broker.model import snapshot, tenancy
from broker.model.snapshot import CHANGEABLE, DETAILS, MEMBERS, PREPARING, QUERIES, TIMES
from broker.notify import snapshot_notification
from broker.operations import snapshot_filling
from broker.operations.call import Broker
from broker.operations.snapshot_filling import KIND
from broker.store.transfer import Record
from broker.transfer import form
from broker.transfer.form import Line
from broker.transfer.wish import Wish

_FOR_EVER: Final = snapshot.Given(0, None, 0.0)
_OUTCOMES: Final = ("success", "partial", "empty", "failure")
_DETAIL: Final = frozenset({"resultStatus", "problemDetails"})
_KEPT: Final = MEMBERS | {"@context", OWNER}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The record of a snapshot, and what the instanceIds of its content begin with."""

    record: Record
    origin: str


def read(line: Line) -> Snapshot:
    """Read a snapshot, refusing one that the broker could not work with."""
    form.check_origin(line)
    record: Record = form.read_record(line)
    body = record.body
    if body.get("id") != record.id or body.keys() - _KEPT:
        raise BadRequestData("The snapshot has another id than its line, or a member that none has.")
    if any(type(body.get(name)) is not int for name in TIMES) or body["expiresAt"] != record.expires:
        raise BadRequestData(
            "The times of a snapshot must be whole numbers of µs, and expire as its line says."
        )
    if body.get("snapshotStatus") not in _OUTCOMES or body["snapshotStatus"] == PREPARING:
        raise BadRequestData("The snapshot was not prepared to its end.")
    asked = {name: body[name] for name in ("id", *QUERIES, *CHANGEABLE) if name in body}
    made = snapshot.create({**asked, "type": "Snapshot"}, record.id, _FOR_EVER)
    if any(made.get(name) != body.get(name) for name in (*QUERIES, *CHANGEABLE)):
        raise BadRequestData("A member of the snapshot is not as an Engawa keeps it.")
    if not all(_is_detail(one) for name in DETAILS for one in body.get(name, ())):
        raise BadRequestData("The details of a snapshot must say how each query ended.")
    snapshot_notification.check(body)
    return Snapshot(record, line.get("instances", ""))


def _is_detail(one: Any) -> bool:
    return isinstance(one, dict) and one.get("resultStatus") in _OUTCOMES and not one.keys() - _DETAIL


async def put(broker: Broker, wish: Wish, given: Snapshot) -> bool:
    """Put the record of a snapshot back, with an empty database if there is none; say whether it is new."""
    record, name = given.record, tenancy.database(wish.tenant, given.record.id)
    known = broker.catalogue.exists(wish.tenant)
    there = broker.catalogue.open(wish.tenant).record(KIND, record.id) if known else None
    if there is not None and _lasting(there) == _lasting(record.body):
        return False
    if there is not None and not wish.replace:
        raise AlreadyExists(
            f"The snapshot {record.id} is there already and differs; --replace takes that of the file."
        )
    if not wish.write:
        return True
    if there is not None:
        await snapshot_filling.remove(broker, wish.tenant, record.id)
    store = await broker.catalogue.create(wish.tenant)
    most = broker.settings.snapshots
    if len(store.records(KIND)) >= most:
        raise TooManyResults(
            f"The tenant keeps at most {most} snapshots; delete one, or raise the setting 'snapshots'."
        )
    broker.catalogue.check_room()
    # the database first: at the next start one without a record goes, a record without one would stay
    inside = await broker.catalogue.make_snapshot(name)
    if given.origin:
        await inside.transfer.adopt(given.origin)
    await store.put_record(KIND, record.id, record.body, new=True, expires=record.expires)
    return True


def _lasting(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: held for name, held in body.items() if name != "lastUsedAt"}
