"""マイキープラットフォーム: what it does for a city, behind an interface. (personal-data.md 1.3, 2.5)

Publicly known: it gives each system that is connected a pseudonym (PPID) of its own for the holder of a card, says
whether the card is valid, and reads cards with its own screen and readers; type ① face to face without PIN (かざし),
type ② elsewhere, too. How it is called is not public: what stands here is ours, in one place, until its contract is
at hand. A real connector takes the place of HttpMyKey and nothing else changes.

Whatever it looks like, the outcome must be had by nobody but the browser in front of the reader: who began may have
lured somebody else to the screen, and knows all but what comes back with that browser. Hence the code, as in OAuth.
"""

from dataclasses import dataclass, field
from typing import Protocol

from personal.rules.validity import Validity


@dataclass(frozen=True, slots=True)
class Asked:
    """A reading of a card that began there: its name, and the screen to which the browser goes."""

    name: str = field(repr=False)
    screen: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of it: by which name (PPID) this system knows the holder, whether a PIN was given, what is known."""

    ppid: str = field(repr=False)
    pin: bool
    validity: Validity


class MyKey(Protocol):
    """The platform as this module needs it."""

    async def begin(self, back: str, state: str, *, pin: bool) -> Asked:
        """Have the platform read a card and send the browser back with the state and a code that is good once."""
        ...

    async def outcome(self, name: str, code: str) -> Shown | None:
        """Say what came of a reading, once, for the code that came back; None if nothing did, or for another code."""
        ...
