"""Consents as residents read them: what waits for them, and where each item stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

SHARE: Final = "share"
STORE: Final = "store"
KINDS: Final = (SHARE, STORE)
ASKED: Final = "asked"
RENEW: Final = "renew"
ENDING: Final = "ending"
_WORDS: Final = {
    "ConsentRequested": ASKED,
    "ConsentRequestDeferred": "deferred",
    "ConsentRefused": "refused",
    "ConsentWithdrawn": "withdrawn",
    "ConsentRevoked": "revoked",
    "ConsentExpired": "expired",
}
Purpose = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a resident may want to decide: of which service, for which purpose, why it is on the list.

    items: their names; changes: what the service does otherwise than when it was agreed to; until: when it ends.
    """

    service: Mapping[str, Any]
    purpose: Purpose
    kind: str
    why: str
    items: tuple[str, ...]
    changes: tuple[Mapping[str, Any], ...] = ()
    until: str = ""


def state(item: Mapping[str, Any], kind: str) -> str:
    """Say in one word where an item stands: law, agreed, renew, asked, deferred, refused, withdrawn, … or none."""
    one = item.get(kind)
    if item.get("law"):
        return "law"
    if one is None:
        return "none"
    if one["holds"]:
        return "agreed"
    if one["renewalNeeded"]:
        return RENEW
    return _WORDS.get(one["state"], "none")


def waiting(consents: Mapping[str, Any], language: str) -> list[Waiting]:
    """List what waits: first what services ask, then what has to be renewed, then what ends soon."""
    found = [
        one
        for service in consents["services"]
        if service["active"]
        for purpose in service["purposes"]
        for kind in KINDS
        for one in _of(service, purpose, kind, language)
    ]
    return sorted(
        [*found, *_ending(consents, language)], key=lambda one: (ASKED, RENEW, ENDING).index(one.why)
    )


def _of(service: Mapping[str, Any], purpose: Purpose, kind: str, language: str) -> Iterator[Waiting]:
    for why in (ASKED, RENEW):
        items = [one["label"][language] for one in purpose["items"] if state(one, kind) == why]
        if items:
            changes = tuple(purpose["changes"]) if why == RENEW else ()
            yield Waiting(service, purpose, kind, why, tuple(items), changes)


def _ending(consents: Mapping[str, Any], language: str) -> Iterator[Waiting]:
    ends: dict[tuple[str, str, str], str] = {}
    for one in consents["endsSoon"]:
        ends.setdefault((one["service"], one["purpose"], one["kind"]), one["until"])
    for (id, about, kind), until in ends.items():
        found = purpose_of(consents, id, about)
        if found is not None:
            service, purpose = found
            labels = [one["label"][language] for one in purpose["items"] if state(one, kind) == "agreed"]
            yield Waiting(service, purpose, kind, ENDING, tuple(labels), until=until)


def purpose_of(
    consents: Mapping[str, Any], service: str, purpose: str
) -> tuple[Mapping[str, Any], Purpose] | None:
    """Find a purpose of a service in the list of all that may be decided on."""
    return next(
        (
            (known, one)
            for known in consents["services"]
            if known["id"] == service
            for one in known["purposes"]
            if one["id"] == purpose
        ),
        None,
    )


def open_items(purpose: Purpose, kind: str, *, renew: bool = False) -> list[Mapping[str, Any]]:
    """List the items that can be agreed to now; renew: those too that are agreed to, for a longer time."""
    return [one for one in purpose["items"] if one["decidable"] and (renew or state(one, kind) != "agreed")]


def agreed_items(purpose: Purpose, kind: str) -> list[Mapping[str, Any]]:
    """List the items that can be withdrawn: agreed to, also where a wider version holds it back."""
    return [one for one in purpose["items"] if state(one, kind) in ("agreed", RENEW)]
