"""How operations change the store: one rule on one entity, and what every rule has to look at first. (DESIGN 2.4)"""

import re
import unicodedata
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

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


_LAST_PART = re.compile(r"[/#?]+\Z|\?.*\Z")


def _plain(name: str) -> str:
    """Write a name so that ways of spelling it do not matter."""
    return unicodedata.normalize("NFKC", unquote(name)).casefold()


@lru_cache(1_024)
def _last_name(iri: str) -> str:
    return _plain(_LAST_PART.sub("", iri).rpartition("/")[2].rpartition("#")[2].rpartition(":")[2])


@lru_cache(8)
def _plain_names(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_plain, names))


def refuse_people(broker: Broker, fragment: dict[str, Any]) -> None:
    """Refuse entity types that describe people: this broker is for non-personal data. (DESIGN 2.10)"""
    refused = _plain_names(broker.settings.person_types)
    for iri in fragment.get("type", ()):
        name = _last_name(iri)
        if name in refused:
            raise BadRequestData(
                f"Entity type {name} describes people; this broker links open, non-personal data. "
                "Such data belongs in the personal-data module; the setting 'person_types' lists these types."
            )
