"""Notifications of the status of a snapshot: written with the change, delivered from the outbox. (5.3.4, 5.16.6)"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from base import clock, ids
from broker.model import tenancy
from broker.model.snapshot import DETAILS
from broker.notify import endpoint as endpoints
from broker.notify.interest import Endpoint
from broker.store.contract import Message

_PREFIX: Final = "snapshot "  # no URI begins so: a subscription may have the same id
_MEMBERS: Final = ("snapshotPriority", "snapshotStatus", DETAILS[0])


def check(body: Mapping[str, Any]) -> None:
    """Refuse a receiver that notifications cannot be sent to. (5.2.41, 5.2.15)"""
    if "endpoint" in body:
        info = {"receiverInfo": body["receiverInfo"]} if "receiverInfo" in body else {}
        endpoints.check({"uri": body["endpoint"], **info})


def messages(tenant: str, body: Mapping[str, Any], now: int, *, deleted: bool = False) -> tuple[Message, ...]:
    """Write what the receiver of a snapshot is told, if there is one. (5.16.6)"""
    if "endpoint" not in body:
        return ()
    id = ids.urn("Notification")
    told = {
        "id": id,
        "type": "SnapshotNotification",
        "snapshotId": body["id"],
        "notifiedAt": clock.show(now),
        "expiresAt": clock.show(min(body["expiresAt"], now - 1) if deleted else body["expiresAt"]),
        **{name: body[name] for name in _MEMBERS if name in body},
    }
    if DETAILS[1] in body:
        told["temporalSnapshotQueriesDetails"] = body[DETAILS[1]]
    headers = {"Content-Type": "application/json", **tenancy.headers(tenant)}
    given = {pair["key"]: pair["value"] for pair in body.get("receiverInfo", ())}
    named = {name.lower() for name in given}
    headers = {name: value for name, value in headers.items() if name.lower() not in named} | given
    return (Message(id, _PREFIX + body["id"], body["endpoint"], orjson.dumps(told), headers, now),)


def is_about_snapshot(key: str) -> bool:
    """Say whether a waiting message tells of a snapshot."""
    return key.startswith(_PREFIX)


def receiver(message: Message) -> Endpoint:
    """Give where a message about a snapshot goes."""
    uri = message.endpoint
    target = endpoints.mqtt_target({"uri": uri}) if endpoints.is_mqtt(uri) else None
    return Endpoint(uri, None, 0, target)
