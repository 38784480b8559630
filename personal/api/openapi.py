"""The OpenAPI description of the module, made from the table of operations. (OpenAPI 3.1)"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from aiohttp import web

from base.release import version
from personal.api.front import PREFIX, TOWN_HEADER, path_of
from personal.operations.actors import Who
from personal.operations.call import JSON, Operation
from personal.operations.tokens import TOKEN_PATH
from personal.rules.levels import Level

PATH: Final = PREFIX + "/openapi.json"
PROBLEM: Final = "application/problem+json"
_OBJECT: Final[dict[str, Any]] = {"type": "object"}
_USAGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["logtime", "action", "receiverCode", "receiverName", "receiverSystem"],
    "properties": {
        "logtime": {"type": "string", "format": "date-time"},
        "action": {"type": "string", "minLength": 1},
        "receiverCode": {"type": "string", "minLength": 1},
        "receiverName": {"type": "string", "minLength": 1},
        "receiverSystem": {"type": "string", "minLength": 1},
    },
}
ANSWERS: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("POST", "/token"): {
        "type": "object",
        "required": ["access_token", "token_type", "expires_in"],
        "properties": {
            "access_token": {"type": "string"},
            "token_type": {"const": "Bearer"},
            "expires_in": {"type": "integer", "minimum": 1},
        },
    },
    ("POST", "/disclosures/bulk"): {"type": "string"},
    ("POST", "/ngsi-ld/v1/entityOperations/query"): {"type": "array", "items": _OBJECT},
    ("GET", "/usage/v2/findUsage"): {
        "type": "object",
        "required": ["totalUsages", "usages"],
        "properties": {
            "totalUsages": {"type": "integer", "minimum": 0},
            "usages": {"type": "array", "maxItems": 1000, "items": _USAGE},
        },
    },
    ("GET", "/usage/v2/usagePeriod"): {
        "type": "object",
        "required": ["periodStart"],
        "properties": {"periodStart": {"type": "string", "format": "date-time"}},
    },
    ("GET", "/usage/v2/heartbeat"): {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"enum": ["OK", "FAIL"]}, "message": {"type": "string"}},
    },
}
"""What is answered, where another interface prescribes it. (RFC 6749 5.1; Andmejälgija 2.1.0)"""
MEDIA: Final[Mapping[str, str]] = {
    "/keys": "application/jwk-set+json",
    "/city-cards/keys": "application/jwk-set+json",
    "/items/{item}": "application/schema+json",
    "/disclosures/bulk": "application/x-ndjson",
    "/me/receipts/{id}": "application/ld+json",
    "/consents/agreed": "application/ld+json",
    "/consents/paper/receipt": "application/ld+json",
    "/ngsi-ld/v1/entityOperations/query": "application/ld+json",
}
"""The media types of answers that are not plain JSON."""
NUMBERS: Final = frozenset(
    {"before", "first", "from", "limit", "number", "offset", "position", "second", "size"}
)
"""Parameters that are whole numbers from 0."""
MOMENTS: Final = frozenset({"periodStart", "periodEnd", "since", "until"})
"""Parameters that are moments. (RFC 3339)"""
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "detail", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "status": {"type": "integer"},
    },
}
_LEVELS: Final = {
    Level.NONE: "",
    Level.CONTACTLESS: " with the card",
    Level.CITY_CARD: " with the city's ID card and a second factor",
    Level.CARD: " with the card and its PIN",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Describe all operations."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(path_of(operation), {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Engawa: personal data",
            "version": version(),
            "description": "Residents' data, and what leaves with whose consent (docs/personal.md).",
        },
        "paths": paths,
        "components": {"schemas": {"Problem": _PROBLEM}, "securitySchemes": _schemes()},
    }


def routes(operations: Sequence[Operation]) -> list[web.RouteDef]:
    """Give the route of the description."""
    body = orjson.dumps(document(operations))

    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=JSON, headers={"X-Content-Type-Options": "nosniff"})

    return [web.get(PATH, serve)]


def _schemes() -> dict[str, Any]:
    proof = "a client assertion signed by the service's key (private_key_jwt, RFC 7523)"
    return {
        Who.SERVICE.value: {
            "type": "oauth2",
            "description": f"Access token of a service, got with {proof}.",
            "flows": {"clientCredentials": {"tokenUrl": TOKEN_PATH, "scopes": {}}},
        },
        "certificate": {"type": "mutualTLS", "description": "The client certificate the catalogue names."},
        Who.RESIDENT.value: {"type": "http", "scheme": "bearer", "description": "The login of a resident."},
        Who.STAFF.value: {
            "type": "http",
            "scheme": "bearer",
            "description": "The login of a member of staff.",
        },
        Who.ENTRANT.value: {
            "type": "http",
            "scheme": "bearer",
            "description": "The login of a member of staff who has to give a second factor.",
        },
        Who.PEER.value: {
            "type": "http",
            "scheme": "bearer",
            "description": "The module of another municipality.",
        },
        Who.DESK.value: {
            "type": "http",
            "scheme": "bearer",
            "description": "A desk that reads cards; its token is got like that of a service, as desk.{id}.",
        },
        Who.AGENT.value: {"type": "mutualTLS", "description": "The agent inside LGWAN."},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.run.__module__.rpartition('.')[2]}.{operation.run.__name__}",
        "summary": (operation.run.__doc__ or "").strip().partition("\n")[0],
        "tags": [path_of(operation).removeprefix(PREFIX).split("/")[1]],
        "parameters": [*_path(operation), *_query(operation), _TOWN],
        "responses": _responses(operation),
        "security": _security(operation),
    }
    if told := _told(operation):
        described["description"] = told
    if operation.schema is not None:
        described["requestBody"] = {
            "required": True,
            "content": {operation.media_type: {"schema": operation.schema}},
        }
    return described


def _told(operation: Operation) -> str:
    sentences = []
    if operation.roles and Who.STAFF in operation.who:
        sentences.append(f"Staff need one of the roles {', '.join(sorted(operation.roles))}.")
    if operation.level is not Level.NONE and Who.RESIDENT in operation.who:
        sentences.append(f"Residents log in{_LEVELS[operation.level]}.")
    return " ".join(sentences)


def _security(operation: Operation) -> list[dict[str, Any]]:
    named: list[dict[str, Any]] = [{who.value: []} for who in sorted(operation.who) if who is not Who.NOBODY]
    open_to_all: list[dict[str, Any]] = [{}] if Who.NOBODY in operation.who else []
    return [*open_to_all, *named, *([{"certificate": []}] if Who.SERVICE in operation.who else [])]


def _responses(operation: Operation) -> dict[str, Any]:
    schema = ANSWERS.get((operation.method, operation.path), _OBJECT)
    kinds = {MEDIA.get(operation.path, JSON): {"schema": schema}}
    if "format" in operation.params and operation.path not in MEDIA:
        kinds |= {
            kind: {"schema": {"type": "string"}} for kind in ("text/csv", "text/html", "application/pdf")
        }
    refusal = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found = {
        "204": {"description": "Done; there is nothing to tell."},
        "2XX": {"description": "Done.", "content": kinds},
        "415": {"description": "The body is of another media type."},
        "4XX": {"description": "Refused; the body says why.", "content": refusal},
        "5XX": {"description": "It failed here, or a location is off-line.", "content": refusal},
    }
    if operation.schema is None:
        del found["415"]
    return found


def _path(operation: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path_of(operation).split("/") if part.startswith("{")]
    return [_parameter("path", name, required=True) for name in names]


def _query(operation: Operation) -> list[dict[str, Any]]:
    return [_parameter("query", name) for name in sorted(operation.params)]


def _parameter(place: str, name: str, *, required: bool = False) -> dict[str, Any]:
    whole = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
    schema: dict[str, Any] = whole if name in NUMBERS and place == "query" else {"type": "string"}
    if name in MOMENTS:
        schema = {"type": "string", "format": "date-time"}
    return {"name": name, "in": place, "required": required, "schema": schema}


_TOWN: Final = {
    "name": TOWN_HEADER,
    "in": "header",
    "description": "The municipality, where several share the module.",
    "schema": {"type": "string"},
}
