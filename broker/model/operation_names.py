"""The names by which a registration tells which operations its source offers. (4.20)"""

from collections.abc import Iterable
from typing import Final

_TYPES: Final = (
    "retrieveEntityTypes",
    "retrieveEntityTypeDetails",
    "retrieveEntityTypeInfo",
    "retrieveAttrTypes",
    "retrieveAttrTypeDetails",
    "retrieveAttrTypeInfo",
)
_SUBSCRIPTIONS: Final = (
    "createSubscription",
    "updateSubscription",
    "retrieveSubscription",
    "querySubscription",
    "deleteSubscription",
)
_ENTITY_MAPS: Final = (
    "retrieveEntityMap",
    "updateEntityMap",
    "deleteEntityMap",
    "createEntityMapQueryEntity",
)
_READ: Final = ("retrieveEntity", "queryEntity")
_CHANGE: Final = ("updateEntity", "updateAttrs", "replaceEntity", "replaceAttrs")
_IDENTITY: Final = "retrieveContextSourceIdentity"

OPERATIONS: Final = frozenset(
    {
        *_READ,
        *_TYPES,
        *_SUBSCRIPTIONS,
        *_ENTITY_MAPS,
        *_CHANGE,
        _IDENTITY,
        *("createEntity", "appendAttrs", "deleteAttrs", "deleteEntity", "mergeEntity", "purgeEntity"),
        *("createBatch", "upsertBatch", "updateBatch", "deleteBatch", "mergeBatch", "queryBatch"),
        *("upsertTemporal", "appendAttrsTemporal", "deleteAttrsTemporal", "deleteTemporal"),
        *("updateAttrInstanceTemporal", "deleteAttrInstanceTemporal"),
        *("retrieveTemporal", "queryTemporal", "createEntityMapQueryTemporal"),
    }
)
"""The single operations of Table 4.20-1."""

GROUPS: Final[dict[str, frozenset[str]]] = {
    "federationOps": frozenset(
        {*_READ, "queryBatch", *_TYPES, *_SUBSCRIPTIONS, *_ENTITY_MAPS, _IDENTITY},
    ),
    "associationOps": frozenset({*_READ, "queryBatch", *_TYPES, *_SUBSCRIPTIONS, _IDENTITY}),
    "updateOps": frozenset(_CHANGE),
    "retrieveOps": frozenset(_READ),
    "redirectionOps": frozenset(
        {
            *("createEntity", "appendAttrs", "deleteAttrs", "deleteEntity", "mergeEntity", "purgeEntity"),
            *_CHANGE,
            *_READ,
            *_TYPES,
            *_ENTITY_MAPS,
            _IDENTITY,
        }
    ),
}
"""The groups of Table 4.20-2."""

DEFAULT: Final = ("federationOps",)
DEFAULT_AUXILIARY: Final = ("retrieveOps",)
"""What an auxiliary registration offers that names no operations: the part of the default it may name. (5.9.2.4)"""
AUXILIARY: Final = frozenset({"retrieveOps", *_READ})
"""What an auxiliary registration may name. (5.9.2.4)"""


def single(names: Iterable[str]) -> frozenset[str]:
    """Give the single operations that names of operations and groups stand for. (4.20)"""
    return frozenset(one for name in names for one in GROUPS.get(name, {name}))
