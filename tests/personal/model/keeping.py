"""Rules: records are written, read, moved between places that come and go, erased; everything is exported. (DESIGN 3)"""

from hypothesis import strategies as st

from personal.locations import moving
from personal.operations.actors import Actor
from tests.personal.model.beginning import value
from tests.personal.model.machine import Lives, entries, step
from tests.personal.model.world import BY_LAW, HOUR, ITEMS, PURPOSES, SERVICES, Held, Question

one_item = st.sampled_from(ITEMS)
one_place = st.sampled_from(["local", "cloud", "lgwan"])


class Keeping(Lives):
    """What is held, and where."""

    @step(
        entry=entries, item=one_item, number=st.integers(0, 9_999), by_staff=st.booleans(), late=st.booleans()
    )
    def item_is_written(self, entry: int, item: str, number: int, by_staff: bool, late: bool) -> None:
        at = self.world.top(entry)
        if by_staff or self.alive(at):
            actor = self.at_counter(at) if by_staff else self.as_resident(at)
            self.write(at, actor, item, number, late=late and number % 4 == 0)

    def write(
        self, at: int, actor: Actor, item: str, number: int, *, late: bool = False, may: bool = True
    ) -> None:
        """Write an item; who has not seen the present version is refused."""
        present, place = self.world.held(at, item), self.world.place(at, item)
        version = present.version if present else 0
        body = {"value": value(item, number), "expectedVersion": version + late}
        good = may and not late and (place not in self.world.gone or place == "lgwan")
        if actor.roles:
            told = {**body, "resident": self.handle(actor, at), "item": item}
            done = self.if_may(good, actor, "POST /records/write", told)
        else:
            done = self.if_may(good, actor, "PUT /me/items/{item}", body, item=item)
        if done is not None:
            assert (done.body["version"], done.body["location"]) == (version + 1, place)
            self.world.entries[at].held[item] = Held(number, version + 1, place, self.world.next())
            self.everybody_asks_about(at)

    def everybody_asks_about(self, at: int) -> None:
        """Compare at once what services are shown of somebody."""
        for service in SERVICES:
            if self.may_ask(service, PURPOSES[0]):
                self.ask_many(Question(service, PURPOSES[0], ITEMS), [self.world.living(at, service)[0].text])

    @step(entry=entries, item=one_item, by_staff=st.booleans())
    def item_is_read(self, entry: int, item: str, by_staff: bool) -> None:
        at = self.world.top(entry)
        if by_staff or self.alive(at):
            self.read(at, self.at_counter(at) if by_staff else self.as_resident(at), item)

    def read(self, at: int, actor: Actor, item: str, *, may: bool = True) -> None:
        """Read an item, as far as its place answers."""
        held = self.world.held(at, item) if may else None
        good = held is not None and held.place not in self.world.gone
        if actor.roles:
            told = {"resident": self.handle(actor, at), "item": item}
            done = self.if_may(good, actor, "POST /records/read", told)
        else:
            done = self.if_may(good, actor, "GET /me/items/{item}", item=item)
        if done is not None and held is not None:
            assert done.body["value"] == value(item, held.value)
            assert (done.body["version"], done.body["location"]) == (held.version, held.place)

    @step(entry=entries, item=one_item, by_staff=st.booleans())
    def item_is_erased(self, entry: int, item: str, by_staff: bool) -> None:
        at = self.world.top(entry)
        if not (by_staff or self.alive(at)):
            return
        actor = self.at_counter(at) if by_staff else self.as_resident(at)
        may = self.world.held(at, item) is not None and (by_staff or item not in BY_LAW)
        if by_staff:
            told = {"resident": self.handle(actor, at), "item": item}
            done = self.if_may(may, actor, "POST /records/erase", told)
        else:
            done = self.if_may(may, actor, "DELETE /me/items/{item}", item=item)
        if done is not None:
            assert done.body["erased"]
            self.erased(at, item)
            self.everybody_asks_about(at)

    def erased(self, at: int, item: str) -> None:
        for number in self.world.family(at):
            self.world.entries[number].held.pop(item, None)
        self.world.end_consents(at, ("share",), item)

    @step(entry=entries)
    def resident_erases_everything(self, entry: int) -> None:
        at = self.world.top(entry)
        if not self.alive(at):
            return
        held = {item for item in ITEMS if self.world.held(at, item)}
        told = self.do(self.as_resident(at), "POST /me/erase").body["items"]
        assert {one["item"]: one["erased"] for one in told} == {item: item not in BY_LAW for item in held}
        for item in held - BY_LAW:
            self.erased(at, item)
        self.everybody_asks_about(at)

    # -- places

    @step(item=one_item, place=one_place, offered=st.frozensets(one_place))
    def city_chooses_a_place(self, item: str, place: str, offered: frozenset[str]) -> None:
        known = self.site.town.records.locations.keys()
        offered, place = offered & known, place if place in known else "local"
        body = {"item": item, "location": place, "offered": sorted(offered)}
        self.approved("catalogue", "catalogue2", "item-location", body)
        self.world.city[item] = (place, tuple(sorted(offered)))
        for number, one in enumerate(self.world.entries):
            held = one.held.get(item)
            if held is not None and held.place != self.world.place(number, item):
                self.world.moves[number, item] = self.world.place(number, item)

    @step(entry=entries, item=one_item, place=one_place)
    def resident_chooses_a_place(self, entry: int, item: str, place: str) -> None:
        at = self.world.top(entry)
        if not self.alive(at):
            return
        city, offered = self.world.city.get(item, ("local", ()))
        may, where = place == city or place in offered, "PUT /me/items/{item}/location"
        if self.if_may(may, self.as_resident(at), where, {"location": place}, item=item) is None:
            return
        self.world.entries[at].chosen[item] = place
        for number in self.world.family(at):
            held = self.world.entries[number].held.get(item)
            if held is not None and held.place != place:
                self.world.entries[number].chosen[item] = place
                self.world.moves[number, item] = place

    @step()
    def what_is_due_is_moved(self) -> None:
        """Try again what could not move before, too."""
        self.world.now += 2 * HOUR
        self.done += 1
        self.wait_for(moving.attend(self.site.town.records, self.world.now))
        for (number, item), place in list(self.world.moves.items()):
            held = self.world.entries[number].held.get(item)
            if held is not None and held.place != place:
                if {held.place, place} & self.world.gone:
                    continue
                held.place = place
            del self.world.moves[number, item]
        for at in self.world.tops():
            self.everybody_asks_about(at)

    @step()
    def line_to_the_vault_is_cut_or_mended(self) -> None:
        line = self.site.line
        if line is not None:
            self.done += 1
            line.cut = not line.cut
            self.world.gone ^= {"cloud"}

    # -- everything

    @step(entry=entries)
    def resident_exports(self, entry: int) -> None:
        at = self.world.top(entry)
        if not self.alive(at):
            return
        told = self.do(self.as_resident(at), "GET /me/export").body
        held = {item: one for item in ITEMS if (one := self.world.held(at, item))}
        found = {one["item"]: one.get("value") for one in told["records"]}
        assert found == {
            item: None if one.place in self.world.gone else value(item, one.value)
            for item, one in held.items()
        }
        assert told["namesAtServices"] == list(SERVICES)
        self.check_seen(at, {one["position"] for one in told["accesses"]})

    @step(entry=entries)
    def resident_looks_who_has_looked(self, entry: int) -> None:
        at = self.world.top(entry)
        if self.alive(at):
            told = self.do(self.as_resident(at), "GET /me/accesses", limit="1000").body
            self.check_seen(at, {one["position"] for one in told["accesses"]})

    def check_seen(self, at: int, positions: set[int]) -> None:
        """Every look at a resident is in their history, and none at anybody else."""
        family = self.world.family(at)
        for position, about in self.world.told.items():
            assert (position in positions) is (about in family)
