"""What commands may have the running module do with keys, over its admin socket."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from base import clock
from base.admin import Handler
from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData, NonexistentTenant
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.call import Module
from personal.operations.town import Town
from personal.store import leftovers, records
from personal.vault.keys import Slot
from personal.vault.shredded import Kind, Shredded, Successor
from personal.vault.signing import Signer

RENEWABLE: Final = frozenset({"cloud", "handle", "id-token", "ppid", "signing"})
"""What can have a new version; keys of blind indexes cannot: everything would have to be hashed again."""
RESIDENTS: Final = "residents"
DAY: Final = 86_400 * SECOND
_Work = Callable[[Town, Mapping[str, Any]], Awaitable[Any]]


def handlers(module: Module) -> Mapping[str, Handler]:
    """Name all of it."""
    works: Mapping[str, _Work] = {
        "keys.list": _list,
        "keys.public": _public,
        "keys.renew": _renew,
        "keys.prune": _prune,
        "keys.rotate-top": _rotate_top,
    }
    return {name: _at_town(module, work) for name, work in works.items()}


def _at_town(module: Module, work: _Work) -> Handler:
    async def handle(asked: Mapping[str, Any]) -> Any:
        town = module.towns.get(asked["municipality"])
        if town is None:
            raise NonexistentTenant(f"there is no municipality {asked['municipality']} here")
        return await work(town, asked)

    return handle


async def _list(town: Town, _: Mapping[str, Any]) -> Any:
    named, personal = town.keys.counted()
    return {
        "named": [{"name": name, "versions": versions} for name, versions in named],
        "personal": personal,
        "top": town.keys.top,
    }


async def _public(town: Town, asked: Mapping[str, Any]) -> Any:
    return Signer(await town.keys.named(asked["name"])).public()


async def _renew(town: Town, asked: Mapping[str, Any]) -> Any:
    name, now = asked["name"], clock.now()
    if name == RESIDENTS:
        await _note(town, "keys-renewed", {"key": name}, now)
        await town.keys.renew_personal(now)
        return {"key": name}
    if name not in RENEWABLE:
        raise BadRequestData(f"the key '{name}' cannot be renewed")
    await _note(town, "keys-renewed", {"key": name}, now)
    return {"key": name, "version": await town.keys.renew(name)}


async def _prune(town: Town, asked: Mapping[str, Any]) -> Any:
    """Destroy what was superseded, unless a record still is under it."""
    now = clock.now()
    old = town.keys.superseded(now - int(asked["days"]) * DAY)
    used = town.store.read(records.keys_in_use)
    gone = town.store.read(
        lambda db: [Shredded(Kind.KEY, id, now, _present(db, slot)) for id, slot in old if id not in used]
    )
    await _note(town, "keys-pruned", {"count": len(gone)}, now)
    await town.keys.destroy(gone)
    return {"destroyed": len(gone)}


def _present(db: Connection, slot: Slot) -> Successor | None:
    """Say where an item is now whose older key goes; an old ledger then finds it there."""
    person, location, item = slot
    found = [
        one for one in records.held(db, person, item) if (one.person, one.location) == (person, location)
    ]
    return leftovers.went(found[0]) if found and location != records.LOCAL else None


async def _rotate_top(town: Town, _: Mapping[str, Any]) -> Any:
    await _note(town, "top-key-changed", {}, clock.now())
    done = await town.keys.rotate_top()
    return {"keys": done, "top": town.keys.top}


async def _note(town: Town, kind: str, facts: Mapping[str, Any], now: int) -> None:
    entry = Entry(kind, {"by": "admin-socket", **facts})
    await town.store.write(lambda db: log.append(db, entry, now))
