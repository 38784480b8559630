"""A caller changes things as if the broker held nothing but what they reach; the rest stays as it is. (docs/access.md)"""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.access.test_policy_laws import (
    ATTRIBUTES,
    IDS,
    STAFF,
    TIMES,
    Two,
    fits,
    may_see,
    some_types,
    two,
    values,
)

__all__ = ["two"]

Rule = dict[str, Any]
Entity = dict[str, Any]
PLAIN = ("p", "q")


@st.composite
def full_entities(draw: st.DrawFn) -> list[Entity]:
    """Draw two entities, mostly with the attributes that changes are about."""
    found = []
    for id in IDS[:2]:
        entity: Entity = {"id": id, "type": draw(st.sampled_from([["A"], ["B"], ["A", "B"]]))}
        scope = draw(st.sampled_from([None, ["/x"], ["/z"], ["/x/y", "/z"]]))
        entity |= {} if scope is None else {"scope": scope}
        for name in draw(st.sampled_from([PLAIN, PLAIN, PLAIN[:1], PLAIN[1:]])):
            entity[name] = {"type": "Property", "value": draw(values)}
        found.append(entity)
    return found


some_attributes = st.sampled_from([["p"], ["q"], ["p", "q"], ["p", "https://uri.etsi.org/ngsi-ld/scope"], []])
bounds = st.sampled_from(
    [
        {},
        {},
        {"types": ["A"]},
        {"types": ["A", "B"]},
        {"scopes": ["/x/#"]},
        {"scopes": ["/z"]},
        {"scopes": ["/x/#", "/z"]},
    ]
)
named = st.sampled_from(["attributes", "attributes_except"])
narrow = st.builds(lambda some, name, names: {**some, name: names}, bounds, named, some_attributes)
some_rules = st.lists(st.one_of(narrow, narrow, bounds), max_size=2)


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Draw a change: method, target, body."""
    id = draw(st.sampled_from(IDS[:2]))
    value = {"type": "Property", "value": draw(values)}
    name = draw(st.sampled_from(PLAIN))
    fragment: Entity = dict.fromkeys(
        draw(st.lists(st.sampled_from(PLAIN), min_size=1, max_size=2, unique=True)), value
    )
    if draw(st.integers(0, 2)) == 0:
        fragment["scope"] = draw(st.sampled_from(["/x", "/z", "/x/y"]))
    if draw(st.integers(0, 3)) == 0:
        fragment["type"] = draw(some_types)
    whole = {"id": id, "type": "A", **fragment}
    at, batch = f"/entities/{id}", "/entityOperations"
    history = {
        one: [{**held, "observedAt": "2002-01-01T00:00:00Z"}]
        for one, held in fragment.items()
        if one in PLAIN
    }
    return draw(
        st.sampled_from(
            [
                ("PATCH", at, fragment),
                ("POST", f"{at}/attrs", fragment),
                ("POST", f"{at}/attrs?options=noOverwrite", fragment),
                ("PATCH", f"{at}/attrs", fragment),
                ("PUT", at, whole),
                ("DELETE", at, None),
                ("DELETE", f"{at}/attrs/{name}", None),
                ("DELETE", f"{at}/attrs/scope", None),
                ("PATCH", f"{at}/attrs/{name}", {"value": draw(values)}),
                ("PUT", f"{at}/attrs/{name}", value),
                ("PUT", f"{at}/attrs/{name}/value", draw(values)),
                ("POST", f"{batch}/update", [{"id": id, **fragment}]),
                ("POST", f"{batch}/merge", [{"id": id, **fragment}]),
                ("POST", f"{batch}/delete", [id]),
                ("DELETE", f"/entities?type=A,B,C&q={draw(st.sampled_from(['p', '!p', 'q==1']))}", None),
                ("DELETE", f"/entities?type=A,B,C&drop={name}", None),
                ("POST", f"/temporal/entities/{id}/attrs", history),
                ("DELETE", f"/temporal/entities/{id}/attrs/{name}?deleteAll=true", None),
                ("GET", at, None),
                ("GET", "/entities?local=true&count=true", None),
            ]
        )
    )


def may_write(given: list[Rule], entity: Entity) -> set[str] | None:
    names: set[str] | None = None
    for rule in given:
        if "types" in rule and not set(entity["type"]) <= set(rule["types"]):
            continue
        scopes = entity.get("scope", [])
        if "scopes" in rule and not (
            scopes and all(any(fits(one, scope) for one in rule["scopes"]) for scope in scopes)
        ):
            continue
        allowed = set(rule.get("attributes", ATTRIBUTES)) - set(rule.get("attributes_except", ()))
        names = allowed if names is None else names | allowed
    return names


def reached(reading: list[Rule], writing: list[Rule], entity: Entity) -> Entity | None:
    seen, written = may_see(reading, entity), may_write(writing, entity)
    if seen is None and written is None:
        return None
    names = (set(seen or {}) & set(ATTRIBUTES)) | (written or set())
    return {name: held for name, held in entity.items() if name not in ATTRIBUTES or name in names}


def policy(reading: list[Rule], writing: list[Rule]) -> str:
    nothing = {"types": ["None"]}
    blocks = []
    for verbs, some in (("['read']", [*reading, nothing]), ("['write', 'purge']", [*writing, nothing])):
        for rule in some:
            lines = [f"{name} = {value!r}" for name, value in rule.items()]
            blocks.append(
                "\n".join(["[[rule]]", 'who = "key:guest"', f"may = {verbs}", 'tenants = ["*"]', *lines, ""])
            )
    return "\n".join(blocks) + STAFF


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    some_rules,
    some_rules,
    full_entities(),
    st.lists(changes(), min_size=1, max_size=6),
)
def test_changes_speak_of_and_touch_what_is_reached(
    two: Two, reading: list[Rule], writing: list[Rule], held: list[Entity], asked: list[tuple[str, str, Any]]
) -> None:
    known = [one for one in (reached(reading, writing, entity) for entity in held) if one is not None]
    before = {entity["id"]: entity for entity in held}

    async def compare() -> None:
        number = next(two.numbers)
        tenants = [{"NGSILD-Tenant": f"whole{number}"}, {"NGSILD-Tenant": f"part{number}"}]
        (two.folder / "policy.toml").write_text(policy(reading, writing))
        policies = two.broker.live.broker.policies
        assert policies is not None
        policies.refresh()
        for headers, some in zip(tenants, (held, known), strict=True):
            await two.broker.ask(
                "staff", "POST", "/entities", {"id": "urn:ngsi-ld:X:0", "type": "X"}, headers=headers
            )
            await two.broker.ask("staff", "DELETE", "/entities/urn:ngsi-ld:X:0", headers=headers)
            if some:
                assert (
                    await two.broker.ask("staff", "POST", "/entityOperations/create", some, headers=headers)
                ).status == 201
        for method, target, body in asked:
            replies = []
            for headers in tenants:
                reply = await two.broker.ask("guest", method, target, body, headers=headers)
                raw = TIMES.sub(b"-", reply.raw)
                replies.append((reply.status, raw, reply.headers.get("NGSILD-Results-Count")))
            assert replies[0] == replies[1], (method, target, body)
        known_ids = {entity["id"] for entity in known}
        for id, entity in before.items():
            now = await two.broker.get("staff", f"/entities/{id}", headers=tenants[0])
            kept = {name for name in ATTRIBUTES if name in entity}
            if id in known_ids:
                part = next(one for one in known if one["id"] == id)
                kept -= set(part)
                if not kept:
                    continue
            assert now.status == 200, id
            for name in kept:
                assert now.json[name]["type"] == entity[name]["type"]
                assert now.json[name].get("value") == entity[name].get("value")

    two.runner.run(compare())


def test_the_policy_of_this_test_can_be_read(tmp_path: Path) -> None:
    from broker.access import policy_file

    (tmp_path / "policy.toml").write_text(policy([], [{"types": ["A"], "scopes": ["/x/#"]}]))
    assert len(policy_file.load(tmp_path / "policy.toml").rules) == 4
