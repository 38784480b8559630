"""What officials may do at terminals inside: find and look at a record, vouch for a form on paper. (issue 5)

Every look is in the log before anything is shown, and counts towards the limit of the official.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData, NotPermitted, ResourceNotFound, TooManyRequests
from personal.agent import store as kept
from personal.agent.inside import Inside
from personal.agent.trust import anchors_of
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.rules import certificate_status, decisions, evidence, limits, release
from personal.rules.certificate_status import Status
from personal.rules.evidence import Anchors
from personal.rules.orders import Refused, Why

LOOK: Final = "look"
"""The task that an alarm about a terminal names."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record that somebody looks at."""

    item: str
    version: int
    value: Any = field(repr=False)


def official(inside: Inside, own: x509.Certificate, now: int) -> str:
    """Name whom a device is bound to; NotPermitted if it is nobody's, over, or not known to be good."""
    found = inside.store.read(kept.devices).get(release.device(own))
    if found is None or found.ended is not None:
        raise NotPermitted("This device is not bound to an official here.")
    anchors = inside.store.read(lambda db: anchors_of(kept.anchors(db), lambda: inside.revocations.known(db)))
    if not _good(own, anchors, inside, now):
        raise NotPermitted("This device's certificate is not known to be good.")
    return found.staff


def find(db: Connection, staff: str, holders: list[str], now: int) -> list[str]:
    """Find the boxes of whoever has a credential, or whom decisions are about; the search is in the log."""
    found = sorted({box for one in holders for box in kept.boxes(db, one)})
    audit.append(db, Entry("inside-searched", {"by": staff, "found": len(found)}), now)
    return found


async def look(inside: Inside, staff: str, name: str, now: int) -> Record:
    """Show a record to an official: into the log and counted first."""

    def work(db: Connection) -> None:
        found = kept.copy(db, name)
        if found is None or found[5] is None:
            raise ResourceNotFound("There is no such record here (any more).")
        counted, seconds = {f"staff:{staff}": 1}, now // SECOND
        limits.within(lambda what: kept.done(db, what, seconds), kept.own_limits(db), counted)
        kept.count(db, counted, seconds)
        audit.append(db, Entry("inside-looked", {"by": staff, "item": found[1]}, {"box": found[0]}), now)

    try:
        await inside.store.write(work)
        return Record(**inside.opened(name))
    except Refused as refused:
        if refused.why is not Why.LIMIT:
            raise ResourceNotFound("There is no such record here (any more).") from None
        await inside.raise_alarm(refused.why, LOOK, now)
        raise TooManyRequests("You have looked at as many records as one official may in an hour.") from None


def check(inside: Inside, decision: Any) -> list[str]:
    """Refuse what is no decision to share that could count inside; name the boxes it is about."""
    if not release.is_decision(decision) or decision["municipality"] != inside.municipality:
        raise BadRequestData(
            "This is no decision to share of this municipality, as the module outside prepares it."
        )
    about = release.about(inside.municipality, str(decision.get("subject")))
    boxes = inside.store.read(lambda db: kept.boxes(db, about))
    if not boxes:
        raise NotPermitted(
            "Whom this is about is not enrolled here; two officials do that first (wish enroll)."
        )
    return boxes


async def vouch(
    inside: Inside, staff: str, decision: Mapping[str, Any], given: Mapping[str, Any], now: int
) -> None:
    """Take what an official's device signed about a form on paper: it counts from now on, as seen while that was so."""
    box = check(inside, decision)[0]
    digest, prepared = decisions.digest(decision), decisions.prepared_at(decision)

    def work(db: Connection) -> None:
        book = inside.book(db, decision["service"], box, now)
        proof = release.proven(digest, given, prepared, book, now // SECOND)
        if proof.staff != staff:
            raise NotPermitted("Your own device has to sign what you vouch for.")
        kept.see(db, proof.mark, now)
        facts = {name: decision[name] for name in ("service", "purpose")}
        entry = Entry("paper-vouched", {"by": staff, **facts, "items": list(decision["agree"])}, {"box": box})
        audit.append(db, entry, now)

    if given.get("kind") != evidence.EvidenceKind.OFFICIAL:
        raise BadRequestData("This is no statement of an official's device.")
    try:
        await inside.store.write(work)
    except Refused as refused:
        await inside.raise_alarm(refused.why, "paper", now)
        raise NotPermitted(
            f"The statement does not count here: {refused.why}.", why=str(refused.why)
        ) from None


def _good(own: x509.Certificate, anchors: Anchors, inside: Inside, now: int) -> bool:
    """Say whether nothing is asked about revocations of devices, or it is known that this one is good."""
    if anchors.revoked_devices is None:
        return True
    issuer = next((one for one in anchors.devices if _issued(own, one)), None)
    known = inside.store.read(inside.revocations.known)
    return issuer is not None and certificate_status.status(own, issuer, now, known) is Status.GOOD


def _issued(own: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        own.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
