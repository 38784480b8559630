"""Which registrations of context sources a caller may make and look after. (docs/access.md)"""

from typing import Final

from broker.language.sources import Source
from broker.language.visibility import Attributes, Visibility
from broker.model.document import Document

_ANY_TYPE: Final = "*"  # no name of a type: only what is granted of all types takes it


def covers(registering: Visibility | None, source: Source) -> bool:
    """Say whether all that a source may be asked for lies within what may be registered."""
    if registering is None:
        return True
    scope = source.body.get("scope") or []
    return all(
        _covers(registering, {"type": sorted(types), "scope": scope, "attrs": {}}, information.attributes)
        for information in source.information
        for types in [entity.types or {_ANY_TYPE} for entity in information.entities] or [{_ANY_TYPE}]
    )


def _covers(registering: Visibility, document: Document, attributes: frozenset[str]) -> bool:
    allowed: Attributes | None = registering.covered(document)
    if allowed is None:
        return False
    return all(iri in allowed for iri in attributes) if attributes else allowed.every
