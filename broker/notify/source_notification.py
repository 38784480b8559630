"""The body of a notification about registrations. (5.3.2, 5.11.7)"""

from collections.abc import Sequence
from typing import Any

import orjson

from base import clock, ids
from broker.language.sources import Match
from broker.model import registration_presentation
from broker.notify.interest import Interest
from broker.store.contract import Message


def message(key: str, interest: Interest, matches: Sequence[Match], reason: str, at: int) -> Message:
    """Write the notification of registrations, each with the information that is wanted of it. (5.3.2)"""
    id = ids.urn("Notification")
    body: dict[str, Any] = {
        "id": id,
        "type": "ContextSourceNotification",
        "subscriptionId": interest.id,
        "notifiedAt": clock.show(at),
        "triggerReason": reason,
        "data": [_shown(match, interest) for match in matches],
    }
    if interest.form.context is not None:
        body["@context"] = interest.form.context
    return Message(id, key, interest.endpoint.uri, orjson.dumps(body), interest.headers, at)


def _shown(match: Match, interest: Interest) -> dict[str, Any]:
    """Write one registration; types are lists here, single ones as well, since machines read them. (5.2.8)"""
    form = interest.form
    shown = registration_presentation.show(
        match.source.body,
        form.table,
        information=[info.body for info in match.information],
        sys_attrs=form.representation.sys_attrs,
        type_lists=True,
    )
    return shown if form.context is None else {**shown, "@context": form.context}
