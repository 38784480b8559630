"""Registrations of context sources as tests make and find them."""

from typing import Any

from tests.live import Live

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
TYPE = "ContextSourceRegistration"
ID = "urn:ngsi-ld:ContextSourceRegistration:1"
ROOT = "/csourceRegistrations"
PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def info(**members: Any) -> dict[str, Any]:
    return {"entities": [{"type": "Shelter"}], **members}


def body(**members: Any) -> dict[str, Any]:
    made = {
        "id": ID,
        "type": TYPE,
        "endpoint": "http://neighbour.example:1026",
        "information": [info()],
        **members,
    }
    return {name: value for name, value in made.items() if value is not ...}


async def register(live: Live, number: int, **members: Any) -> str:
    id = f"urn:ngsi-ld:{TYPE}:{number}"
    made = await live.post(ROOT, body(id=id, **members))
    assert made.status == 201, made.json
    return id


async def found(live: Live, **params: Any) -> list[str]:
    reply = await live.get(ROOT, **params)
    assert reply.status == 200, reply.json
    return [one["id"].rpartition(":")[2] for one in reply.json]
