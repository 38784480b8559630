"""How operations change the store: one rule on one entity, and what every rule has to look at first. (DESIGN 2.4)"""

from typing import Any

from base.errors import BadRequestData, ResourceNotFound
from broker.language import types
from broker.model.document import Document
from broker.operations.call import Broker, Call
from broker.store.contract import Change, EntityChange, Rule, TenantStore


async def apply(broker: Broker, call: Call, store: TenantStore, id: str, rule: Rule) -> Change | None:
    """Apply one rule and wait until it is on disk; raise the Problem it was refused with."""
    (outcome,) = await store.change(
        [EntityChange(id, rule)], call.now, broker.notifier.react_for(call.tenant)
    )
    if outcome.problem is not None:
        raise outcome.problem
    return outcome.change


def selected(call: Call, id: str, current: Document | None) -> Document:
    """Give the entity to change if it is there and of the types asked for. (4.17)"""
    if current is None:
        raise ResourceNotFound(f"Entity {id} does not exist.")
    if "type" in call.params and not types.matches(
        types.parse(call.params["type"], call.context.table), current["type"]
    ):
        raise ResourceNotFound(f"Entity {id} of the types asked for does not exist.")
    return current


def refuse_people(broker: Broker, fragment: dict[str, Any]) -> None:
    """Refuse entity types that describe people: this broker is for non-personal data. (DESIGN 2.10)"""
    for iri in fragment.get("type", ()):
        name = iri.rstrip("/#").rpartition("/")[2].rpartition("#")[2].rpartition(":")[2]
        if name in broker.settings.person_types:
            raise BadRequestData(
                f"Entity type {name} describes people; this broker links open, non-personal data. "
                "Keep such data in the personal-data module (docs/architecture.md)."
            )
