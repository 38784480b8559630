"""How long a login lasts, as each of its pages says it. (WCAG 2.2 2.2.1, ASVS 5.0 7.3)"""

from dataclasses import dataclass
from typing import Final

from base import clock
from personal.operations import logging_in
from personal.operations.actors import Actor
from personal.settings import PersonalSettings

LEAST: Final = 30
MOST: Final = 120
"""How many seconds before its end a warning comes: so many at the least, and at the most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a page ends, in seconds: `idle`, `longest`: unused, and in any case; `left`, `last`: the same from now on.

    shared: at a terminal that others use, too; at, name: the last moment of the login and what tells it from others,
    empty if there is none.
    """

    idle: int
    longest: int
    left: int
    last: int
    shared: bool
    at: str = ""
    name: str = ""

    @property
    def login(self) -> bool:
        """Say whether it is a login that ends; otherwise it is what the screen shows."""
        return bool(self.at)

    @property
    def warn(self) -> int:
        """Say how long before the end a warning comes."""
        return min(max(LEAST, self.idle // 3), MOST, self.idle // 2)


def limits_of(actor: Actor, settings: PersonalSettings, now: int) -> Limits | None:
    """Say how long a login lasts; None if there is none."""
    if not actor.last:
        return None
    idle = logging_in.idle(actor.device, settings) // clock.SECOND
    longest = logging_in.longest(actor.device, settings) // clock.SECOND
    left, last = (max(0, -((now - end) // clock.SECOND)) for end in (actor.ends, actor.last))
    return Limits(idle, longest, left, last, bool(actor.device), clock.show(actor.last), actor.login)


def of_terminal(settings: PersonalSettings) -> Limits:
    """Say how long a page of nobody stands at a terminal that others use, too."""
    idle, longest = int(settings.kiosk_seconds), int(settings.kiosk_minutes * 60)
    return Limits(idle, longest, idle, longest, shared=True)
