"""What the module should know and show, as simply as it can be said: no I/O, no clock, no rule of the module's. (DESIGN 3)"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
GRACE = 7 * DAY
"""How long a former name at a service still stands for a resident."""
ITEMS = ("allergies", "care-needs", "contact", "roll")
BY_LAW = frozenset({"roll"})
"""Items that rest on a law, whoever asks."""
SERVICES = ("clinic", "shelter")
PURPOSES = ("reception", "visits")
OFF_LINE = "lgwan"
"""Where nothing answers: what lives there is pending."""
HERE, MOVED, DEAD = "here", "moved", "dead"
GIVEN, ASKED, REFUSED, WITHDRAWN, INVALID = "given", "asked", "refused", "withdrawn", "invalid"
WHY_NOT = {
    ASKED: "consent-asked",
    REFUSED: "consent-refused",
    WITHDRAWN: "consent-withdrawn",
    INVALID: "no-consent",
}
Key = tuple[str, str, str, str]
"""Kind, service, purpose, item."""


@dataclass
class Held:
    """A record: which value, in which version, where."""

    value: int
    version: int
    place: str
    order: int


@dataclass
class Decided:
    """What was decided, or happened to, a consent."""

    order: int
    at: int
    state: str
    version: int
    until: int = 0


@dataclass
class Name:
    """A name at a service, and until when it stands for somebody if it is a former one."""

    text: str
    order: int
    ended: int | None = None


@dataclass
class Entry:
    """A resident as they are entered; doubles are entries of their own."""

    id: str
    login: str
    kana: str
    state: str = HERE
    protected: bool = False
    into: int | None = None
    held: dict[str, Held] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    log: dict[Key, list[Decided]] = field(default_factory=dict)
    names: dict[str, list[Name]] = field(default_factory=dict)
    districts: set[str] = field(default_factory=set)
    link: tuple[str, int] | None = None


@dataclass(frozen=True)
class Asked:
    """An item that a purpose asks for."""

    required: bool
    days: int


@dataclass(frozen=True)
class Purpose:
    """A purpose as a version of a service describes it."""

    basis: str
    items: dict[str, Asked]


Description = dict[str, Purpose]


@dataclass
class Service:
    """A service: its versions from the first on, the last that asked for more, whether it works."""

    versions: list[Description]
    least: int = 1
    active: bool = True

    @property
    def version(self) -> int:
        """Give the number of the version in force."""
        return len(self.versions)

    @property
    def now(self) -> Description:
        """Give the description in force."""
        return self.versions[-1]

    def change(self, told: Description) -> None:
        """Let a new version be in force; one that asks for more needs consent anew."""
        wider = asks_more(self.now, told)
        self.versions.append(told)
        self.least = self.version if wider else self.least


def asks_more(old: Description, new: Description) -> bool:
    """Say whether a version asks for anything that the one before did not."""
    for id, purpose in new.items():
        former = old.get(id)
        if former is None or (former.basis != purpose.basis and purpose.basis != "consent"):
            return True
        for item, asked in purpose.items.items():
            was = former.items.get(item)
            if was is None or asked.days > was.days or (asked.required and not was.required):
                return True
    return False


@dataclass
class Emergency:
    """A declared emergency, or a look of one alone (`about`: at which entry)."""

    services: frozenset[str]
    items: frozenset[str]
    since: int
    until: int
    districts: frozenset[str] = frozenset()
    about: int | None = None
    ended: bool = False


@dataclass
class Code:
    """A sharing code."""

    text: str
    entry: int
    service: str | None
    items: tuple[str, ...]
    until: int
    used: bool = False


@dataclass
class Delegation:
    """That one entry acts for another."""

    id: str
    guardian: int
    subject: int
    acts: frozenset[str]
    items: frozenset[str] | None
    until: int | None
    order: int
    ended: bool = False


@dataclass
class Merge:
    """That an entry turned out to be a double, and how both stood before."""

    survivor: int
    double: int
    order: int
    at: int
    stood: tuple[str, bool]
    double_stood: tuple[str, bool]
    versions: dict[str, int]


@dataclass(frozen=True)
class Question:
    """What a service asks for; `chosen`: what a sharing code shows."""

    service: str
    purpose: str
    items: tuple[str, ...]
    event: str = ""
    chosen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Expected:
    """What a service is to be shown, and why it is not shown the rest; `decided`: what may be shown if it is there."""

    shown: dict[str, int]
    withheld: dict[str, str]
    decided: frozenset[str]


@dataclass
class World:
    """Everything."""

    now: int
    entries: list[Entry]
    services: dict[str, Service]
    city: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    events: dict[str, Emergency] = field(default_factory=dict)
    codes: list[Code] = field(default_factory=list)
    delegations: list[Delegation] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    moves: dict[tuple[int, str], str] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=lambda: {OFF_LINE})
    order: int = 0

    def top(self, number: int) -> int:
        """Say which entry stands for a resident."""
        into = self.entries[number].into
        return number if into is None else self.top(into)

    def family(self, at: int) -> list[int]:
        """List the entries of a resident, the one that stands for them first."""
        return sorted((n for n in range(len(self.entries)) if self.top(n) == at), key=lambda n: n != at)

    def tops(self) -> list[int]:
        """List the entries that stand for a resident each."""
        return [number for number, one in enumerate(self.entries) if one.into is None]

    def next(self) -> int:
        """Number what happens."""
        self.order += 1
        return self.order

    def ends(self) -> set[int]:
        """Give the moments at which something ends by itself."""
        decided = {one.until for entry in self.entries for made in entry.log.values() for one in made}
        names = {name.ended for entry in self.entries for of in entry.names.values() for name in of}
        given = {one.until for one in self.delegations}
        events = {one.until for one in self.events.values()}
        return {end for end in decided | names | given | events | {one.until for one in self.codes} if end}

    # -- records

    def held(self, at: int, item: str) -> Held | None:
        """Find what is held of an item: the entry's own first, then the youngest of its doubles."""
        found = [(n, self.entries[n].held[item]) for n in self.family(at) if item in self.entries[n].held]
        found.sort(key=lambda one: (one[0] != at, -one[1].order))
        return found[0][1] if found else None

    def place(self, number: int, item: str) -> str:
        """Say where an item of an entry is to live."""
        city, offered = self.city.get(item, ("local", ()))
        own = self.entries[number].chosen.get(item)
        return own if own is not None and own in offered else city

    def places(self, at: int, items: Iterable[str]) -> set[str]:
        """Say where items live, or will."""
        own = {self.place(at, item) for item in items}
        return own | {
            self.entries[n].held[item].place
            for n in self.family(at)
            for item in items
            if item in self.entries[n].held
        }

    # -- consents

    def standing(self, at: int, kind: str, service: str, purpose: str) -> dict[str, Decided]:
        """Give what was decided last on each item of a purpose, under whichever entry."""
        found: dict[str, Decided] = {}
        for n in self.family(at):
            for key, made in self.entries[n].log.items():
                if key[:3] == (kind, service, purpose) and made:
                    last = found.get(key[3])
                    found[key[3]] = made[-1] if last is None or made[-1].order > last.order else last
        return found

    def note(self, at: int, key: Key, state: str, version: int, until: int = 0) -> None:
        """Note a decision under the entry that stands for a resident."""
        self.entries[at].log.setdefault(key, []).append(Decided(self.next(), self.now, state, version, until))

    def holds(self, one: Decided | None, service: str) -> bool:
        """Say whether consent lets an item out now."""
        if one is None or one.state != GIVEN:
            return False
        return self.now < one.until and one.version >= self.services[service].least

    def end_consents(self, at: int, kinds: Iterable[str], of: str = "") -> None:
        """Let consents end that do not outlast what happened to a resident, or to an item that was held."""
        keys = {key for n in self.family(at) for key in self.entries[n].log}
        ending = (GIVEN,) if of else (GIVEN, ASKED)
        for kind, service, purpose, item in sorted(keys):
            last = self.standing(at, kind, service, purpose).get(item)
            if kind in kinds and of in ("", item) and last is not None and last.state in ending:
                self.note(at, (kind, service, purpose, item), INVALID, last.version)

    # -- what a service is shown

    def who(self, service: str, text: str) -> int | None:
        """Say whom a service means by a name."""
        for number, one in enumerate(self.entries):
            for name in one.names.get(service, ()):
                if name.text == text and (name.ended is None or self.now < name.ended):
                    return self.top(number)
        return None

    def living(self, at: int, service: str) -> list[Name]:
        """List the present names of a resident at a service: the entry's own first, then the oldest."""
        found = [(n, name) for n in self.family(at) for name in self.entries[n].names.get(service, ())]
        found = [one for one in found if one[1].ended is None]
        return [name for _, name in sorted(found, key=lambda one: (one[0] != at, one[1].order))]

    def under(self, event: str, at: int) -> Emergency | None:
        """Find a running emergency that a resident falls under; nobody who is protected does."""
        one, entry = self.events.get(event), self.entries[at]
        if one is None or one.ended or not one.since <= self.now < one.until or entry.protected:
            return None
        if one.about is not None:
            return one if self.top(one.about) == at else None
        if entry.state != HERE:
            return None
        districts = {code for n in self.family(at) for code in self.entries[n].districts}
        return one if not one.districts or one.districts & districts else None

    def expected(self, asked: Question, at: int) -> Expected:
        """Say what a service is to be shown of a resident."""
        shown, withheld, decided = {}, {}, set()
        for item in asked.items:
            allowed, reason = self.allowed(asked, at, item)
            found = None if self.entries[at].protected else self.held(at, item)
            if not allowed or found is None:
                withheld[item] = reason
                continue
            decided.add(item)
            if found.place in self.gone:
                withheld[item] = "pending" if found.place == OFF_LINE else "store-offline"
            else:
                shown[item] = found.value
        return Expected(shown, withheld, frozenset(decided))

    def allowed(self, asked: Question, at: int, item: str) -> tuple[bool, str]:
        """Say whether anything lets an item out, and what is told if it is not shown."""
        purpose, reason = self.services[asked.service].now[asked.purpose], "not-in-catalogue"
        if item in purpose.items:
            last = self.standing(at, "share", asked.service, asked.purpose).get(item)
            if purpose.basis != "consent" or self.holds(last, asked.service) or item in asked.chosen:
                return True, "nothing-held"
            reason = self.why_not(last, asked.service)
        event = self.under(asked.event, at)
        named = event is not None and asked.service in event.services and item in event.items
        return named, reason

    def why_not(self, last: Decided | None, service: str) -> str:
        """Say why consent does not let an item out."""
        if last is None or last.state != GIVEN:
            return "no-consent" if last is None else WHY_NOT[last.state]
        return "consent-expired" if last.until <= self.now else "consent-for-older-version"

    # -- who acts for whom

    def acting(self) -> Iterator[tuple[Delegation, int, int]]:
        """Give the delegations that run, with who acts for whom."""
        for one in self.delegations:
            guardian, subject = self.top(one.guardian), self.top(one.subject)
            over = one.ended or (one.until is not None and one.until <= self.now)
            dead = DEAD in (self.entries[guardian].state, self.entries[subject].state)
            if not (over or dead or guardian == subject or self.entries[subject].protected):
                yield one, guardian, subject

    def represents(self, guardian: int, subject: int) -> Delegation | None:
        """Find by what one resident acts for another."""
        found = (one for one, *pair in self.acting() if pair == [guardian, subject])
        return next(found, None)
