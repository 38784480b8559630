"""What GS CIM 009 V1.9.1 demands of each operation: the clause of a parameter, the status codes. (6.3 to 6.38)"""

from typing import Final

CLAUSES: Final = {
    "aggrMethods": "4.5.19", "aggrPeriodDuration": "4.5.19", "asOf": "extension", "attrs": "4.21",
    "collation": "4.23.3", "containedBy": "4.5.23", "coordinates": "4.10", "core": "NGSI-LD 2.0",
    "count": "6.3.13", "csf": "4.9", "datasetId": "4.5.5", "deleteAll": "5.6.5", "details": "6.25 to 6.30",
    "drop": "5.6.21", "endTimeAt": "4.11", "entityMap": "4.5.25", "entityMapLifetime": "4.5.25",
    "expandValues": "4.9", "format": "6.3.7", "geometry": "4.10", "geometryProperty": "6.3.15",
    "geoproperty": "4.10", "georel": "4.10", "id": "5.7.2", "idPattern": "5.7.2", "join": "4.5.23",
    "joinLevel": "4.5.23", "jsonKeys": "4.9", "keep": "5.6.21", "kind": "5.13.3", "lang": "4.15",
    "lastN": "4.11", "limit": "6.3.10", "local": "6.3.18", "observedAt": "4.8", "offset": "6.3.10",
    "omit": "4.21", "options": "6.3.7, 6.3.11", "orderBy": "4.23", "orderFrom": "4.23",
    "orderGeometry": "4.23", "pick": "4.21", "q": "4.9", "reload": "5.13.5", "scopeQ": "4.19",
    "splitEntities": "4.3.6.7", "timeAt": "4.11", "timeproperty": "4.11", "timerel": "4.11", "type": "4.17",
}  # fmt: skip

_PAGE: Final = ("limit", "offset", "count")
_DISTANCE: Final = ("orderFrom", "orderGeometry")
_OWN: Final = "yes, an extension"
_FORMATS: Final = "never: every format is supported"
_LATER: Final = "yes, beyond the setting `temporal_instances` (20,000)"
_MAPS: Final = (
    "GET /entityMaps",
    "POST /entityMaps",
    "GET /temporal/entityMaps",
    "POST /temporal/entityMaps",
)
_TEMPORAL: Final = ("GET /temporal/entities", "GET /temporal/entityMaps")
_ENTITY: Final = "GET /temporal/entities/{entityId}"
_NO_EFFECT: Final = "yes, without effect"
NOTES: Final = {
    **{(o, name): f"{_NO_EFFECT}: a map is whole" for o in _MAPS for name in _PAGE},
    **{("GET /jsonldContexts", name): _OWN for name in _PAGE},
    **{(o, name): f"{_NO_EFFECT}: only id orders them" for o in _TEMPORAL for name in _DISTANCE},
    (_ENTITY, "entityMap"): f"{_OWN}: as for one entity",
    (_ENTITY, "entityMapLifetime"): f"{_OWN}: as for one entity",
    ("GET /entityMaps", "geometryProperty"): "yes: it is refused, as a map is not GeoJSON",
    ("GET /entityMaps", "203"): "never: a map names ids, the same in every version",
    ("DELETE /entities", "geometryProperty"): f"{_NO_EFFECT}: no entity is shown",
    ("DELETE /entities", "jsonKeys"): f"{_OWN}: as for a query",
    ("DELETE /entities", "expandValues"): f"{_OWN}: as for a query",
    ("POST /entities", "422"): "never: no operation is switched off",
    ("POST /temporal/entities", "422"): "never: no operation is switched off",
    ("POST /csourceRegistrations", "422"): "never: no operation is switched off",
    ("GET /entities", "501"): _FORMATS,
    ("GET /entities/{entityId}", "501"): _FORMATS,
    ("GET /entityMaps", "501"): _FORMATS,
    ("GET /info/sourceIdentity", "501"): "never: the identity is always told",
    ("GET /temporal/entities", "206"): _LATER,
    (_ENTITY, "206"): _LATER,
    ("DELETE /snapshots", "207"): "never: all that fit are purged in one transaction",
}
"""Why a parameter or status has no case, or what its case does not tell."""

_EXTRA: Final = ("tests/api/test_extra_parameters.py",)
_LATE: Final = ("tests/api/test_temporal_pages.py",)
FILES: Final = {
    **{(o, name): _EXTRA for o in (*_MAPS, "GET /jsonldContexts") for name in _PAGE},
    **{(o, name): _EXTRA for o in _TEMPORAL for name in _DISTANCE},
    **{(_ENTITY, name): _EXTRA for name in ("entityMap", "entityMapLifetime")},
    ("GET /temporal/entities", "206"): _LATE,
    (_ENTITY, "206"): _LATE,
}
"""Tests that show what no case can demand of any broker."""

STATUSES: Final = {
    "POST /entities": "201 207 400 409 422",
    "GET /entities": "200 201 203 400 501",
    "DELETE /entities": "204 207 400",
    "GET /entities/{entityId}": "200 203 400 404 501",
    "PUT /entities/{entityId}": "204 207 400 404",
    "PATCH /entities/{entityId}": "204 207 400 404",
    "DELETE /entities/{entityId}": "204 207 400 404",
    "POST /entities/{entityId}/attrs": "204 207 400 404",
    "PATCH /entities/{entityId}/attrs": "204 207 400 404",
    "PATCH /entities/{entityId}/attrs/{attrId}": "204 207 400 404",
    "PUT /entities/{entityId}/attrs/{attrId}": "204 207 400 404",
    "DELETE /entities/{entityId}/attrs/{attrId}": "204 207 400 404",
    "GET /entities/{entityId}/attrs/{attrId}": "200 400 404",
    "GET /entities/{entityId}/attrs/{attrId}/value": "200 400 404",
    "PUT /entities/{entityId}/attrs/{attrId}/value": "204 400 404",
    "POST /entityOperations/create": "201 207 400",
    "POST /entityOperations/upsert": "201 204 207 400",
    "POST /entityOperations/update": "204 207 400",
    "POST /entityOperations/delete": "204 207 400",
    "POST /entityOperations/merge": "204 207 400",
    "POST /entityOperations/query": "200 201 203 400",
    "GET /entityMaps": "201 203 400 501",
    "POST /entityMaps": "201 400",
    "GET /temporal/entityMaps": "201 400",
    "POST /temporal/entityMaps": "201 400",
    "GET /entityMaps/{entityMapId}": "200 400 404",
    "PATCH /entityMaps/{entityMapId}": "204 400 404",
    "DELETE /entityMaps/{entityMapId}": "204 400 404",
    "GET /info/sourceIdentity": "200 501",
    "POST /snapshots": "201 400 409",
    "DELETE /snapshots": "204 207 400 404",
    "GET /snapshots/{snapshotId}": "200 400 404",
    "PATCH /snapshots/{snapshotId}": "200 400 404",
    "DELETE /snapshots/{snapshotId}": "204 400 404",
    "POST /snapshots/{snapshotId}/clone": "201 400 404 409",
    "GET /types": "200 400",
    "GET /types/{type}": "200 400 404",
    "GET /attributes": "200 400",
    "GET /attributes/{attrId}": "200 400 404",
    "POST /temporal/entities": "201 204 400 422",
    "GET /temporal/entities": "200 201 203 206 400",
    "GET /temporal/entities/{entityId}": "200 203 206 400 404",
    "DELETE /temporal/entities/{entityId}": "204 400 404",
    "POST /temporal/entities/{entityId}/attrs": "204 400 404",
    "DELETE /temporal/entities/{entityId}/attrs/{attrId}": "204 400 404",
    "PATCH /temporal/entities/{entityId}/attrs/{attrId}/{instanceId}": "204 400 404",
    "DELETE /temporal/entities/{entityId}/attrs/{attrId}/{instanceId}": "204 400 404",
    "POST /temporal/entityOperations/query": "200 201 400",
    "POST /subscriptions": "201 400 409",
    "GET /subscriptions": "200 400",
    "GET /subscriptions/{subscriptionId}": "200 400 404",
    "PATCH /subscriptions/{subscriptionId}": "204 400 404",
    "DELETE /subscriptions/{subscriptionId}": "204 400 404",
    "POST /csourceRegistrations": "201 400 409 422",
    "GET /csourceRegistrations": "200 400",
    "GET /csourceRegistrations/{registrationId}": "200 400 404",
    "PATCH /csourceRegistrations/{registrationId}": "204 400 404",
    "DELETE /csourceRegistrations/{registrationId}": "204 400 404",
    "POST /csourceSubscriptions": "201 400 409",
    "GET /csourceSubscriptions": "200 400",
    "GET /csourceSubscriptions/{subscriptionId}": "200 400 404",
    "PATCH /csourceSubscriptions/{subscriptionId}": "204 400 404",
    "DELETE /csourceSubscriptions/{subscriptionId}": "204 400 404",
    "POST /jsonldContexts": "201 400",
    "GET /jsonldContexts": "200 400",
    "GET /jsonldContexts/{contextId}": "200 400 404 422",
    "DELETE /jsonldContexts/{contextId}": "204 400 404 504",
}
"""The status codes of the clause's table of responses; those of all resources stand apart."""
