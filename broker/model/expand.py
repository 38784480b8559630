"""From what a client sent to the internal form: checked, expanded, stamped with the time. (5.2.4, 5.5.4, 5.5.7)"""

from typing import Any, Final

from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.model import validate
from broker.model.document import NULL, Document, Instance
from broker.model.instance import PLACES, Reader, check_place

NOT_ATTRIBUTES: Final = frozenset(
    {"id", "@id", "type", "@type", "@context", "scope", "expiresAt", "createdAt", "modifiedAt", "deletedAt"}
)
"""Members of an entity that are no attributes. (4.5.1)"""


def entity(body: Any, table: TermTable, now: int) -> Document:
    """Read an entity to create or to replace another with; NGSI-LD Null is refused. (5.2.4, 5.6.1, 5.6.18)"""
    _object(body, "The entity")
    id = body.get("id", body.get("@id"))
    given = body.get("type", body.get("@type"))
    if id is None or given is None:
        raise BadRequestData(
            f"The entity has no '{'id' if id is None else 'type'}'; every entity needs it (4.5.1)"
        )
    document: Document = {"id": validate.uri(id, "id"), "type": _types(given, table)}
    if "scope" in body:
        document["scope"] = validate.scopes(body["scope"])
    if "expiresAt" in body:
        document["expiresAt"] = validate.date_time(body["expiresAt"], "expiresAt")
    document["createdAt"] = document["modifiedAt"] = now
    document["attrs"] = _attributes(Reader(table, now), body)
    return document


def fragment(
    body: Any,
    table: TermTable,
    now: int,
    *,
    nulls: bool,
    merge: bool = False,
    simplified: bool = False,
    lang: str | None = None,
    observed_at: str | None = None,
) -> Document:
    """Read an entity fragment. `merge`: for merge_patch, with what the request says of all attributes. (5.4, 5.6.17)"""
    document = frame(body, table)
    if "scope" in body:
        scope = body["scope"]
        document["scope"] = NULL if nulls and scope == NULL else validate.scopes(scope)
    if "expiresAt" in body:
        expiry = body["expiresAt"]
        document["expiresAt"] = NULL if nulls and expiry == NULL else validate.date_time(expiry, "expiresAt")
    if lang is not None:
        document["lang"] = _language(lang)
    if observed_at is not None:
        document["observedAt"] = validate.date_time(observed_at, "observedAt")
    document["modifiedAt"] = now
    reader = Reader(table, now, nulls=nulls, merge=merge, partial=merge, simplified=simplified, lang=lang)
    document["attrs"] = _attributes(reader, body)
    return document


def frame(body: Any, table: TermTable) -> Document:
    """Read what names an entity: id and type, as far as they are there. (5.4)"""
    _object(body, "The entity fragment")
    document: Document = {}
    id = body.get("id", body.get("@id"))
    if id is not None:
        document["id"] = validate.uri(id, "id")
    given = body.get("type", body.get("@type"))
    if given is not None:
        document["type"] = _types(given, table)
    return document


def attribute(
    name: str, body: Any, table: TermTable, now: int, *, nulls: bool, partial: bool
) -> list[Instance]:
    """Read the body of one attribute; a partial one may lack type and value. (5.6.4, 5.6.19)"""
    if name == "scope":
        raise BadRequestData("The scope is changed through the entity, not as an attribute (5.6.4)")
    reader = Reader(table, now, nulls=nulls, partial=partial)
    iri = reader.name(name)
    if type(body) is dict and "@context" in body:
        body = {key: given for key, given in body.items() if key != "@context"}
    if body == {}:
        raise BadRequestData(f"The fragment for attribute '{validate.shown(name)}' is empty (5.6.4)")
    try:
        instances = reader.attribute(name, body)
    except RecursionError:
        raise BadRequestData(f"Attribute '{validate.shown(name)}' is nested too deeply") from None
    if iri in PLACES:
        check_place(name, instances)
    return instances


def attribute_name(name: Any, table: TermTable) -> str:
    """Expand the name of an attribute as a path or parameter gives it. (4.6.2, 5.5.7)"""
    return Reader(table, 0).name(validate.name(name, "The attribute name"))


def _object(body: Any, what: str) -> None:
    if type(body) is not dict:
        raise BadRequestData(f"{what} must be a JSON object (5.2.4)")


def _types(given: Any, table: TermTable) -> list[str]:
    names = [table.iri(name) for name in validate.types(given)]
    if any(name[0] == "@" for name in names):
        raise BadRequestData(
            "The entity type has a name that the @context keeps for itself; choose another (4.5.1)"
        )
    return names if len(names) == 1 else list(dict.fromkeys(names))


def _language(tag: str) -> str:
    if not validate.is_language(tag):
        raise BadRequestData("'lang' must be one language tag such as ja or pt-BR (5.6.17, RFC 5646)")
    return tag


def _attributes(reader: Reader, body: dict[str, Any]) -> dict[str, list[Instance]]:
    try:
        attributes = reader.attributes(body, NOT_ATTRIBUTES)
    except RecursionError:
        raise BadRequestData("The entity is nested too deeply") from None
    return attributes
