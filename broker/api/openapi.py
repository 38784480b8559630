"""The OpenAPI description of what this broker serves, made from the table of operations."""

from collections.abc import Sequence
from typing import Any

from base.release import version
from broker.operations.call import JSON, LD_JSON, TEXT, Operation
from broker.settings import BrokerSettings

NUMBERS = {"limit", "offset", "joinLevel"}
FLAGS = {"count", "local", "deleteAll", "entityMap", "splitEntities"}
ARRAYS = ("create", "upsert", "update", "merge")


def document(operations: Sequence[Operation], settings: BrokerSettings) -> dict[str, Any]:
    """Describe all operations. (OpenAPI 3.1)"""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault("/ngsi-ld/v1" + operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{settings.title}: NGSI-LD context broker",
            "version": version(),
            "description": "ETSI GS CIM 009 V1.9.1; what is offered now is listed in README.md.",
        },
        "paths": paths,
        "security": [{}, {"bearer": []}, {"key": []}],
        "components": {"schemas": {"Problem": _PROBLEM}, "securitySchemes": _CREDENTIALS},
    }


_CREDENTIALS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token of an issuer, or an API key."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "status": {"type": "integer"},
    },
}


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.run.__name__,
        "summary": (operation.run.__doc__ or "").partition(".")[0],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_headers(operation)],
        "responses": {
            "2XX": {"description": "Done."},
            "4XX": {
                "description": "Refused; the body says why.",
                "content": {JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
    if operation.body:
        schema = _body_schema(operation)
        kinds = (JSON, TEXT) if operation.bare else (JSON, LD_JSON)
        described["requestBody"] = {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}
    return described


_TENANT = {
    "name": "NGSILD-Tenant",
    "in": "header",
    "schema": {"type": "string", "pattern": r"^[\w.:\-]{1,128}$"},
}


_PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "ngsi-ld=1.5: amend entities to that version; body=json: GeoJSON without @context.",
    "schema": {"type": "string"},
}


_SNAPSHOT = {
    "name": "NGSILD-Snapshot",
    "in": "header",
    "description": "Identifier of the snapshot that the operation is about.",
    "schema": {"type": "string", "format": "uri"},
}
_ENTITY_MAP = {
    "name": "NGSILD-EntityMap",
    "in": "header",
    "description": "Location of the entity map to use.",
    "schema": {"type": "string"},
}


def _headers(operation: Operation) -> list[dict[str, Any]]:
    reads = operation.method == "GET" or operation.path.endswith("/query")
    inside = not operation.tenantless and not operation.path.startswith("/snapshots")
    maps = "entityMap" in operation.params or operation.path.endswith("Operations/query")
    given = ((_TENANT, True), (_SNAPSHOT, inside), (_PREFER, reads), (_ENTITY_MAP, maps))
    return [header for header, wanted in given if wanted]


def _body_schema(operation: Operation) -> dict[str, Any]:
    if operation.bare:
        return {}
    last = operation.path.rpartition("/")[2]
    if last in ARRAYS:
        return {"type": "array", "items": {"type": "object"}, "minItems": 1}
    if last == "delete":
        return {"type": "array", "items": {"type": "string", "format": "uri"}, "minItems": 1}
    return {"type": "object"}


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "schema": _schema(name, operation)} for name in sorted(operation.params)
    ]


def _schema(name: str, operation: Operation) -> dict[str, Any]:
    if name == "options":
        return {"type": "string", "description": "Any of: " + ", ".join(sorted(operation.options))}
    if name in NUMBERS:
        return {"type": "integer", "minimum": 0}
    return {"type": "boolean"} if name in FLAGS else {"type": "string"}
