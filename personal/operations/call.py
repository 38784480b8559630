"""A request as an operation sees it, free of the transport, and what the operation answers. (DESIGN 2.1)"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientSession

from base.access.limits import Limit
from personal.operations.actors import NOBODY, Actor, Role, Who
from personal.operations.tables import ConsentReaction, Events, Kind, Reaction, Ways, no_events
from personal.operations.town import Town
from personal.providers import NO_PROVIDERS, LoginProviders
from personal.rules import evidence
from personal.rules.evidence import Anchors
from personal.rules.levels import Level
from personal.rules.mykey import MyKey
from personal.rules.validity import ValidityChecker
from personal.settings import PersonalSettings

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Module:
    """What operations work with: the settings and the municipalities that share this installation."""

    settings: PersonalSettings
    towns: dict[str, Town]
    address: Callable[[], str]  # scheme://host:port under which others reach it
    kinds: Mapping[str, Kind] = field(default_factory=dict)  # what needs two members of staff
    reactions: tuple[Reaction, ...] = ()  # what follows from what happens to a resident
    events: Events = no_events  # which declared emergency lets a service see more
    limit: Limit | None = None  # of the requests of one service
    anonymous: Limit | None = None  # of those from one network that prove nothing
    consent_reactions: tuple[ConsentReaction, ...] = ()  # what follows when consents begin or end to hold
    anchors: Anchors = evidence.NOTHING  # what evidence of consent has to stand on
    mykey: MyKey | None = None  # マイキープラットフォーム, where it is set up
    validity: ValidityChecker | None = None  # says whether cards are valid; without one nobody can tell
    ways: Ways = ()  # in which one can log in
    providers: LoginProviders = NO_PROVIDERS  # where else one can log in
    web: ClientSession | None = None  # asks the modules of other municipalities

    def ping(self) -> None:
        """Ask the stores of all municipalities; raises what is wrong with one."""
        for town in self.towns.values():
            town.store.ping()


@dataclass(frozen=True, slots=True)
class Call:
    """One request, each part parsed once."""

    town: Town
    actor: Actor = NOBODY
    path: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    now: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers: a JSON value, finished bytes of another media type, or such bytes part by part."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON
    parts: AsyncIterator[bytes] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A row of the table of operations: what is served where, to whom, by which function.

    roles: any one of them is needed of staff; schema: the JSON Schema of the body, None if there is none; reads: what a
    resident looks at with it, of settings.READS: cities may show that at a lower level, too; fresh: staff need
    to have given their second factor a short while ago.
    """

    method: str
    path: str  # below /personal/v1 unless it is absolute with a leading //; {name} stands for one segment
    run: Callable[[Call, Module], Coroutine[Any, Any, Answer]]
    who: frozenset[Who]
    roles: frozenset[Role] = frozenset()
    level: Level = Level.NONE
    schema: Mapping[str, Any] | None = None
    params: frozenset[str] = frozenset()
    media_type: str = JSON  # of the body
    also: frozenset[str] = frozenset()  # further media types that are read the same way
    reads: str = ""
    fresh: bool = False


NO_CONTENT: Final = Answer(204)
