"""What three brokers hold, and what each of them shows of it: a naive model, to compare brokers with. (4.3.6, 4.5.5)"""

from dataclasses import dataclass, field
from typing import Any

IDS = tuple(f"urn:ngsi-ld:Place:{number}" for number in range(5))
ATTRS = ("a", "b", "c")
BROKERS = 3
SCOPE = "scope"
"""Among the values of an entity: it has its scope; what is sent elsewhere for some attributes has none."""
TYPES = ("A", "B", "A", "B", "A")
SCOPES = ("/x", "/x/y", "/z", "/x/y/w", "/z")
ROUTED = ("exclusive", "redirect")
Simple = dict[str, Any]


@dataclass
class Held:
    """What one broker holds of an entity: values, and when each was written; `location` is a place on the equator."""

    values: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """A registration: `asker` knows that `source` has the attributes (none named: all) of entities of a type."""

    asker: int
    source: int
    mode: str = "inclusive"
    attrs: tuple[str, ...] = ()
    type: str = ""

    def covers(self, id: str, attr: str) -> bool:
        """Say whether an attribute of an entity is meant."""
        return self.type in ("", type_of(id)) and (not self.attrs or attr in self.attrs)


def type_of(id: str) -> str:
    """Give the type an entity always has."""
    return TYPES[IDS.index(id)]


def scope_of(id: str) -> str:
    """Give the scope an entity always has."""
    return SCOPES[IDS.index(id)]


@dataclass
class Merged:
    """All three brokers, and who knows whom."""

    links: tuple[Link, ...]
    held: list[dict[str, Held]] = field(default_factory=lambda: [{} for _ in range(BROKERS)])
    ever: dict[tuple[str, str], list[set[int]]] = field(default_factory=dict)
    clock: int = 0

    def place(self, at: int, id: str, attr: str) -> int:
        """Say which broker has an attribute that is changed at one."""
        routes = [
            link.source
            for link in self.links
            if link.asker == at and link.mode in ROUTED and link.covers(id, attr)
        ]
        return routes[0] if routes else at

    def places(self, at: int, id: str) -> set[int]:
        """Say which brokers have an entity that is changed at one."""
        return {self.place(at, id, attr) for attr in ATTRS}

    def routed(self, at: int) -> bool:
        """Say whether a broker passes changes on."""
        return any(link.asker == at and link.mode in ROUTED for link in self.links)

    def refusing(self, at: int, id: str, attr: str | None, *, typed: bool) -> bool:
        """Say whether a change goes to a source that has no such entity of a type it is registered for. (4.3.6.1, 5.12)"""
        known = typed or id in self.held[at]
        return any(
            id not in self.held[link.source] or link.type not in ("", type_of(id))
            for link in self.links
            if link.asker == at
            and link.mode in ROUTED
            and (attr is None or not link.attrs or attr in link.attrs)
            and (link.mode == "exclusive" or not known or link.type in ("", type_of(id)))
        )

    def listed(self, at: int, *, local: bool = False) -> set[str]:
        """Name the types that a broker and its sources list, be the attributes registered or not. (5.7.11)"""
        found = {type_of(id) for id in self.held[at]}
        for link in () if local else self.links:
            if link.asker == at:
                found |= {type_of(id) for id in self.held[link.source] if link.type in ("", type_of(id))}
        return found

    def needed(self, at: int, id: str) -> set[str]:
        """Name the attributes an entity must have to lie everywhere it belongs."""
        return set(ATTRS) if self.places(at, id) != {at} else set()

    def has(self, at: int, id: str, attr: str) -> bool:
        """Say whether the broker that has an attribute has a value of it."""
        return attr in self.held[self.place(at, id, attr)][id].values

    def write(
        self, at: int, id: str, values: dict[str, int | None], *, whole: bool = False, scoped: bool = True
    ) -> None:
        """Change an entity, with its scope unless told otherwise, at a broker that passes on what lies elsewhere."""
        if whole:
            for place in self.places(at, id):
                self.held[place][id] = Held()
        if scoped:
            self.write_one(at, id, SCOPE, 0)
        for attr, value in values.items():
            self.write_one(at, id, attr, value)

    def write_one(self, at: int, id: str, attr: str, value: int | None) -> None:
        """Change one attribute where it lies; None deletes it."""
        self.clock += 1
        place = self.place(at, id, attr)
        one = self.held[place][id]
        one.values.pop(attr, None)
        if value is not None:
            one.values[attr], one.written[attr] = value, self.clock
            self.ever.setdefault((id, attr), [set() for _ in range(BROKERS)])[place].add(value)

    def delete(self, at: int, id: str) -> None:
        """Delete an entity at a broker, and where it lies elsewhere."""
        for place in self.places(at, id):
            del self.held[place][id]

    def shown(self, at: int, *, local: bool = False) -> dict[str, dict[str, int]]:
        """Give all entities as one broker shows them, by id."""
        found = {}
        for id in IDS:
            entity = self._joined(at, id, () if local else self.links)
            if entity is not None:
                found[id] = entity
        return found

    def _joined(self, at: int, id: str, links: tuple[Link, ...]) -> dict[str, int] | None:
        """Join what is here with what sources have: the newest counts, those that are auxiliary come last. (4.5.5)"""
        mine = [link for link in links if link.asker == at]
        parts = [] if self._claimed(mine, id) else self._part(at, id, None)
        for link in mine:
            parts += self._part(link.source, id, link)
        if not parts:
            return None
        joined: dict[str, tuple[tuple[bool, int], int]] = {}
        for rank, values in parts:
            for attr, (stamp, value) in values.items():
                claimed = any(link.mode in ROUTED and link.covers(id, attr) for link in mine)
                if claimed and rank != 2:
                    continue
                joined[attr] = max(joined.get(attr, ((False, -1), 0)), ((rank != 0, stamp), value))
        return {attr: value for attr, (_, value) in joined.items()}

    @staticmethod
    def _claimed(links: list[Link], id: str) -> bool:
        """Say whether a source alone has all of an entity."""
        return any(link.mode in ROUTED and not link.attrs and link.covers(id, "") for link in links)

    def _part(self, at: int, id: str, link: Link | None) -> list[tuple[int, dict[str, tuple[int, int]]]]:
        """Give what a broker contributes to an entity, with its rank: 0 auxiliary, 1 beside others, 2 alone."""
        one = self.held[at].get(id)
        if one is None:
            return []
        values = {attr: (one.written[attr], value) for attr, value in one.values.items()}
        if link is None:
            return [(1, values)]
        values = {attr: told for attr, told in values.items() if attr == SCOPE or link.covers(id, attr)}
        if not values.keys() - {SCOPE} and (link.attrs or link.type not in ("", type_of(id))):
            return []
        return [({"auxiliary": 0, "inclusive": 1}.get(link.mode, 2), values)]

    def listed_attributes(self, at: int, *, local: bool = False) -> set[str]:
        """Name the attributes that a broker and its sources list, be the entities registered or not. (5.7.11)"""
        found = {attr for one in self.held[at].values() for attr in one.values}
        for link in () if local else self.links:
            if link.asker == at:
                values = {attr for one in self.held[link.source].values() for attr in one.values}
                found |= {attr for attr in values if not link.attrs or attr in link.attrs}
        return found - {SCOPE}

    def histories(self, at: int) -> dict[tuple[str, str], set[int]]:
        """Give all values that attributes ever had, as one broker shows them."""
        places = {at} | {link.source for link in self.links if link.asker == at}
        told = {key: set().union(*(sets[place] for place in places)) for key, sets in self.ever.items()}
        return {key: values for key, values in told.items() if values}


def simple(id: str, values: dict[str, int]) -> Simple:
    """Write an entity in the simplified form."""
    told = {attr: _place(value) if attr == "c" else value for attr, value in values.items()}
    return {"id": id, "type": type_of(id)} | told | ({SCOPE: scope_of(id)} if SCOPE in values else {})


def normal(id: str, values: dict[str, int | None]) -> dict[str, Any]:
    """Write an entity in the normalized form; None stands for the null that deletes."""
    entity: dict[str, Any] = {"id": id, "type": type_of(id), "scope": scope_of(id)}
    for attr, value in values.items():
        kind = "GeoProperty" if attr == "c" else "Property"
        shown: Any = value
        if value is None:
            shown = "urn:ngsi-ld:null"
        elif attr == "c":
            shown = _place(value)
        entity[attr] = {"type": kind, "value": shown}
    return entity


def _place(value: int) -> Simple:
    return {"type": "Point", "coordinates": [value / 100, 0]}
