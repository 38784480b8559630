"""Entities, registrations and what brokers hold, for tests of distributed provision."""

from typing import Any

from tests.live import Live

OPS = ["redirectionOps"]
ID = "urn:ngsi-ld:Shelter:1"
HERE = {"local": "true"}


async def register(
    front: Live, source: Live | str, mode: str = "inclusive", *attrs: str, id: str | None = None, **more: Any
) -> str:
    """Register a source of shelters, or some of their attributes; give the id of the registration."""
    entity = {"type": "Shelter"} | ({"id": id} if id else {})
    info: dict[str, Any] = {"entities": [entity]} | ({"propertyNames": list(attrs)} if attrs else {})
    body = {
        "type": "ContextSourceRegistration",
        "mode": mode,
        "endpoint": source if isinstance(source, str) else source.url,
        "information": [info],
        "operations": OPS,
    } | more
    reply = await front.post("/csourceRegistrations", body)
    assert reply.status == 201, reply.json
    return str(reply.headers["Location"].rpartition("/")[2])


def shelter(id: str = ID, **attrs: Any) -> dict[str, Any]:
    """Write a shelter."""
    return {"id": id, "type": "Shelter"} | properties(**attrs)


def properties(**attrs: Any) -> dict[str, Any]:
    """Write attributes."""
    return {name: {"type": "Property", "value": value} for name, value in attrs.items()}


async def held(live: Live, id: str = ID) -> dict[str, Any] | None:
    """Give what one broker itself holds of an entity."""
    reply = await live.get(f"/entities/{id}", local="true", format="simplified")
    if reply.status != 200:
        return None
    return {name: value for name, value in reply.json.items() if name not in ("id", "type")}


async def keep(live: Live, body: dict[str, Any]) -> None:
    """Create an entity at one broker alone."""
    assert (await live.ask("POST", "/entities", body, params=HERE)).status == 201
