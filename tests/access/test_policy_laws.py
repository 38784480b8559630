"""A caller is answered as if the broker held nothing but what they may see: for any policy, data and query. (docs/access.md)"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.access.town import STAFF, Town, town

TYPE_NAMES = ("A", "B", "C")
ATTRIBUTES = ("p", "q", "place", "near")
SCOPES = ("/x", "/x/y", "/z")
IDS = tuple(f"urn:ngsi-ld:E:{n}" for n in range(5))
AT = "2001-01-01T00:00:00Z"
TIMES = re.compile(rb"20[2-9]\d-\d\d-\d\dT[\d:.]+Z")


@dataclass(frozen=True)
class Two:
    """A broker in which one tenant holds everything, and another what a caller may see of it."""

    runner: asyncio.Runner
    broker: Town
    folder: Path
    numbers: Iterator[int]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("laws")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        broker = runner.run(stack.enter_async_context(town(folder, "", "guest", tenants=10_000)))
        yield Two(runner, broker, folder, itertools.count())
        runner.run(stack.aclose())


some_types = st.lists(st.sampled_from(TYPE_NAMES), min_size=1, max_size=2, unique=True)
attributes = st.lists(st.sampled_from(ATTRIBUTES), max_size=3, unique=True)
rules = st.fixed_dictionaries(
    {},
    optional={
        "types": some_types,
        "scopes": st.lists(st.sampled_from(["/x", "/x/#", "/z", "/+"]), min_size=1, max_size=2, unique=True),
        "attributes": attributes,
        "attributes_except": attributes,
    },
).map(
    lambda rule: (
        rule if "attributes" not in rule else {k: v for k, v in rule.items() if k != "attributes_except"}
    )
)
values = st.one_of(st.integers(0, 3), st.sampled_from(["a", "b"]))


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": AT}


@st.composite
def entities(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for id in draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=5, unique=True)):
        entity: dict[str, Any] = {"id": id, "type": draw(some_types)}
        if draw(st.booleans()):
            entity["scope"] = draw(st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2, unique=True))
        for name in draw(attributes):
            if name == "place":
                point = {"type": "Point", "coordinates": [draw(st.integers(0, 2)), 0]}
                entity[name] = {"type": "GeoProperty", "value": point, "observedAt": AT}
            elif name == "near":
                entity[name] = {
                    "type": "Relationship",
                    "object": draw(st.sampled_from(IDS)),
                    "observedAt": AT,
                }
            else:
                entity[name] = prop(draw(values))
        found.append(entity)
    return found


@st.composite
def queries(draw: st.DrawFn) -> dict[str, str]:
    params = {
        "local": "true",
        "count": "true",
        "limit": str(draw(st.integers(1, 5))),
        "offset": str(draw(st.integers(0, 2))),
    }
    if draw(st.booleans()):
        params["type"] = ",".join(draw(some_types))
    if draw(st.booleans()):
        terms = [
            "p",
            "!p",
            "q",
            "!q",
            "p==1",
            "p!=1",
            'q=="a"',
            "p>1",
            "!place",
            "scope",
            "near",
            "p;q",
            "p|!q",
        ]
        params["q"] = draw(st.sampled_from(terms))
    elif draw(st.booleans()):
        params |= {
            "q": draw(st.sampled_from(["near{p}", "near{A:p}==1", "near{near{q}}"])),
            "join": "inline",
            "joinLevel": "2",
        }
    if draw(st.booleans()):
        params["scopeQ"] = draw(st.sampled_from(["/x", "/x/#", "/z", "/+"]))
    if draw(st.booleans()):
        params |= {
            "georel": "near;maxDistance==10",
            "geometry": "Point",
            "coordinates": "[1,0]",
            "geoproperty": "place",
        }
    shape = draw(st.sampled_from(["", "attrs", "pick", "omit"]))
    if shape:
        params[shape] = ",".join(
            draw(st.lists(st.sampled_from(ATTRIBUTES[:2]), min_size=1, max_size=2, unique=True))
        )
    if draw(st.booleans()):
        params["orderBy"] = draw(st.sampled_from(["p", "p;desc", "q", "id;desc", "scope"]))
    if draw(st.booleans()):
        params.setdefault("join", draw(st.sampled_from(["inline", "flat"])))
    return params


def may_see(given: list[dict[str, Any]], entity: dict[str, Any]) -> dict[str, Any] | None:
    """Say what the rules leave of an entity: written once more, plainly."""
    names: set[str] | None = None
    for rule in given:
        if "types" in rule and not set(rule["types"]) & set(entity["type"]):
            continue
        if "scopes" in rule and not any(
            fits(one, s) for one in rule["scopes"] for s in entity.get("scope", [])
        ):
            continue
        allowed = set(rule.get("attributes", ATTRIBUTES)) - set(rule.get("attributes_except", ()))
        names = allowed if names is None else names | allowed
    if names is None:
        return None
    return {name: held for name, held in entity.items() if name not in ATTRIBUTES or name in names}


def fits(pattern: str, scope: str) -> bool:
    if pattern.endswith("/#"):
        return scope == pattern[:-2] or scope.startswith(pattern[:-1])
    return scope == pattern if pattern != "/+" else scope.count("/") == 1


def policy(given: list[dict[str, Any]]) -> str:
    written = []
    for rule in given:
        lines = [f"{name} = {value!r}" for name, value in rule.items()]
        written.append(
            "\n".join(["[[rule]]", 'who = "key:guest"', 'may = "read"', 'tenants = ["whole*"]', *lines, ""])
        )
    nothing = '[[rule]]\nwho = "key:guest"\nmay = "read"\ntypes = ["None"]\ntenants = ["whole*"]\n'
    return "\n".join(written) + nothing + STAFF


async def prepared(at: Two, rules: list[dict[str, Any]], held: list[dict[str, Any]]) -> tuple[str, str]:
    number = next(at.numbers)
    whole, part = f"whole{number}", f"part{number}"
    (at.folder / "policy.toml").write_text(policy(rules))
    policies = at.broker.live.broker.policies
    assert policies is not None
    policies.refresh()
    seen = [one for one in (may_see(rules, entity) for entity in held) if one is not None]
    for tenant, some in ((whole, held), (part, seen)):
        headers = {"NGSILD-Tenant": tenant}
        await at.broker.ask(
            "staff", "POST", "/entities", {"id": "urn:ngsi-ld:X:0", "type": "X"}, headers=headers
        )
        await at.broker.ask("staff", "DELETE", "/entities/urn:ngsi-ld:X:0", headers=headers)
        await at.broker.ask("staff", "DELETE", "/temporal/entities/urn:ngsi-ld:X:0", headers=headers)
        if some:
            made = await at.broker.ask("staff", "POST", "/entityOperations/create", some, headers=headers)
            assert made.status == 201, made.json
    return whole, part


async def answers(at: Two, tenant: str, who: str, path: str, params: dict[str, str]) -> tuple[Any, ...]:
    reply = await at.broker.get(who, path, headers={"NGSILD-Tenant": tenant}, **params)
    links = reply.headers.get("Link", "") if "next" in reply.headers.get("Link", "") else ""
    body = TIMES.sub(b"-", reply.raw.replace(tenant.encode(), b"-"))
    return (
        reply.status,
        body,
        reply.headers.get("NGSILD-Results-Count"),
        links,
        reply.headers.get("Content-Range"),
    )


MANY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@MANY
@given(st.lists(rules, max_size=3), entities(), st.lists(queries(), min_size=1, max_size=4))
def test_queries_speak_of_what_is_visible(
    two: Two, given: list[dict[str, Any]], held: list[dict[str, Any]], asked: list[dict[str, str]]
) -> None:
    async def compare() -> None:
        whole, part = await prepared(two, given, held)
        for params in asked:
            seen = await answers(two, whole, "guest", "/entities", params)
            assert seen == await answers(two, part, "staff", "/entities", params), params

    two.runner.run(compare())


@settings(MANY, max_examples=12)
@given(st.lists(rules, max_size=3), entities())
def test_every_other_read_speaks_of_what_is_visible(
    two: Two, given: list[dict[str, Any]], held: list[dict[str, Any]]
) -> None:
    async def compare() -> None:
        whole, part = await prepared(two, given, held)
        async for path, params in reads():
            seen = await answers(two, whole, "guest", path, params)
            assert seen == await answers(two, part, "staff", path, params), (path, params)

    two.runner.run(compare())


async def reads() -> AsyncIterator[tuple[str, dict[str, str]]]:
    span = {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z"}
    for path in ("/types", "/types?details=true", "/attributes", "/attributes?details=true"):
        yield path, {}
    for name in TYPE_NAMES:
        yield f"/types/{name}", {}
    for name in ATTRIBUTES:
        yield f"/attributes/{name}", {}
    for id in IDS[:3]:
        yield f"/entities/{id}", {}
        yield f"/entities/{id}", {"pick": "id,p"}
        yield f"/entities/{id}", {"join": "inline", "joinLevel": "2"}
        yield f"/entities/{id}/attrs/p", {}
        yield f"/temporal/entities/{id}", {"options": "temporalValues"}
        yield f"/temporal/entities/{id}", {"attrs": "p,near", "options": "temporalValues", **span}
        aggregated = {
            "aggrMethods": "max,totalCount",
            "aggrPeriodDuration": "PT0S",
            "options": "aggregatedValues",
        }
        yield f"/temporal/entities/{id}", {**aggregated, **span}
    for params in (
        {"type": "A,B"},
        {"attrs": "p"},
        {"q": "p==1"},
        {"q": "!q", "type": "A"},
        {"type": "A,B,C", "scopeQ": "/x/#"},
    ):
        yield "/temporal/entities", {"options": "temporalValues", "count": "true", **span, **params}
