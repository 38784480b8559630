"""What is heard of a source's notification: the rule against a world without what is hidden. (docs/access.md)"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.language.selection import Selection
from broker.language.visibility import Attributes, Grant, Visibility, visible
from broker.model import difference
from broker.model.document import NULL
from broker.notify.heard import Heard, unsaid
from broker.notify.interest import ENTITY_UPDATED, Interest
from broker.notify.match import triggered
from broker.notify.subscription import TRIGGERS
from broker.store.contract import Change

MS = 1_000
SEEN = Visibility((Grant(attributes=Attributes(frozenset("cd"), others=True)),))
ALL = Visibility((Grant(),))
states = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), max_size=4)
names = st.sets(st.sampled_from("abcd"), min_size=1)
triggers = st.sets(st.sampled_from(sorted(TRIGGERS - {"entityUpdated"})), min_size=1)


class _Form:
    show_changes = False


def interest(watched: set[str] | None, kinds: set[str]) -> Interest:
    nothing: Any = None
    return Interest(
        "urn:x:s", Selection(), frozenset(watched) if watched else None, frozenset(kinds), None, True, 0, 0, 0,
        nothing, {}, nothing,
    )  # fmt: skip


def entity(state: dict[str, int], before: Any, at: int) -> dict[str, Any]:
    """Give an entity after a write of all that is in `state`; what was there keeps its time of creation."""
    old = before["attrs"] if before else {}
    attributes = {
        name: [
            {
                "type": "Property",
                "value": value,
                "createdAt": old[name][0]["createdAt"] if name in old else at,
                "modifiedAt": at,
            }
        ]
        for name, value in state.items()
    }
    kept = {name: held for name, held in old.items() if name not in attributes}
    return {
        "id": "urn:x:1",
        "type": ["T"],
        "createdAt": before["createdAt"] if before else at,
        "modifiedAt": at,
        "attrs": kept | attributes,
    }


def as_told(before: Any, after: Any, at: int) -> dict[str, Any]:
    """Write a change as a source does that is asked for times and for what was before."""
    if after is None:
        document = {**before, "deletedAt": at, "attrs": {}}
        gone = before["attrs"]
    else:
        document = {**after, "attrs": dict(after["attrs"])}
        gone = {name: held for name, held in (before or after)["attrs"].items() if name not in after["attrs"]}
    for name, held in gone.items():
        document["attrs"][name] = [
            {**held[0], "value": NULL, "deletedAt": at, "previousValue": held[0]["value"]}
        ]
    if before is not None and after is not None:
        for name, held in after["attrs"].items():
            old = before["attrs"].get(name)
            if old and not difference.same(old[0], held[0]):
                document["attrs"][name] = [{**held[0], "previousValue": old[0]["value"]}]
    return document


def is_told(one: Interest, before: Any, after: Any, at: int) -> bool:
    """Say whether a broker that holds this and no more would tell of a change."""
    if before is None and after is None:
        return False
    found = difference.between(before, after)
    document = before if after is None else after
    return triggered(one, Change("urn:x:1", before, after, at), found, document)


@given(states, states, st.sampled_from(["create", "write", "remove", "delete"]), st.none() | names, triggers)
def test_what_is_heard_is_what_a_world_without_the_hidden_would_tell(
    first: dict[str, int], second: dict[str, int], kind: str, watched: set[str] | None, kinds: set[str]
) -> None:
    one = interest(watched, kinds)
    at, later = 5_000 * MS, 9_000 * MS
    before: Any = None if kind == "create" else entity(first, None, at)
    after: Any = None
    if kind == "remove":
        left = {name: held for name, held in before["attrs"].items() if name not in second}
        after = {**before, "attrs": left, "modifiedAt": later}
    elif kind != "delete":
        after = entity(second, before, later)
    if not is_told(one, before, after, later):
        return  # the source would not tell of it
    expected = is_told(
        one,
        None if before is None else visible(before, SEEN),
        None if after is None else visible(after, SEEN),
        later,
    )
    told = as_told(before, after, later)
    assert Heard().due("", one, ALL, told, later + MS)
    if told.get("deletedAt") and not told["attrs"]:
        return  # nothing is known of what it had
    assert Heard().due("", one, SEEN, told, later + MS) == expected


@given(st.lists(states, min_size=1, max_size=6), st.none() | names)
def test_of_a_source_without_times_nothing_is_heard_twice(
    writes: list[dict[str, int]], watched: set[str] | None
) -> None:
    """Every notification but the first of an entity is of another visible state than the one before."""
    heard, one = Heard(), interest(watched, set(ENTITY_UPDATED))
    last: Any = None
    for number, state in enumerate(writes):
        told = entity(state, None, number)
        said = {
            name: value for name, value in state.items() if name in "ab" and (not watched or name in watched)
        }
        due = heard.due("", one, SEEN, told, number)
        if not told["attrs"]:
            continue
        assert due == (said != last and bool(said or not watched))
        if said or not watched:
            last = said


def test_what_was_asked_for_to_judge_by_is_not_told() -> None:
    before, after = (
        entity({"a": 1, "b": 1}, None, MS),
        entity({"a": 2}, entity({"a": 1, "b": 1}, None, MS), 2),
    )
    one = interest({"a"}, {"entityDeleted"})
    object.__setattr__(one, "form", _Form())
    assert "previousValue" not in str(unsaid(one, as_told(before, after, 2 * MS)))
    assert unsaid(one, as_told(before, None, 2 * MS))["attrs"] == {}
    one = interest({"a"}, {"attributeDeleted"})
    object.__setattr__(one, "form", _Form())
    assert set(unsaid(one, as_told(before, None, 2 * MS))["attrs"]) == {"a"}
