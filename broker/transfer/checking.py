"""What is put back was made up by nobody knows whom: kept bodies are checked as if they had just been given."""

from collections.abc import Mapping
from typing import Any, Final

from base.errors import BadRequestData, LdContextNotAvailable
from broker.language import sources
from broker.model import registration, registration_presentation, retention
from broker.model.demand import Demands
from broker.notify import presentation, subscription
from broker.notify.book import ready
from broker.operations.call import Broker
from broker.store.transfer import Record, Subscription

LONG_AGO: Final = 0  # an expiry in the past is fine: it was once in the future
SETTING, HISTORY, DEMANDS = "setting", "history", "schemas"
_OWN: Final = subscription.HIDDEN | registration.HIDDEN | {"notificationTrigger", "jsonldContext"}
_COUNTED: Final = {
    "timesSent": int,
    "timesFailed": int,
    "lastNotification": int,
    "lastSuccess": int,
    "lastFailure": int,
    "status": str,
}


def check_record(record: Record, broker: Broker) -> None:
    """Refuse a registration or a setting that the broker could not work with."""
    if record.kind == SETTING:
        _check_setting(record)
        return
    body, table = record.body, broker.contexts.core.table
    if body.get("id") != record.id:
        raise BadRequestData("The id of the line and that of the registration differ.")
    _check_stamps(body)
    _check_counters(body)
    source = sources.prepare(body)
    if source.expires != record.expires:
        raise BadRequestData("The line and the registration expire at different times.")
    shown = registration_presentation.show(body, table, masked=False)
    _check_same(registration.create(shown, record.id, registration.Given(table, LONG_AGO)), body)


def _check_setting(record: Record) -> None:
    if record.id == HISTORY:
        retention.policy(record.body, retention.Policy())
    elif record.id == DEMANDS:
        Demands(record.body)
    else:
        raise BadRequestData("The setting is none that this Engawa knows.")


async def check_subscription(kept: Subscription, broker: Broker, tenant: str, now: int) -> None:
    """Refuse a subscription that the broker could not serve; its @context may be out of reach for now."""
    body, table = kept.body, broker.contexts.core.table
    _check_stamps(body)
    _check_counters(body)
    about = body.get("about", subscription.ENTITIES)
    if not isinstance(body.get("jsonldContext", ""), str) or not isinstance(
        body.get("madeContext", False), bool
    ):
        raise BadRequestData("jsonldContext of a subscription must be text.")
    plain = {name: held for name, held in body.items() if name != "counters"}
    given = subscription.Given(table, LONG_AGO, body["@context"], about)
    _check_same(subscription.create(presentation.show(plain, table, now), body["id"], given), body)
    try:
        await ready(body, tenant, broker.contexts, broker.settings.query_terms)
    except LdContextNotAvailable:
        return


def _check_same(made: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Refuse a body that is not in normal form: what is read of it anew has to be the same."""
    for name in (made.keys() | body.keys()) - _OWN:
        if made.get(name) != body.get(name):
            raise BadRequestData(f"The member {name[:40]} is not as an Engawa keeps it.")


def _check_stamps(body: Mapping[str, Any]) -> None:
    if any(type(body.get(name)) is not int for name in ("createdAt", "modifiedAt")):
        raise BadRequestData("createdAt and modifiedAt of what is kept must be whole numbers of µs.")


def _check_counters(body: Mapping[str, Any]) -> None:
    counters = body.get("counters", {})
    if not isinstance(counters, dict) or any(
        type(held) is not _COUNTED.get(n) for n, held in counters.items()
    ):
        raise BadRequestData("The counters hold something that this Engawa does not count.")
