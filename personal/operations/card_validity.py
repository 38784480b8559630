"""Whether a card is valid, asked of whoever may know, for a bounded time. (card.md 6.2)"""

import asyncio
from collections.abc import Mapping
from typing import Any

from base import clock
from base.errors import NotPermitted
from personal.operations.call import Module
from personal.rules import decisions, evidence
from personal.rules.certificate_status import Status
from personal.rules.evidence import EvidenceKind
from personal.rules.login_certificates import Fault, refused
from personal.rules.validity import UNKNOWN, Path, Validity


async def checked(module: Module, path: Path, now: int) -> Validity:
    """Ask whether a card is valid; unknown if nobody can tell in time."""
    if module.validity is None:
        return UNKNOWN
    try:
        async with asyncio.timeout(module.settings.card_status_seconds):
            return await module.validity.check(path, now)
    except TimeoutError:
        return UNKNOWN


def fault_of(known: Validity) -> Fault | None:
    """Say why a card is not to be relied on; None if it is."""
    if known.good:
        return None
    return Fault.REVOKED if known.status is Status.REVOKED else Fault.UNKNOWN


async def vouched_for(module: Module, given: Mapping[str, Any] | None, now: int) -> Mapping[str, Any] | None:
    """Have a card valid by which something is shown; gives the evidence with what the source signed.

    Of a login provider the keys are got to know. Of a card all are asked who are asked when one logs in with it, and
    who does not know is not enough; the rules of evidence look at the lists for the moment of the decision besides.
    An answer that came along spares nobody the question: whoever sends it chose it.
    """
    if given is not None and given["kind"] == EvidenceKind.TOKEN:
        await module.providers.learn(given["token"])
    if given is None or given["kind"] != EvidenceKind.CARD:
        return given
    known = await checked(module, evidence.card_path(given, now, module.anchors), now)
    fault = fault_of(known)
    if fault is not None:
        raise _refusal(fault)
    return {**given, "ocsp": decisions.shown(known.answer)} if known.answer else given


def told(known: Validity) -> dict[str, Any]:
    """Tell what is known of a card, without its number."""
    more = {"reason": known.reason, "reference": known.reference, "source": known.source}
    at = {"at": clock.show(known.at)} if known.at else {}
    return {"status": known.status, **{name: text for name, text in more.items() if text}, **at}


def _refusal(fault: Fault) -> NotPermitted:
    if fault is Fault.REVOKED:
        return refused("its certificate was revoked by then", fault)
    return refused("it cannot be told now whether its certificate was revoked; try again later", fault)
