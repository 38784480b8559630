"""Bring a broker to a given state of some entities by writing only what differs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from broker.load.client import Destination, attribute

Entity = dict[str, Any]
_NULL: Final = "urn:ngsi-ld:null"
_VALUE: Final = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
}


@dataclass(slots=True)
class Outcome:
    """What became of a batch: ids by what happened to them, and id → why the broker refused it."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


async def synchronise(
    destination: Destination,
    entities: Sequence[Entity],
    owned: frozenset[str],
    settled: Callable[[Entity, str], bool] = lambda held, name: False,
) -> Outcome:
    """Write what differs from what the broker holds.

    `entities` are of one type and name types and attributes by IRI. Attributes in `owned` that an entity does not
    have are removed, others are left to whoever wrote them; `settled` says which ones found there stay as they are.
    """
    outcome = Outcome()
    held = await destination.held([entity["id"] for entity in entities], entities[0]["type"])
    writes: list[Entity] = []
    removals: list[Entity] = []
    for entity in entities:
        present = held.get(entity["id"])
        if present is None:
            outcome.new.append(entity["id"])
            writes.append(entity)
            continue
        differing = _differing(entity, present, settled)
        gone = _gone(entity, present, owned)
        head = {"id": entity["id"], "type": entity["type"]}
        if differing:
            writes.append({**head, **differing})
        if gone:
            removals.append({**head, **gone})
        (outcome.changed if differing or gone else outcome.unchanged).append(entity["id"])
    outcome.refused = await destination.upsert(writes)
    outcome.refused |= await destination.merge([r for r in removals if r["id"] not in outcome.refused])
    if outcome.refused:
        outcome.new = [id for id in outcome.new if id not in outcome.refused]
        outcome.changed = [id for id in outcome.changed if id not in outcome.refused]
    return outcome


def _differing(entity: Entity, present: Entity, settled: Callable[[Entity, str], bool]) -> Entity:
    return {
        name: wanted
        for name, wanted in entity.items()
        if name not in ("id", "type")
        and not _same(wanted, attribute(present, name))
        and not settled(present, name)
    }


def _same(wanted: dict[str, Any], found: dict[str, Any] | None) -> bool:
    return found is not None and all(found.get(member) == value for member, value in wanted.items())


def _gone(entity: Entity, present: Entity, owned: frozenset[str]) -> Entity:
    gone = {}
    for name in owned - entity.keys():
        found = attribute(present, name)
        if found is not None and (member := _VALUE.get(found.get("type", ""))):
            null: Any = {"@none": _NULL} if member == "languageMap" else _NULL
            gone[name] = {"type": found["type"], member: null}
    return gone
