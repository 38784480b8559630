"""Random changes through one of three brokers: together they hold what one broker would hold. (4.3.6, 5.6)"""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.federation.towns import towns
from tests.live import Live, Reply

ATTRS = ("a", "b", "c", "d")
SINGLE = ["redirectionOps"]
BATCHES = [*SINGLE, "createBatch", "upsertBatch", "updateBatch", "deleteBatch", "mergeBatch"]
Union = dict[str, dict[str, set[int]]]
"""Entities that are anywhere: their attributes, and the values these have in all places."""


class Brokers:
    """Three brokers that run for all examples."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.context = towns(folder, 3)
        self.front, *self.sources = self.runner.run(self.context.__aenter__())
        self.number = itertools.count()

    def close(self) -> None:
        self.runner.run(self.context.__aexit__(None, None, None))
        self.runner.close()


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    several = Brokers(tmp_path_factory.mktemp("model"))
    yield several
    several.close()


places = st.fixed_dictionaries(
    {
        name: st.tuples(
            st.sampled_from(("here", "here", "exclusive", "redirect", "inclusive")),
            st.integers(0, 1),
            st.sampled_from((SINGLE, BATCHES)),
        )
        for name in ("a", "b", "c")
    }
)
bodies = st.sets(st.sampled_from(ATTRS), min_size=1)
steps = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("create", "append", "noOverwrite", "update", "merge", "replace", "delete"),
                *("partial", "replaceAttr", "deleteAttr"),
                *("createBatch", "upsert", "upsertUpdate", "updateBatch", "mergeBatch", "deleteBatch"),
            )
        ),
        st.integers(0, 1),
        bodies,
        st.sampled_from(ATTRS),
    ),
    min_size=1,
    max_size=12,
)
WHOLE = {"replace", "upsert"}
BODY = {
    "create": ("POST", "", {}),
    "append": ("POST", "/attrs", {}),
    "noOverwrite": ("POST", "/attrs", {"options": "noOverwrite"}),
    "update": ("PATCH", "/attrs", {}),
    "merge": ("PATCH", "", {}),
    "replace": ("PUT", "", {}),
    "createBatch": ("POST", "create", {}),
    "upsert": ("POST", "upsert", {}),
    "upsertUpdate": ("POST", "upsert", {"options": "update"}),
    "updateBatch": ("POST", "update", {}),
    "mergeBatch": ("POST", "merge", {}),
}
BATCH = {"createBatch", "upsert", "upsertUpdate", "updateBatch", "mergeBatch", "deleteBatch"}
ONE = {"partial": "PATCH", "replaceAttr": "PUT", "deleteAttr": "DELETE"}


class World:
    """One example: two entities of a type of its own, some of whose attributes are registered elsewhere."""

    def __init__(self, brokers: Brokers, where: dict[str, tuple[str, int, list[str]]]) -> None:
        number = next(brokers.number)
        self.brokers = brokers
        self.type = f"T{number}"
        self.ids = [f"urn:x:{number}:{at}" for at in (0, 1)]
        self.where = where
        self.value = 0

    async def register(self) -> None:
        for name, (mode, at, operations) in self.where.items():
            if mode == "here":
                continue
            entities: list[dict[str, str]] = [{"type": self.type}]
            if mode == "exclusive":
                entities = [{"type": self.type, "id": id} for id in self.ids]
            body = {
                "type": "ContextSourceRegistration",
                "endpoint": self.brokers.sources[at].url,
                "mode": mode,
                "information": [{"entities": entities, "propertyNames": [name]}],
                "operations": operations,
            }
            assert (await self.brokers.front.post("/csourceRegistrations", body)).status == 201

    async def union(self) -> Union:
        found: Union = {}
        for live in (self.brokers.front, *self.brokers.sources):
            params = {"type": self.type, "local": "true", "format": "simplified"}
            for entity in (await live.get("/entities", **params)).json:
                held = found.setdefault(entity.pop("id"), {})
                entity.pop("type")
                for name, value in entity.items():
                    held.setdefault(name, set()).add(value)
        return found

    async def step(
        self, what: str, id: str, names: set[str], name: str
    ) -> tuple[Reply, dict[str, int | None]]:
        """Do one step; give the answer and the attributes as they shall be."""
        self.value += 1
        front = self.brokers.front
        path = f"/entities/{id}"
        if what == "delete":
            return await front.ask("DELETE", path), {}
        if what == "deleteBatch":
            return await front.post("/entityOperations/delete", [id]), {}
        if what in ONE:
            body = None if what == "deleteAttr" else {"type": "Property", "value": self.value}
            reply = await front.ask(ONE[what], f"{path}/attrs/{name}", body)
            return reply, {name: None if body is None else self.value}
        changes: dict[str, int | None] = dict.fromkeys(names, self.value)
        if what in ("update", "merge") and len(names) > 1:
            changes[min(names)] = None
        method, tail, params = BODY[what]
        given = {"id": id, "type": self.type} | {
            one: {"type": "Property", "value": "urn:ngsi-ld:null" if value is None else value}
            for one, value in changes.items()
        }
        if what in BATCH:
            path, body = f"/entityOperations/{tail}", [given]
        else:
            path, body = "/entities" if what == "create" else path + tail, given
        return await front.ask(method, path, body, params=params), changes


def told_whole(what: str, world: World, before: dict[str, set[int]], after: dict[str, set[int]]) -> None:
    """What was replaced as a whole keeps nothing that belongs here. (5.6.18)"""
    kept = set(before) & set(after)
    assert what in WHOLE
    assert not {name for name in kept if world.where.get(name, ("here",))[0] == "here"}


def check(
    world: World, what: str, id: str, changes: dict[str, int | None], reply: Reply, seen: tuple[Union, Union]
) -> None:
    before, after = seen
    assert {one: before.get(one) for one in world.ids if one != id} == {
        one: after.get(one) for one in world.ids if one != id
    }
    old, new = before.get(id, {}), after.get(id, {})
    if reply.status >= 400:
        assert before.get(id) == after.get(id)
    elif reply.status == 207:
        for name in {*old, *new}:
            value = changes.get(name)
            assert new.get(name, set()) <= old.get(name, set()) | ({value} if value is not None else set())
    elif what in ("delete", "deleteBatch"):
        assert id not in after
    else:
        for name, value in changes.items():
            if what == "noOverwrite" and name in old:
                assert new[name] == old[name]
            else:
                assert new.get(name) == ({value} if value is not None else None)
        others = {name: values for name, values in new.items() if name not in changes}
        if what in WHOLE:
            assert others.items() <= old.items()
            told_whole(what, world, {n: v for n, v in old.items() if n not in changes}, others)
        else:
            assert others == {name: values for name, values in old.items() if name not in changes}


async def example(
    brokers: Brokers,
    where: dict[str, tuple[str, int, list[str]]],
    todo: list[tuple[str, int, set[str], str]],
) -> None:
    world = World(brokers, where)
    await world.register()
    before = await world.union()
    for what, at, names, name in todo:
        id = world.ids[at]
        reply, changes = await world.step(what, id, names, name)
        assert reply.status in (201, 204, 207, 400, 404, 409), reply.json
        after = await world.union()
        check(world, what, id, changes, reply, (before, after))
        before = after
    await proxied_is_not_here(brokers.front, world)


async def proxied_is_not_here(front: Live, world: World) -> None:
    """Nothing that is registered as held elsewhere alone is here. (4.3.6.3)"""
    params = {"type": world.type, "local": "true", "format": "simplified"}
    away = {name for name, (mode, _, _) in world.where.items() if mode in ("exclusive", "redirect")}
    for entity in (await front.get("/entities", **params)).json:
        assert away.isdisjoint(entity)


@given(places, steps)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_brokers_hold_together_what_one_would_hold(
    brokers: Brokers,
    where: dict[str, tuple[str, int, list[str]]],
    todo: list[tuple[str, int, set[str], str]],
) -> None:
    brokers.runner.run(example(brokers, where, todo))
