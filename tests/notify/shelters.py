"""A shelter whose changes tests are told of."""

from typing import Any

from tests.live import Live
from tests.notify.receiver import Receiver

SHELTER = "urn:ngsi-ld:Shelter:1"
NULL = "urn:ngsi-ld:null"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"


def shelter(**attributes: Any) -> dict[str, Any]:
    held = {"occupancy": {"type": "Property", "value": 5}, "name": {"type": "Property", "value": "Gym"}}
    return {"id": SHELTER, "type": "Shelter", **held, **attributes}


async def subscribe(live: Live, receiver: Receiver, notification: Any = None, **members: Any) -> str:
    parts = {"endpoint": {"uri": receiver.url}, **(notification or {})}
    parts["endpoint"] = {"uri": receiver.url, **parts["endpoint"]}
    body = {"type": "Subscription", "entities": [{"type": "Shelter"}], "notification": parts, **members}
    reply = await live.post("/subscriptions", {name: held for name, held in body.items() if held is not ...})
    assert reply.status == 201, reply.json
    location: str = reply.headers["Location"]
    return location.rpartition("/")[2]


async def create(live: Live, **attributes: Any) -> None:
    reply = await live.post("/entities", shelter(**attributes))
    assert reply.status == 201, reply.json


async def patch(live: Live, **attributes: Any) -> None:
    reply = await live.ask("PATCH", f"/entities/{SHELTER}/attrs", attributes)
    assert reply.status == 204, reply.json


async def value(live: Live, number: Any) -> None:
    await patch(live, occupancy={"type": "Property", "value": number})
