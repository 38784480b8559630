"""What commands may have a running agent do, over its admin socket."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from base import clock
from base.admin import Handler
from base.database import Connection
from personal.agent import bundles, kinds, officials, revocations
from personal.agent import store as kept
from personal.agent.inside import Inside
from personal.agent.line import Line
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.rules.limits import LIMITS
from personal.store.town import value


@dataclass(frozen=True, slots=True)
class Agent:
    """A running agent; without a line it gets its orders in files only."""

    inside: Inside
    line: Line | None


_Work = Callable[[Agent, Mapping[str, Any]], Awaitable[Any]]


def handlers(agent: Agent) -> Mapping[str, Handler]:
    """Name what commands may have a running agent do."""
    return {name: partial(work, agent) for name, work in _WORKS.items()}


async def _keys(agent: Agent, _: Mapping[str, Any]) -> Any:
    return {"signing": agent.inside.own.newest.public(), "reading": agent.inside.reader.public()}


async def _renew(agent: Agent, given: Mapping[str, Any]) -> Any:
    now = clock.now()
    await agent.inside.store.write(lambda db: audit.append(db, Entry("own-keys-renewed", {}), now))
    await agent.inside.own.renew()
    return await _keys(agent, given)


async def _status(agent: Agent, _: Mapping[str, Any]) -> Any:
    connected = None if agent.line is None else agent.line.connected
    return {**agent.inside.store.read(lambda db: counted(db, clock.now())), "connected": connected}


async def _alarms(agent: Agent, _: Mapping[str, Any]) -> Any:
    return [
        {"id": id, "why": why, "task": task, "at": clock.show(at)}
        for id, why, task, at in agent.inside.store.read(kept.alarms)
    ]


async def _limits(agent: Agent, _: Mapping[str, Any]) -> Any:
    return {**LIMITS, **agent.inside.store.read(kept.own_limits)}


async def _services(agent: Agent, _: Mapping[str, Any]) -> Any:
    return agent.inside.store.read(kept.services)


async def _devices(agent: Agent, _: Mapping[str, Any]) -> Any:
    return [
        {"device": name, "staff": one.staff, "ended": None if one.ended is None else clock.show(one.ended)}
        for name, one in sorted(agent.inside.store.read(kept.devices).items())
    ]


async def _revocations(agent: Agent, given: Mapping[str, Any]) -> Any:
    body = base64.b64decode(given["list"])
    return await agent.inside.store.write(lambda db: revocations.take_in(db, body, clock.now()))


async def _wishes(agent: Agent, _: Mapping[str, Any]) -> Any:
    return agent.inside.store.read(officials.wishes)


async def _begin(agent: Agent, given: Mapping[str, Any]) -> Any:
    await agent.inside.store.write(lambda db: officials.begin(db, dict(given), clock.now()))
    return sorted(agent.inside.store.read(kinds.officials))


async def _bundle_in(agent: Agent, given: Mapping[str, Any]) -> Any:
    return await bundles.take_in(agent.inside, given["bundle"], clock.now())


async def _bundle_out(agent: Agent, _: Mapping[str, Any]) -> Any:
    return await bundles.take_out(agent.inside, clock.now())


def _signed(do: Callable[[Connection, str, int], Any]) -> _Work:
    """Do what an official signed."""

    async def work(agent: Agent, given: Mapping[str, Any]) -> Any:
        return await agent.inside.store.write(lambda db: do(db, given["signed"], clock.now()))

    return work


_WORKS: Final[Mapping[str, _Work]] = {
    "keys": _keys,
    "keys.renew": _renew,
    "status": _status,
    "alarms": _alarms,
    "limits": _limits,
    "services": _services,
    "devices": _devices,
    "revocations": _revocations,
    "wishes": _wishes,
    "officials.begin": _begin,
    "bundle.in": _bundle_in,
    "bundle.out": _bundle_out,
    "wish": _signed(officials.wish),
    "approve": _signed(officials.approve),
    "drop": _signed(officials.drop),
}


def counted(db: Connection, now: int) -> dict[str, Any]:
    """Count what the agent keeps and did."""
    day = now - 86_400 * clock.SECOND
    return {
        "records": value(db, "SELECT count(*) FROM copy WHERE sealed IS NOT NULL"),
        "services": value(db, "SELECT count(*) FROM service"),
        "officials": len(kinds.officials(db)),
        "devices": value(db, "SELECT count(*) FROM device WHERE ended IS NULL"),
        "wishes": value(db, "SELECT count(*) FROM wish"),
        "answersWaiting": value(db, "SELECT count(*) FROM taken WHERE answer IS NOT NULL"),
        "alarms": value(db, "SELECT count(*) FROM alarm"),
        "alarmsToday": kept.alarms_since(db, day),
        "releasedThisHour": kept.done(db, "all", now // clock.SECOND),
        "releasedToday": kept.done(db, "day", now // clock.SECOND),
        "outsidePinned": bool(kept.outside(db, now)),
    }
