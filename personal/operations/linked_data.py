"""Disclosures for consumers of NGSI-LD: residents as entities of type Person. (issue 5)

A pseudonym never stands in a URL, so that there is no other way to ask for a Person than this query.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from base.database import Connection
from base.errors import BadRequestData, MethodNotAllowed
from personal.operations.call import Answer, Call, Module
from personal.operations.disclosures import EVENT, admit
from personal.operations.records import NAME
from personal.operations.releasing import Ask, Released, Ruling, offered, receipt, release, rule_on
from personal.rules.identifiers import PPID_FORM, fresh
from schemas.personal.catalogue import PERSON, VOCABULARY, context, term

LINKED: Final = "application/ld+json"
RECEIPT: Final = "Engawa-Receipt"
PARAMETERS: Final = frozenset({"limit", "offset", "count", "options", "format"})
MOST: Final = 100
MOST_NAMED: Final = 1_000
SIMPLIFIED: Final = frozenset({"simplified", "keyValues"})
_URN: Final = "urn:ngsi-ld:Person:"
_NAMES: Final[dict[str, Any]] = {
    "type": "array",
    "minItems": 1,
    "maxItems": 50,
    "uniqueItems": True,
    "items": {"type": "string", "pattern": "^[A-Za-z0-9:/.#_-]+$", "maxLength": 200},
}
QUERY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "entities", "purpose"],
    "properties": {
        "type": {"const": "Query"},
        "entities": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_NAMED,
            "items": {
                "type": "object",
                "required": ["id", "type"],
                "properties": {
                    "id": {"type": "string", "pattern": f"^{_URN}{PPID_FORM}$"},
                    "type": {"enum": [PERSON, VOCABULARY + PERSON]},
                },
                "additionalProperties": False,
            },
        },
        "pick": _NAMES,
        "attrs": _NAMES,
        "purpose": NAME,
        "event": EVENT,
        "@context": {},
    },
    "oneOf": [{"required": ["pick"]}, {"required": ["attrs"]}],
    "additionalProperties": False,
}


async def query(call: Call, module: Module) -> Answer:
    """Give the named persons, each with what this service may see for its purpose. (6.23)"""
    admit(call, module)
    body = call.body
    everybody = [one["id"].removeprefix(_URN) for one in body["entities"]]
    most = min(module.settings.bulk, MOST_NAMED)
    if len(everybody) > most or len(set(everybody)) != len(everybody):
        raise BadRequestData(f"Name at most {most} entities, each once.")
    names, more = _page(call, everybody)
    simplified = _simplified(call)

    def work(db: Connection) -> list[Ruling]:
        bare = Ask(call.actor.id, body["purpose"], (), body.get("event", ""))
        codes = _codes(body.get("pick") or body["attrs"], offered(db, bare))
        return rule_on(db, module, replace(bare, items=codes), names, call.now)

    rulings = await call.town.store.write(work)
    known = [one for one in rulings if one.person is not None]
    released = await release(module, call.town, known, call.now)
    asked = {ruling.id: name for ruling, name in zip(rulings, names, strict=True)}
    found = [_entity(asked[one.ruling.id], one, simplified) for one in released if one.items]
    headers = {RECEIPT: _receipt(call, found), **more}
    return Answer(body=found, headers=headers, media_type=LINKED)


async def no_url(_: Call, __: Module) -> Answer:
    """Refuse to find a person by URL: what stands in URLs is logged on the way."""
    raise MethodNotAllowed(
        "A person is asked for in the body of POST /personal/v1/ngsi-ld/v1/entityOperations/query only:"
        " a pseudonym in a URL would stand in logs.",
        headers={"Allow": ""},
    )


async def no_url_of_one(call: Call, module: Module) -> Answer:
    """Refuse to show a person by URL: what stands in URLs is logged on the way."""
    return await no_url(call, module)


def _page(call: Call, names: list[str]) -> tuple[list[str], dict[str, str]]:
    limit, offset = _number(call, "limit", MOST), _number(call, "offset", 0)
    if limit > MOST:
        raise BadRequestData(f"limit is at most {MOST}; go on with offset.")
    headers = {"NGSILD-Results-Count": str(len(names))} if call.params.get("count") == "true" else {}
    return names[offset : offset + limit], headers


def _number(call: Call, name: str, default: int) -> int:
    text = call.params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadRequestData(f"{name} must be a number from 0 on.")
    return int(text)


def _simplified(call: Call) -> bool:
    for name in ("options", "format"):
        if call.params.get(name, "normalized") not in {"normalized", *SIMPLIFIED}:
            raise BadRequestData(f"{name} is normalized or simplified here.")
    return any(call.params.get(name) in SIMPLIFIED for name in ("options", "format"))


def _codes(names: Sequence[str], offers: Any) -> tuple[str, ...]:
    """Find the items that are meant by attributes; what the catalogue does not offer is in no entity."""
    terms = {term(code): code for code in offers}
    plain = (name.removeprefix(VOCABULARY) for name in names)
    found = (terms.get(name) or (name if name in offers else None) for name in plain)
    codes = tuple(dict.fromkeys(code for code in found if code is not None))
    if not codes:
        raise BadRequestData("None of these attributes is approved in the catalogue for this purpose.")
    return codes


def _entity(name: str, one: Released, simplified: bool) -> dict[str, Any]:
    attributes = {
        term(code): value if simplified else {"type": "Property", "value": value}
        for code, value in one.items.items()
    }
    return {"id": _URN + name, "type": PERSON, **attributes, "@context": context(one.items)}


def _receipt(call: Call, found: list[dict[str, Any]]) -> str:
    """Sign for all of an answer; no name stands in it, for headers are logged on the way."""
    claims = {"purpose": call.body["purpose"], "subjects": len(found)}
    return receipt(call.town, call.actor.id, call.now, fresh("d_"), found, **claims)


ALSO: Final = frozenset({LINKED})
