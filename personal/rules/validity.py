"""Whether a card is valid now, as somebody says who may know: good, revoked, or unknown, which is never good.

(card.md 6.2; 公的個人認証法 17条・36条)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from cryptography import x509

from personal.rules.certificate_status import Status

Path = Sequence[x509.Certificate]
"""A certificate, those above it, the pinned authority."""


@dataclass(frozen=True, slots=True)
class Validity:
    """What a source says. at: of when its information is (µs); reference: by which it finds its answer again.

    answer: what it signed, to be kept with evidence; former: the numbers of the cards that this one took the place of.
    """

    status: Status
    source: str = ""
    reason: str = ""
    at: int = 0
    reference: str = ""
    answer: bytes = field(default=b"", repr=False)
    former: tuple[str, ...] = field(default=(), repr=False)

    @property
    def good(self) -> bool:
        """Say whether it may be relied on."""
        return self.status is Status.GOOD


UNKNOWN: Final = Validity(Status.UNKNOWN)


class ValidityChecker(Protocol):
    """Somebody who is asked about cards."""

    async def check(self, path: Path, now: int) -> Validity:
        """Say what is known of a certificate now; whatever goes wrong, it is unknown."""
        ...


def joined(found: Iterable[Validity]) -> Validity:
    """Join what several sources say: who says revoked outweighs who says good, who says good who does not know.

    Of those who say the same the first is named; what another one signed, and its former numbers, are kept, too.
    """
    said = list(found)
    for status in (Status.REVOKED, Status.GOOD):
        same = [one for one in said if one.status is status]
        if same:
            former = tuple(dict.fromkeys(number for one in same for number in one.former))
            return replace(
                same[0], answer=next((one.answer for one in same if one.answer), b""), former=former
            )
    return next(iter(said), UNKNOWN)
