"""What a proxied registration may not overlap: other proxied ones, and entities held here. (4.3.6.3, 5.9.2.4)"""

from collections.abc import Iterable, Iterator

from base.errors import Conflict
from broker.language.selection import EntitySelector, Selection, Window
from broker.language.sources import Information, Source, SourceSelection, provided
from broker.language.types import TypeSelection
from broker.registry.index import Index
from broker.store.contract import TenantStore

PROXIED = ("exclusive", "redirect")


async def check(source: Source, index: Index, store: TenantStore, now: int) -> None:
    """Refuse a proxied registration that claims what is registered or held already. (5.9.2.4, 5.9.3.4)"""
    if source.mode == "exclusive":
        _check_sources(source, index, now, PROXIED)
        _check_entity(source, store, now)
    elif source.mode == "redirect":
        _check_sources(source, index, now, ("exclusive",))
        await _check_entities(source, store, now)


def _check_sources(source: Source, index: Index, now: int, modes: Iterable[str]) -> None:
    """Only one exclusive registration for the same attributes of an entity, and no redirect one beside it. (4.3.6.3)

    What is past and what is latest are registered apart. (5.9.1)
    """
    for wanted in _claims(source):
        for other in index.candidates(wanted):
            if (
                other.id != source.id
                and other.mode in modes
                and other.temporal == source.temporal
                and other.living(now)
                and provided(other, wanted)
            ):
                raise Conflict(
                    f"The {other.mode} registration {other.id} covers the same attributes of the same entity; "
                    "delete it or register other ones."
                )


def _claims(source: Source) -> Iterator[SourceSelection]:
    """Write what a registration claims as what would be asked of others."""
    for info in source.information:
        yield SourceSelection(_selectors(info), info.attributes)


def _selectors(info: Information, *, all_types: bool = False) -> tuple[EntitySelector, ...]:
    """Select the entities of a RegistrationInfo, of any or all of the types of each EntityInfo. (5.2.8)"""
    selectors = []
    for entity in info.body.get("entities", ()):
        ids = (entity["id"],) if "id" in entity else ()
        names = tuple(entity["type"])
        if not names:
            selectors.append(EntitySelector(ids, None if ids else entity.get("idPattern")))
            continue
        selection = TypeSelection((names,) if all_types else tuple((name,) for name in names))
        selectors.append(EntitySelector(ids, None if ids else entity.get("idPattern"), selection))
    return tuple(selectors)


def _check_entity(source: Source, store: TenantStore, now: int) -> None:
    """No entity here may have the attributes that are held elsewhere alone. (5.9.2.4)"""
    for info in source.information:
        for id in {entity.id for entity in info.entities if entity.id is not None}:
            stored = store.document(id, now)
            if stored is not None and not info.attributes.isdisjoint(stored.document["attrs"]):
                raise Conflict(
                    f"Entity {id} has attributes here that the exclusive registration claims; delete them first."
                )


async def _check_entities(source: Source, store: TenantStore, now: int) -> None:
    """No entity here may be one that is held elsewhere. (5.9.2.4)"""
    for info in source.information:
        selection = Selection(_selectors(info, all_types=True), info.attributes)
        page = await store.query(selection, Window(1), now)
        if page.stamps:
            raise Conflict(
                f"Entity {page.stamps[0].id} is held here and matches the redirect registration; delete it first."
            )
