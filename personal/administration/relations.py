"""What commands may have the running module do with delegations and emergencies, over its admin socket."""

from collections.abc import Callable, Mapping
from typing import Any

from base import clock
from base.admin import Handler
from base.database import Connection
from base.errors import Conflict, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import delegations, emergencies
from personal.operations.staff import AT_MACHINE
from personal.operations.town import Town
from personal.rules.delegation import runs
from personal.rules.emergency import runs as declared
from personal.store import delegations as kept
from personal.store import emergencies as events


def handlers(find: Callable[[Mapping[str, Any]], Town]) -> Mapping[str, Handler]:
    """Name all of it; `find` gives the municipality that is asked about."""

    async def list_delegations(given: Mapping[str, Any]) -> Any:
        town, now = find(given), clock.now()
        key = await town.keys.named(kept.KEY)
        return [delegations.shown(one) for one in town.store.read(lambda db: kept.running(db, key, now))]

    async def end_delegation(given: Mapping[str, Any]) -> Any:
        town, now = find(given), clock.now()
        key = await town.keys.named(kept.KEY)

        def work(db: Connection) -> None:
            found = kept.find(db, key, given["id"])
            if found is None or not runs(found, now) or delegations.protected(db, found.subject):
                raise ResourceNotFound("there is no such delegation in force")
            kept.end(db, found.id, now, "staff")
            facts = {"by": AT_MACHINE, "delegation": found.id, "why": "staff"}
            concerned = {"subject": found.subject, "guardian": found.guardian}
            log.append(db, Entry("delegation-ended", facts, concerned), now)

        await town.store.write(work)

    async def list_emergencies(given: Mapping[str, Any]) -> Any:
        town, now = find(given), clock.now()
        key = await emergencies.sealing(town)
        found = town.store.read(lambda db: events.listed(db, glass=False))
        return [emergencies.public(one, key) for one in found if declared(one.event, now)]

    async def end_emergency(given: Mapping[str, Any]) -> Any:
        town, now = find(given), clock.now()

        def work(db: Connection) -> None:
            found = events.find(db, given["id"])
            if found is None or not declared(found.event, now):
                raise Conflict("there is no such emergency in force")
            events.end(db, found.event.id, now)
            log.append(db, Entry("emergency-ended", {"by": AT_MACHINE, "event": found.event.id}), now)

        await town.store.write(work)

    return {
        "delegations.list": list_delegations,
        "delegations.end": end_delegation,
        "emergencies.list": list_emergencies,
        "emergencies.end": end_emergency,
    }
