"""A registration and a subscription to it, as tests make them."""

from typing import Any

from tests.live import Live
from tests.notify.receiver import Receiver

ID = "urn:ngsi-ld:Subscription:1"
REGISTRATION = "urn:ngsi-ld:ContextSourceRegistration:1"
ROOT, REGISTRATIONS = "/csourceSubscriptions", "/csourceRegistrations"


def body(uri: str = "http://127.0.0.1:9/notify", **members: Any) -> dict[str, Any]:
    made = {
        "id": ID,
        "type": "Subscription",
        "entities": [{"type": "Shelter"}],
        "notification": {"endpoint": {"uri": uri, "accept": "application/json"}},
        **members,
    }
    return {name: value for name, value in made.items() if value is not ...}


def source(**members: Any) -> dict[str, Any]:
    return {
        "id": REGISTRATION,
        "type": "ContextSourceRegistration",
        "endpoint": "http://neighbour.example:1026",
        "information": [{"entities": [{"type": "Shelter"}]}],
        **members,
    }


async def subscribe(live: Live, receiver: Receiver, **members: Any) -> None:
    made = await live.post(ROOT, body(receiver.url, **members))
    assert made.status == 201, made.json


async def register(live: Live, **members: Any) -> None:
    made = await live.post(REGISTRATIONS, source(**members))
    assert made.status == 201, made.json


async def change(live: Live, **members: Any) -> None:
    assert (await live.ask("PATCH", f"{REGISTRATIONS}/{REGISTRATION}", members)).status == 204


def told(receiver: Receiver) -> list[tuple[str, list[str]]]:
    """Give reason and numbers of the registrations of each notification."""
    return [
        (request.json["triggerReason"], [one["id"].rpartition(":")[2] for one in request.json["data"]])
        for request in receiver.requests
    ]
