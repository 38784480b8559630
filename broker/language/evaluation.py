"""Whether a document is selected: what a store cannot say exactly is asked here. (5.7.2.4)"""

from collections.abc import Callable
from typing import TypeAlias

from broker.language import geo, q, scope, types
from broker.language.patterns import searcher
from broker.language.selection import EntitySelector, Selection
from broker.language.visibility import Visibility, visible
from broker.model.document import Document

Resolve: TypeAlias = Callable[[str], Document | None]


def matches(selection: Selection, document: Document, resolve: Resolve) -> bool:
    """Say whether a document meets everything a selection asks for; `resolve` gives linked entities. (5.7.2.4)

    dataset_ids take no part: they choose instances for the answer, not entities.
    """
    return found(selection, document, resolve) is not None


def found(selection: Selection, document: Document, resolve: Resolve) -> Document | None:
    """Give what is visible of a document if that meets everything a selection asks for. (5.7.2.4, docs/access.md)"""
    if selection.visibility is None:
        return document if _meets(selection, document, resolve) else None
    seen = selection.visibility.shown(document)
    if seen is None or not _meets(selection, seen, seeing(selection.visibility, resolve)):
        return None
    return seen


def seeing(visibility: Visibility | None, resolve: Resolve) -> Resolve:
    """Resolve to what is visible of linked entities: one that is not visible is not there."""
    if visibility is None:
        return resolve

    def seen(id: str) -> Document | None:
        document = resolve(id)
        return None if document is None else visible(document, visibility)

    return seen


def _meets(selection: Selection, document: Document, resolve: Resolve) -> bool:
    return (
        (not selection.selectors or any(chosen(selector, document) for selector in selection.selectors))
        and (not selection.attrs or not selection.attrs.isdisjoint(document["attrs"]))
        and (selection.scope is None or scope.matches(selection.scope, document.get("scope")))
        and (selection.q is None or q.matches(selection.q, document, resolve))
        and (selection.geo is None or geo.matches(selection.geo, document))
    )


def chosen(selector: EntitySelector, document: Document) -> bool:
    """Say whether a selector of ids, pattern and types takes a document. (5.2.33)"""
    id = document["id"]
    return (
        (not selector.ids or id in selector.ids)
        and (selector.types is None or types.matches(selector.types, document["type"]))
        and (selector.id_pattern is None or searcher(selector.id_pattern)(id))
    )
