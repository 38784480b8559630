"""What a service would see of a resident: the very values that would go out, before anything is agreed to. (issue 6)"""

from typing import Any, Final

from base.database import Connection
from base.errors import BadRequestData, NotPermitted, Problem, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting, inside
from personal.operations.call import Answer, Call, Module
from personal.operations.disclosures import ITEMS
from personal.operations.records import NAME, by
from personal.operations.releasing import Ask, offered, pairwise_value
from personal.rules.delegation import Act
from personal.rules.disclosure import Reason
from personal.store import items, people, pseudonyms

PREVIEW: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["service", "purpose", "items"],
    "properties": {"service": NAME, "purpose": NAME, "items": ITEMS},
    "additionalProperties": False,
}
KIND: Final = "consent-previewed"


async def preview(call: Call, module: Module) -> Answer:
    """Show what a service would see of oneself of some items: what they say, and its own name for oneself."""
    town, wanted = call.town, call.body["items"]
    ask = Ask(call.body["service"], call.body["purpose"], tuple(wanted))
    find = await acting.subject(call, Act.SEE, service=ask.service, items=wanted)

    def work(db: Connection) -> tuple[str, str | None, bool]:
        person = find(db)
        _check(db, ask)
        facts = {"by": by(call), "service": ask.service, "purpose": ask.purpose, "items": sorted(wanted)}
        log.append(db, Entry(KIND, facts, acting.people_of(call.actor, person)), call.now)
        known = people.current(db, person)
        hidden = known is None or known.protected
        return person, pseudonyms.known(db, ask.service, person), hidden

    person, name, hidden = await town.store.write(work)
    kinds, key = town.store.read(items.listed), await town.keys.named("ppid")
    shown: dict[str, Any] = {}
    withheld: dict[str, str] = {}
    for item in wanted:
        found = None if hidden else await _found(call, module, person, item)
        if found is None:
            withheld[item] = Reason.NOTHING_HELD
        elif isinstance(found, Problem):
            withheld[item] = type(found).__name__
        else:
            shown[item] = pairwise_value(kinds.get(item), found.value, key, ask.service)
    told = [{"item": item, "reason": reason} for item, reason in withheld.items()]
    return Answer(body={"subject": name, "items": shown, "withheld": told})


async def _found(call: Call, module: Module, person: str, item: str) -> Any:
    try:
        return await inside.to_show(call.town, person, item, allowed=module.settings.lgwan_own_view)
    except Problem as problem:
        return problem


def _check(db: Connection, ask: Ask) -> None:
    try:
        asked = offered(db, ask)
    except NotPermitted:
        raise ResourceNotFound("There is no such service (any more), or it has no such purpose.") from None
    for item in ask.items:
        if item not in asked:
            raise BadRequestData(f"The purpose {ask.purpose} does not ask for {item}.")
