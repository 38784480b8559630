"""Who acts: a service, a resident for themselves or another, a member of staff, another town's module."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from personal.rules.levels import Level


class Who(StrEnum):
    """The kinds of actors."""

    NOBODY = "nobody"
    SERVICE = "service"
    RESIDENT = "resident"
    STAFF = "staff"
    ENTRANT = "entrant"  # staff whose second factor is still wanted
    DESK = "desk"  # a device that reads cards
    PEER = "peer"
    AGENT = "agent"


class Role(StrEnum):
    """What a member of staff may do."""

    COUNTER = "counter"  # residents: register, find, write consents down from paper
    CATALOGUE = "catalogue"  # services and items: propose and approve
    EMERGENCY = "emergency"  # declare and approve emergencies
    PROTECTION = "protection"  # cleared for protected persons
    PRIVACY = "privacy"  # rights of residents, reports, incidents
    AUDITOR = "auditor"  # reads the audit log
    ADMIN = "admin"  # staff and settings; never residents' data


@dataclass(frozen=True, slots=True)
class Actor:
    """Who sends a request. `id`: of the service, person, member of staff or module; `subject`: whose data it is about.

    `session` names the login for ending it, and is never shown, `login` is its public name; `method`: how they logged
    in; `proven`, `factor`: when they proved who they are, and gave a second factor (µs); `device`: at which desk;
    `ends`, `last`: when the login ends unless it is used again, and in any case (µs).
    """

    who: Who
    id: str = ""
    subject: str | None = None
    roles: frozenset[Role] = field(default_factory=frozenset)
    level: Level = Level.NONE
    session: bytes = b""
    login: str = ""
    method: str = ""
    proven: int = 0
    factor: int = 0
    device: str = ""
    ends: int = 0
    last: int = 0


NOBODY: Final = Actor(Who.NOBODY)
