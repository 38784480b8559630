"""What happens to consents when something happens to a resident or a record: death, moving away, doubles, erasure."""

from collections.abc import Callable
from typing import Any, Final

from base.database import Connection
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.deciding import holding, tell
from personal.operations.tables import ConsentReaction, Reaction
from personal.rules import consent
from personal.rules.consent import HOLDING, OPEN, Consent, Kind
from personal.rules.consent import Event as ConsentEvent
from personal.rules.residents import Event, Happening
from personal.store import consents, people, reasons
from personal.store.consents import Happened

ENDED: Final = "consent-ended"
_ENDS: Final = {Event.DIED: frozenset(Kind), Event.MOVED: frozenset({Kind.SHARE})}
"""What ends by itself: with death everything; who moves away agrees anew to what is shared, if they wish."""


def reaction(follow: tuple[ConsentReaction, ...]) -> Reaction:
    """Make the reaction that tells others, too, which consents begin or end to hold."""

    def react(db: Connection, happening: Happening, now: int) -> None:
        if happening.event in _ENDS:
            kinds = _ENDS[happening.event]
            # whether it holds or is only asked for
            end(
                db,
                follow,
                happening.person,
                lambda one: one.kind in kinds and one.state in HOLDING | OPEN,
                now,
                why=happening.event,
            )
        elif happening.event is Event.MERGED:
            _merged(db, happening, follow, now)
        elif happening.event is Event.PARTED:
            _parted(db, happening, follow, now)

    return react


def end(
    db: Connection,
    follow: tuple[ConsentReaction, ...],
    person: str,
    which: Callable[[Consent], bool],
    now: int,
    *,
    why: str,
    event: ConsentEvent = ConsentEvent.INVALIDATE,
    leaf: str = ENDED,
    **facts: Any,
) -> list[int]:
    """End consents of a resident without their doing, and tell who has to know; give the entries of the log."""
    before = consents.of(db, person)
    after = {key: consent.happened(one, event, now) for key, one in before.items() if which(one)}
    written = []
    for group in sorted({key[:3] for key in after}):
        kind, service, purpose = group
        ended = {key: one for key, one in after.items() if key[:3] == group}
        items = sorted(one.item for one in ended.values())
        told = {
            "service": service,
            "purpose": purpose,
            "consent": kind,
            "items": items,
            "why": str(why),
            **facts,
        }
        position = log.append(db, Entry(leaf, told, {"subject": person}), now)
        for one in ended.values():
            consents.write(db, person, Happened(event, one, position))
        written.append(position)
    tell(db, follow, person, before, {**before, **after}, why, now)
    return written


def _merged(db: Connection, happening: Happening, follow: tuple[ConsentReaction, ...], now: int) -> None:
    """Let what was decided last under either entry count for both; nothing is written, so parting is exact."""
    after = consents.of(db, happening.person)
    double = people.family(db, happening.other)
    own = [id for id in people.family(db, happening.person) if id not in double]
    for id, before in ((happening.person, own), (happening.other, double)):
        tell(db, follow, id, consents.of_all(db, before), after, happening.event, now)


def _parted(db: Connection, happening: Happening, follow: tuple[ConsentReaction, ...], now: int) -> None:
    """Give each entry its own consents back, and what was decided since to the side it goes to."""
    both = [*people.family(db, happening.person), *people.family(db, happening.other)]
    before = consents.of_all(db, both)
    if happening.to_other:
        consents.hand_over(db, happening.person, happening.other, happening.since)
        reasons.hand_over(db, happening.person, happening.other, happening.since)
    first, second = consents.of(db, happening.person), consents.of(db, happening.other)
    tell(db, follow, happening.person, before, first, happening.event, now)
    # what began while they were one was told of the other entry only
    kept = holding(db, second.values(), now)
    ended = {key: one for key, one in before.items() if key not in kept}
    tell(db, follow, happening.other, ended, {}, happening.event, now)
    tell(db, follow, happening.other, {}, second, happening.event, now)
