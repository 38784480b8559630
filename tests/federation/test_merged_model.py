"""Random changes of three brokers and questions to any of them, against one naive model of all. (4.3.6, 4.5.5, 5.5.9)"""

import asyncio
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.federation.asking import Question, questions
from tests.federation.merged import ATTRS, BROKERS, IDS, SCOPE, Link, Merged, normal, simple, type_of
from tests.federation.towns import towns
from tests.live import Live, Reply

CHANGING = ["redirectionOps", "createBatch", "upsertBatch", "updateBatch", "deleteBatch", "mergeBatch"]
READING = ["federationOps", "queryTemporal", "retrieveTemporal"]
MESH = tuple(Link(one, other) for one, other in itertools.permutations(range(BROKERS), 2))
NEIGHBOURHOODS = {
    "towns": MESH,
    "parts": MESH,
    "auxiliary": (Link(0, 1, "auxiliary"), Link(0, 2), Link(1, 2)),
    "exclusive": (Link(0, 1, "exclusive", ("a",)), Link(0, 2), Link(2, 1)),
    "redirect": (Link(0, 1, "redirect", ("a",), "A"), Link(0, 2, "redirect", (), "B")),
}
EVER = {"timerel": "after", "timeAt": "1970-01-01T00:00:00Z", "timeproperty": "modifiedAt"}
brokers_ = st.integers(0, BROKERS - 1)
ids_ = st.sampled_from(IDS)
some_attrs = st.sets(st.sampled_from(ATTRS), min_size=1)


class Brokers:
    """Three brokers that run for all examples."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.context = towns(folder, BROKERS, tenants=100_000)
        self.lives = self.runner.run(self.context.__aenter__())
        self.number = itertools.count()
        self.asked = 0

    def close(self) -> None:
        """End them."""
        self.runner.run(self.context.__aexit__(None, None, None))
        self.runner.close()


def in_order(entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort by id: where no source is asked, entities come in the order of their creation."""
    return sorted(entities, key=lambda one: str(one["id"]))


def following(reply: Reply) -> str | None:
    """Give the target of the next page, below /ngsi-ld/v1, as the answer names it. (6.3.10)"""
    link = re.search(r'</ngsi-ld/v1([^>]*)>; ?rel="next"', ",".join(reply.headers.getall("Link", [])))
    return link[1] if link else None


class Machine(RuleBasedStateMachine):
    """One example: a tenant of its own at all three brokers."""

    brokers: ClassVar[Brokers]

    def __init__(self) -> None:
        super().__init__()
        self.tenant = {"NGSILD-Tenant": f"t{next(self.brokers.number)}"}
        self.merged = Merged(())
        self.kind = ""

    # --- how -----------------------------------------------------------------------------------------------------

    def ask(self, at: int, method: str, path: str, body: Any = None, **params: Any) -> Reply:
        """Send a request to one of the brokers."""
        live: Live = self.brokers.lives[at]
        self.brokers.asked += 1
        texts = {name: str(value) for name, value in params.items()}
        return self.brokers.runner.get_loop().run_until_complete(
            live.ask(method, path, body, headers=self.tenant, params=texts)
        )

    def value(self) -> int:
        """Give a number that no attribute had."""
        self.merged.clock += 1
        return self.merged.clock

    def there(self, at: int, id: str) -> bool:
        """Say whether all brokers that changes of an entity go to have it."""
        return all(id in self.merged.held[place] for place in self.merged.places(at, id))

    def nowhere(self, at: int, id: str) -> bool:
        return not any(id in self.merged.held[place] for place in self.merged.places(at, id))

    @initialize(kind=st.sampled_from(sorted(NEIGHBOURHOODS)), begin=st.lists(brokers_, max_size=len(IDS)))
    def know_each_other(self, kind: str, begin: list[int]) -> None:
        """Register the brokers with each other, and create some entities."""
        self.kind = kind
        self.merged = Merged(NEIGHBOURHOODS[kind])
        for at in range(BROKERS):  # this makes the tenant
            made = self.ask(at, "POST", "/entities", {"id": "urn:x:0", "type": "X"})
            assert made.status == 201, made.json
            assert self.ask(at, "DELETE", "/entities/urn:x:0").status == 204
        for link in self.merged.links:
            made = self.ask(link.asker, "POST", "/csourceRegistrations", self.registration(link))
            assert made.status == 201, made.json
        for at, id in zip(begin, IDS, strict=False):
            self.make(at, id, set(ATTRS), "")

    def registration(self, link: Link) -> dict[str, Any]:
        kinds = [{"type": kind} for kind in ("A", "B") if link.type in ("", kind)]
        if link.mode == "exclusive":
            kinds = [{"type": type_of(id), "id": id} for id in IDS]
        information: dict[str, Any] = {"entities": kinds}
        if link.attrs:
            information["propertyNames"] = list(link.attrs)
        operations = {"auxiliary": ["retrieveOps"], "inclusive": READING}.get(
            link.mode, [*CHANGING, *READING]
        )
        return {
            "type": "ContextSourceRegistration",
            "endpoint": self.brokers.lives[link.source].url,
            "tenant": self.tenant["NGSILD-Tenant"],
            "mode": link.mode,
            "information": [information],
            "operations": operations,
            "management": {"localOnly": True},
        }

    # --- changes -------------------------------------------------------------------------------------------------

    def home(self, at: int, id: str) -> int:
        """Say at which broker to make a change: each entity has one home where entities lie whole."""
        return IDS.index(id) % BROKERS if self.kind == "towns" else at

    @rule(at=brokers_, id=ids_, names=some_attrs, batch=st.sampled_from(("", "create", "upsert")))
    def create(self, at: int, id: str, names: set[str], batch: str) -> None:
        """Create an entity, whether it is there or not."""
        self.make(at, id, names, batch)

    def make(self, at: int, id: str, names: set[str], batch: str) -> None:
        at = self.home(at, id)
        values: dict[str, int | None] = {
            name: self.value() for name in sorted(names | self.merged.needed(at, id))
        }
        body = normal(id, values)
        if batch:
            reply = self.ask(at, "POST", f"/entityOperations/{batch}", [body])
        else:
            reply = self.ask(at, "POST", "/entities", body)
        if self.nowhere(at, id):
            assert reply.status == 201, reply.json
            self.merged.write(at, id, values, whole=True)
        elif self.there(at, id) and batch == "upsert":
            assert reply.status == 204, reply.json
            self.merged.write(at, id, values, whole=True)
        elif self.there(at, id):
            assert reply.status in (207, 400, 409), reply.json
        else:
            self.restore(at, id)

    def restore(self, at: int, id: str) -> None:
        """Delete what was changed in part only."""
        for place in self.merged.places(at, id):
            self.ask(place, "DELETE", f"/entities/{id}", local="true")
            self.merged.held[place].pop(id, None)

    @rule(
        at=brokers_,
        id=ids_,
        names=some_attrs,
        how=st.sampled_from(("append", "update", "merge", "replace", "batch update", "batch merge")),
        local=st.booleans(),
    )
    def change(self, at: int, id: str, names: set[str], how: str, local: bool) -> None:
        """Change some attributes, or all of an entity."""
        at = self.home(at, id)
        local = local and not self.merged.needed(at, id)
        if not self.there(at, id):
            return
        if how == "replace":
            names = names | self.merged.needed(at, id)
        elif how == "update":
            names = {name for name in names if self.merged.has(at, id, name)} or names
        values: dict[str, int | None] = {name: self.value() for name in sorted(names)}
        reply = self.send(at, id, how, normal(id, values), {"local": "true"} if local else {})
        scoped = how != "update" or self.merged.has(
            at, id, SCOPE
        )  # what is not there, this does not add (5.6.2)
        wanted = (201, 204) if scoped else (207,)
        assert reply.status in wanted, (how, reply.status, reply.json)
        self.merged.write(at, id, values, whole=how == "replace", scoped=scoped)

    def send(self, at: int, id: str, how: str, body: dict[str, Any], params: dict[str, str]) -> Reply:
        fragment = {name: told for name, told in body.items() if name != "id"}
        match how.split():
            case ["batch", tail]:
                return self.ask(at, "POST", f"/entityOperations/{tail}", [body], **params)
            case ["append"]:
                return self.ask(at, "POST", f"/entities/{id}/attrs", fragment, **params)
            case ["update"]:
                return self.ask(at, "PATCH", f"/entities/{id}/attrs", fragment, **params)
            case ["merge"]:
                return self.ask(at, "PATCH", f"/entities/{id}", fragment, **params)
            case _:
                return self.ask(at, "PUT", f"/entities/{id}", body, **params)

    @rule(
        at=brokers_,
        id=ids_,
        name=st.sampled_from(ATTRS),
        how=st.sampled_from(("PATCH", "PUT", "DELETE", "null")),
        typed=st.booleans(),
    )
    def change_one(self, at: int, id: str, name: str, how: str, typed: bool) -> None:
        """Change or delete one attribute that is there."""
        at = self.home(at, id)
        if not self.there(at, id) or not self.merged.has(at, id, name):
            return
        value = self.value() if how in ("PATCH", "PUT") else None
        told = normal(id, {name: value})[name]
        params = {"type": type_of(id)} if typed else {}
        if how == "null":
            reply = self.ask(at, "PATCH", f"/entities/{id}", {name: told}, **params)
        else:
            reply = self.ask(at, how, f"/entities/{id}/attrs/{name}", told if value else None, **params)
        wanted = 207 if self.merged.refusing(at, id, name, typed=typed) else 204
        assert reply.status == wanted, (how, reply.status, reply.json)
        self.merged.write_one(at, id, name, value)

    @rule(at=brokers_, id=ids_, how=st.sampled_from(("one", "batch", "purge")), typed=st.booleans())
    def delete(self, at: int, id: str, how: str, typed: bool) -> None:
        """Delete an entity that is there."""
        at = self.home(at, id)
        if not self.there(at, id):
            return
        typed = typed and how == "one"
        if how == "batch":
            reply = self.ask(at, "POST", "/entityOperations/delete", [id])
        elif how == "purge" and not self.merged.routed(at):
            reply = self.ask(at, "DELETE", "/entities", type=type_of(id), id=id)
        else:
            reply = self.ask(at, "DELETE", f"/entities/{id}", **({"type": type_of(id)} if typed else {}))
        # who deletes by id alone asks also sources that have it not, and those say so (6.3.17)
        wanted = 207 if self.merged.refusing(at, id, None, typed=typed) else 204
        assert reply.status == wanted, (how, reply.status, reply.json)
        self.merged.delete(at, id)

    # --- questions -----------------------------------------------------------------------------------------------

    def wanted(self, at: int, asked: Question, local: bool) -> list[dict[str, Any]]:
        shown = self.merged.shown(at, local=local)
        return [
            asked.projected(simple(id, values)) for id, values in shown.items() if asked.meets(id, values)
        ]

    def params(self, asked: Question, local: bool) -> dict[str, str]:
        whole = {} if self.kind == "towns" or local else {"splitEntities": "true"}
        order = {"local": "true", "orderBy": "id"} if local else {}
        return {**asked.params, **whole, **order, "format": "simplified"}

    @rule(at=brokers_, asked=questions(), local=st.sampled_from((False, False, True)))
    def query(self, at: int, asked: Question, local: bool) -> None:
        """Ask for entities and their number."""
        wanted = self.wanted(at, asked, local)
        reply = self.ask(at, "GET", "/entities", **self.params(asked, local), count="true")
        assert reply.status == 200, reply.json
        assert "NGSILD-Warning" not in reply.headers, reply.headers["NGSILD-Warning"]
        assert in_order(reply.json) == wanted
        assert reply.headers["NGSILD-Results-Count"] == str(len(wanted))

    @rule(at=brokers_, asked=questions(), limit=st.integers(1, 3), by_map=st.booleans())
    def pages(self, at: int, asked: Question, limit: int, by_map: bool) -> None:
        """Follow the links over all pages, also over an entity map, where they lead from place to place. (5.5.9.3)"""
        params = {**self.params(asked, False), "limit": str(limit)}
        found: list[Any] = []
        headers: dict[str, str] = {}
        target: str | None = "/entities"
        for _ in range(len(IDS) + 1):
            live = self.brokers.lives[at]
            more = {"entityMap": "true"} if by_map and not headers else {}
            given = {**params, **more} if target == "/entities" else {}
            asking = live.ask("GET", target, headers={**self.tenant, **headers}, params=given)
            reply = self.brokers.runner.run(asking)
            assert reply.status in (200, 201), reply.json
            if "NGSILD-EntityMap" in reply.headers:
                headers = {"NGSILD-EntityMap": reply.headers["NGSILD-EntityMap"]}
            found += reply.json
            target = following(reply)
            if target is None:
                break
        assert target is None
        assert in_order(found) == self.wanted(at, asked, False)

    @rule(at=brokers_, id=ids_, local=st.booleans())
    def retrieve(self, at: int, id: str, local: bool) -> None:
        """Ask for one entity."""
        values = self.merged.shown(at, local=local).get(id)
        reply = self.ask(
            at, "GET", f"/entities/{id}", format="simplified", **({"local": "true"} if local else {})
        )
        if values is None:
            assert reply.status == 404, reply.json
        else:
            assert (reply.status, reply.json) == (200, simple(id, values))

    @precondition(
        lambda self: self.kind != "auxiliary"
    )  # such sources list no types: their registrations count
    @rule(at=brokers_, local=st.booleans())
    def kinds(self, at: int, local: bool) -> None:
        """Ask for types and attributes."""
        params = {"local": "true"} if local else {}
        types = self.ask(at, "GET", "/types", **params).json["typeList"]
        attrs = self.ask(at, "GET", "/attributes", **params).json["attributeList"]
        assert types == sorted(self.merged.listed(at, local=local))
        assert attrs == sorted(self.merged.listed_attributes(at, local=local))

    @precondition(lambda self: self.kind in ("towns", "parts"))
    @rule(at=brokers_, kind=st.sampled_from("AB"))
    def history(self, at: int, kind: str) -> None:
        """Ask for all values there ever were."""
        reply = self.ask(at, "GET", "/temporal/entities", type=kind, format="temporalValues", **EVER)
        assert reply.status == 200, reply.json
        told: dict[tuple[str, str], set[int]] = {}
        for entity in reply.json:
            for name in ("a", "b"):
                if name in entity:
                    values = entity[name]["values"]
                    told[entity["id"], name] = {one[0] for one in values if isinstance(one[0], int)}
        ever = self.merged.histories(at)
        assert told == {key: v for key, v in ever.items() if type_of(key[0]) == kind and key[1] in ("a", "b")}


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    several = Brokers(tmp_path_factory.mktemp("merged"))
    yield several
    several.close()


def prove(brokers: Brokers, examples: int, steps: int) -> None:
    """Run so many examples of so many steps on these brokers."""
    machine = type("Neighbourhood", (Machine,), {"brokers": brokers})
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        phases=(Phase.generate,),  # an example takes seconds: to shrink one would take longer than all tests
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)


def test_any_broker_shows_what_one_model_of_all_shows(brokers: Brokers) -> None:
    prove(brokers, 24, 20)
