"""What is seen of the card on a reader without its PIN, for whoever sets up a desk."""

from time import monotonic
from typing import Any

from cryptography import x509

from adapters.desk.cards import card
from adapters.desk.cards.card import CityCard, Foreign
from adapters.desk.cards.channel import Channel
from adapters.desk.server import readers_of
from adapters.desk.settings import DeskSettings


def look(settings: DeskSettings) -> dict[str, Any]:
    """Say what kind of card is there; empty if none came in time."""
    readers = readers_of(settings)
    try:
        until, seen = monotonic() + settings.card_seconds, readers.seen()
        while seen.held is None and (left := until - monotonic()) > 0:
            seen = readers.wait(seen, left)
        if seen.held is None:
            return {}
        with readers.opened(seen.held.name) as line:
            return {"reader": seen.held.name, "atr": line.atr.hex(), **_told(line)}
    finally:
        readers.close()


def _told(line: Channel) -> dict[str, Any]:
    """Tell of a card what names nobody: not its number."""
    try:
        known = card.known(line)
    except CityCard:
        return {"kind": "felica"}
    except Foreign:
        return {"kind": "foreign"}
    found = x509.load_der_x509_certificate(known.certificate)
    return {
        "kind": known.profile.name,
        "called": known.profile.called["ja"],
        "issuer": found.issuer.rfc4514_string(),
        "validUntil": found.not_valid_after_utc.date().isoformat(),
        "pinTries": card.tries(known),
    }
