"""One entity of what several sources tell of it: laws of joining. (4.3.6.2, 4.3.6.3, 4.5.5.2, 4.5.5.3)"""

from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from base import clock
from broker.federation import joining, narrowing
from broker.federation.joining import Version, join, united
from broker.language.selection import EntitySelector
from broker.language.sources import Match, Source, prepare
from broker.language.types import TypeSelection
from broker.model.document import Document

NOW = clock.parse("2026-11-21T09:00:00Z")
LATER = ["2026-11-22T00:00:00Z", "2026-11-23T00:00:00.5Z", "2026-11-24T09:00:00+09:00"]
ID = "urn:ngsi-ld:Shelter:1"

times = st.sampled_from([0, NOW - 2, NOW - 1])
instances = st.fixed_dictionaries(
    {"type": st.just("Property"), "value": st.integers(0, 3), "createdAt": times, "modifiedAt": times},
    optional={
        "observedAt": st.sampled_from(
            ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1Z", "2026-02-01T00:00:00Z"]
        ),
        "expiresAt": st.sampled_from(LATER),
    },
)


@st.composite
def attributes(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for iri in draw(st.sets(st.sampled_from("ab"))):
        datasets = draw(st.lists(st.sampled_from(["", "urn:d:1", "urn:d:2"]), min_size=1, unique=True))
        found[iri] = [
            {**draw(instances), **({"datasetId": name} if name else {})} for name in sorted(datasets)
        ]
    return found


@st.composite
def documents(draw: st.DrawFn) -> Document:
    document: Document = {
        "id": ID,
        "type": sorted(draw(st.sets(st.sampled_from("ST"), min_size=1))),
        "createdAt": draw(times),
        "modifiedAt": draw(times),
        "attrs": draw(attributes()),
    }
    if draw(st.booleans()):
        document["expiresAt"] = draw(st.sampled_from(LATER))
    if draw(st.booleans()):
        document["scope"] = sorted(draw(st.sets(st.sampled_from(["/A", "/B"]), min_size=1)))
    return document


@given(st.lists(documents(), min_size=1, max_size=3))
def test_the_order_of_the_versions_does_not_matter(several: list[Document]) -> None:
    assert all(united(one) == united(several) for one in permutations(several))


def effective(document: Document) -> Document:
    """Write at each attribute when it ends, be it with its entity: either way means the same."""
    end = document.get("expiresAt")
    ends = [] if end is None else [end]
    attrs = {
        iri: [
            {**one, "expiresAt": min(clock.parse(e) for e in own)}
            if (own := [*ends, *([one["expiresAt"]] if "expiresAt" in one else [])])
            else one
            for one in held
        ]
        for iri, held in document["attrs"].items()
    }
    return {**document, "attrs": attrs}


@settings(max_examples=300)
@given(documents(), documents(), documents())
def test_versions_may_be_joined_on_the_way(one: Document, other: Document, third: Document) -> None:
    at_once = effective(united([one, other, third]))
    assert effective(united([united([one, other]), third])) == at_once
    assert effective(united([one, united([other, third])])) == at_once


@given(documents(), documents())
def test_what_is_told_twice_counts_once(one: Document, other: Document) -> None:
    assert united([one, one]) == one
    assert united([one, other, one]) == united([one, other])


@given(documents(), documents())
def test_of_each_dataset_the_most_recent_instance_stays(one: Document, other: Document) -> None:
    joined = united([one, other])
    for iri, held in joined["attrs"].items():
        given_ = [inst for doc in (one, other) for inst in doc["attrs"].get(iri, ())]
        assert {inst.get("datasetId") for inst in held} == {inst.get("datasetId") for inst in given_}
        for inst in held:
            rivals = [r for r in given_ if r.get("datasetId") == inst.get("datasetId")]
            observed = [clock.parse(r["observedAt"]) for r in rivals if "observedAt" in r]
            if observed:
                assert clock.parse(inst["observedAt"]) == max(observed)
            else:
                assert inst["modifiedAt"] == max(r["modifiedAt"] for r in rivals)


def instance(value: Any, modified: int = NOW - 1, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, "createdAt": modified, "modifiedAt": modified, **more}


def document(attrs: dict[str, list[dict[str, Any]]], **more: Any) -> Document:
    return {"id": ID, "type": ["S"], "createdAt": NOW - 1, "modifiedAt": NOW - 1, "attrs": attrs, **more}


def source(mode: str, **information: Any) -> Source:
    entities = information.pop("entities", [{"type": ["S"]}])
    return prepare(
        {
            "id": f"urn:ngsi-ld:ContextSourceRegistration:{mode}",
            "type": "ContextSourceRegistration",
            "endpoint": "http://127.0.0.1:1",
            "mode": mode,
            "information": [{"entities": entities, **information}],
        }
    )


def test_an_entity_that_expires_at_one_source_stays_without_its_attributes_from_there() -> None:
    passing = document({"a": [instance(1)]}, expiresAt=LATER[0])
    joined = united([passing, document({"b": [instance(2)]})])
    assert "expiresAt" not in joined
    assert joined["attrs"]["a"][0]["expiresAt"] == LATER[0]
    assert "expiresAt" not in joined["attrs"]["b"][0]
    assert united([passing, document({}, expiresAt=LATER[1])])["expiresAt"] == LATER[1]


def test_what_has_expired_is_no_rival() -> None:
    old = document({"a": [instance(1, observedAt="2026-11-21T08:00:00Z", expiresAt="2026-11-21T08:30:00Z")]})
    new = document({"a": [instance(2)]})
    joined = join([Version(old), Version(new, source("inclusive"))], (), NOW)
    assert joined is not None and joined["attrs"]["a"][0]["value"] == 2
    assert join([Version(document({}, expiresAt="2026-11-21T08:30:00Z"))], (), NOW) is None


def test_auxiliary_sources_only_fill_gaps() -> None:
    here = Version(document({"a": [instance(1, NOW - 9)]}))
    further = Version(document({"a": [instance(2)], "b": [instance(3)]}), source("auxiliary"))
    joined = join([further, here], (), NOW)
    assert joined is not None
    assert {iri: held[0]["value"] for iri, held in joined["attrs"].items()} == {"a": 1, "b": 3}
    alone = join([further], (), NOW)
    assert alone is not None and alone["attrs"]["a"][0]["value"] == 2


def test_what_a_proxied_registration_claims_comes_from_its_source_alone() -> None:
    exclusive = source("exclusive", entities=[{"type": ["S"], "id": ID}], attributeNames=["a"])
    redirect = source("redirect", attributeNames=["a", "b"])
    claims = [Match(one, one.information) for one in (exclusive, redirect)]
    told = [
        Version(document({"a": [instance(1, NOW)], "b": [instance(1, NOW)], "c": [instance(1)]})),
        Version(document({"a": [instance(2)]}), exclusive),
        Version(document({"a": [instance(3, NOW)], "b": [instance(3)]}), redirect),
    ]
    joined = join(told, claims, NOW)
    assert joined is not None
    assert {iri: held[0]["value"] for iri, held in joined["attrs"].items()} == {"a": 2, "b": 3, "c": 1}
    whole = source("redirect")
    assert join(told[:1], [Match(whole, whole.information)], NOW) is None


def test_times_that_nobody_told_are_those_of_now() -> None:
    untold = document({"a": [instance(1, 0, attrs={"x": [instance(2, 0)]})]}, modifiedAt=0)
    shown = joining.dated(untold, NOW)
    assert shown["modifiedAt"] == shown["attrs"]["a"][0]["attrs"]["x"][0]["createdAt"] == NOW


def selector(*names: str, **more: Any) -> EntitySelector:
    return EntitySelector(types=TypeSelection(tuple((name,) for name in names)) if names else None, **more)


def test_a_source_is_asked_for_no_more_than_it_registered() -> None:
    one = source(
        "inclusive",
        entities=[
            {"type": ["S"], "idPattern": "^urn:s:"},
            {"type": ["T"], "id": "urn:t:1"},
            {"type": ["T"], "id": "urn:t:2"},
            {"type": ["U"]},
        ],
        attributeNames=["a", "b"],
    )

    def asked(chosen: EntitySelector, names: frozenset[str] = frozenset()) -> set[Any]:
        found = narrowing.narrow(Match(one, one.information), (chosen,), names)
        return {
            (part.selector.types, part.selector.ids, part.selector.id_pattern, part.attributes)
            for part in found
        }

    every = frozenset("ab")
    s, t, u = (TypeSelection(((name,),)) for name in "STU")
    assert asked(selector()) == {
        (s, (), "^urn:s:", every),
        (t, ("urn:t:1", "urn:t:2"), None, every),
        (u, (), None, every),
    }
    assert asked(selector("T", "X"), frozenset("bc")) == {(t, ("urn:t:1", "urn:t:2"), None, frozenset("b"))}
    assert asked(selector(ids=("urn:s:1", "urn:t:2", "urn:x"))) == {
        (s, ("urn:s:1",), None, every),
        (t, ("urn:t:2",), None, every),
        (u, ("urn:s:1", "urn:t:2", "urn:x"), None, every),
    }
    assert asked(selector("S", id_pattern="9$")) == {(s, (), "^urn:s:", every)}


def test_many_ids_are_asked_for_some_at_a_time() -> None:
    one = source("inclusive")
    ids = tuple(f"urn:s:{at}" for at in range(2 * narrowing.MOST_IDS + 1))
    found = narrowing.narrow(Match(one, one.information), (selector(ids=ids),))
    assert [len(part.selector.ids) for part in found] == [narrowing.MOST_IDS, narrowing.MOST_IDS, 1]
    assert tuple(id for part in found for id in part.selector.ids) == ids


def test_of_an_answer_counts_what_was_registered() -> None:
    one = source("inclusive", entities=[{"type": ["S"], "idPattern": ":1$"}], attributeNames=["a"])
    told = document({"a": [instance(1)], "b": [instance(2)]}, type=["S", "T"])
    covered = narrowing.covered(one, one.information, told)
    assert covered == document({"a": [instance(1)]}, type=["S", "T"])
    assert narrowing.covered(one, one.information, {**told, "id": "urn:ngsi-ld:Shelter:2"}) is None
    assert narrowing.covered(one, one.information, {**told, "type": ["T"]}) is None
    assert narrowing.covered(one, one.information, document({"b": [instance(2)]})) is None
