"""Whether a service may keep an item of a resident here: by consent to store it, or by a law. (蓄積同意)"""

from personal.rules.consent import Consent, holds
from personal.rules.disclosure import BY_CONSENT, BY_LAW, Offer, Reason, why_not


def judged(offer: Offer | None, consent: Consent | None, now: int) -> tuple[str, Reason | None]:
    """Say on what it rests that an item is kept for a purpose, or why it is not."""
    if offer is None:
        return "", Reason.NOT_OFFERED
    if offer.basis.startswith(BY_LAW):
        return offer.basis, None
    if holds(consent, now, offer.least_version):
        return BY_CONSENT, None
    return "", why_not(consent, offer, now)
