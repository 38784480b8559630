"""How a change is shared out: nothing is lost, nothing goes where it is not registered. (4.3.6.1-4.3.6.3, 5.6)"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from base.jsonld import TermTable
from broker.federation import splitting
from broker.federation.splitting import Given, Split
from broker.language.selection import EntitySelector
from broker.language.sources import SourceSelection, matching, prepare
from broker.language.types import TypeSelection
from broker.model import expand

ID = "urn:x:1"
NAMES = ("a", "b", "c", "d")
DATASETS = ("@none", "urn:d:1", "urn:d:2")
MODES = ("exclusive", "redirect", "inclusive", "auxiliary")
TABLE = TermTable({}, {}, "urn:v:")


def registration(
    number: int, mode: str, attrs: list[str], datasets: list[str], kind: str, offers: bool
) -> dict[str, Any]:
    info: dict[str, Any] = {"entities": [{"type": [f"urn:v:{kind}"]}]}
    if attrs:
        info["propertyNames"] = [f"urn:v:{name}" for name in attrs]
    body = {
        "id": f"urn:r:{number}",
        "type": "ContextSourceRegistration",
        "endpoint": f"http://source{number}",
        "mode": mode,
        "information": [info],
        "operations": ["createEntity"] if offers else ["retrieveEntity"],
    }
    return body | ({"datasetId": datasets} if datasets else {})


@st.composite
def registrations(draw: st.DrawFn) -> list[dict[str, Any]]:
    number = draw(st.integers(0, 5))
    return [
        registration(
            at,
            draw(st.sampled_from(MODES)),
            draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)),
            draw(st.lists(st.sampled_from(DATASETS), unique=True, max_size=2)),
            draw(st.sampled_from(("T", "U"))),
            draw(st.booleans()),
        )
        for at in range(number)
    ]


entities = st.dictionaries(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(DATASETS), unique=True, min_size=1, max_size=3),
    max_size=4,
).map(
    lambda attrs: {
        "id": ID,
        "type": "T",
        **{
            name: [
                {"type": "Property", "value": dataset}
                | ({} if dataset == "@none" else {"datasetId": dataset})
                for dataset in datasets
            ]
            for name, datasets in attrs.items()
        },
    }
)


def shared(
    bodies: list[dict[str, Any]], entity: dict[str, Any], looped: frozenset[str] = frozenset()
) -> Split:
    document = expand.entity(entity, TABLE, 0)
    attributes = splitting.attributes_of(document)
    selector = EntitySelector((ID,), None, TypeSelection((("urn:v:T",),)))
    wanted = SourceSelection((selector,), frozenset(attributes))
    found = [match for body in bodies if (match := matching(prepare(body), wanted))]
    asked = Given(ID, frozenset({"urn:v:T"}), frozenset(), attributes)
    return splitting.split(asked, found, {"createEntity"}, lambda source: source.id in looped)


def pieces(attributes: splitting.Attributes) -> set[tuple[str, str]]:
    return {(name, dataset) for name, datasets in attributes.items() for dataset in datasets}


def covered(body: dict[str, Any], piece: tuple[str, str]) -> bool:
    (info,) = body["information"]
    return (
        info["entities"][0]["type"] == ["urn:v:T"]
        and piece[0] in info.get("propertyNames", [piece[0]])
        and piece[1] in body.get("datasetId", [piece[1]])
    )


@given(registrations(), entities)
@settings(max_examples=120, deadline=None)
def test_each_piece_goes_to_its_place(bodies: list[dict[str, Any]], entity: dict[str, Any]) -> None:
    split = shared(bodies, entity)
    told = {share.source.id: pieces(share.attributes) for share in split.shares}
    for piece in pieces(splitting.attributes_of(expand.entity(entity, TABLE, 0))):
        by_mode = {
            mode: [body for body in bodies if body["mode"] == mode and covered(body, piece)] for mode in MODES
        }
        first = next((mode for mode in MODES[:3] if by_mode[mode]), "")
        places = {body["id"] for body in by_mode.get(first, ())}
        if first == "inclusive":
            offering = {body["id"] for body in bodies if body["operations"] == ["createEntity"]}
            places &= offering
        assert {id for id, what in told.items() if piece in what} == places
        assert (piece in pieces(split.rest)) == (first not in splitting.PROXIED)


@given(registrations(), entities)
@settings(max_examples=120, deadline=None)
def test_what_is_sent_and_what_stays_is_what_was_shared_out(
    bodies: list[dict[str, Any]], entity: dict[str, Any]
) -> None:
    split = shared(bodies, entity)
    document = expand.entity(entity, TABLE, 0)
    rest = splitting.remaining(document, split.rest)
    assert pieces(splitting.attributes_of(rest)) == pieces(split.rest)
    for share in split.shares:
        sent = splitting.reduced(entity, share, TABLE)
        assert (sent["id"], sent["type"]) == (ID, "T")
        assert pieces(splitting.attributes_of(expand.entity(sent, TABLE, 0))) == pieces(share.attributes)


@given(registrations(), entities, st.sets(st.sampled_from([f"urn:r:{n}" for n in range(5)])))
@settings(max_examples=120, deadline=None)
def test_a_loop_changes_nothing_of_what_stays_here(
    bodies: list[dict[str, Any]], entity: dict[str, Any], looped: set[str]
) -> None:
    straight, bent = shared(bodies, entity), shared(bodies, entity, frozenset(looped))
    assert straight.rest == bent.rest
    taken = [share.attributes for share in bent.shares if share.proxied]
    assert set().union(*map(pieces, taken)) == set().union(
        *(pieces(share.attributes) for share in straight.shares if share.proxied)
    )
    assert not any(share.source.id in looped for share in bent.shares if not share.proxied)


def test_types_that_are_not_registered_are_not_sent() -> None:
    body = registration(1, "redirect", [], [], "T", True)
    entity = {"id": ID, "type": ["T", "U"], "scope": "/x", "createdAt": "2026-01-01T00:00:00Z"}
    (share,) = shared([body], entity).shares
    assert splitting.reduced(entity, share, TABLE) == {"id": ID, "type": ["T"], "scope": "/x"}


def test_one_place_is_told_once() -> None:
    bodies = [
        registration(1, "exclusive", ["a"], [], "T", True),
        registration(2, "inclusive", ["b"], [], "T", True) | {"endpoint": "http://source1/"},
        registration(3, "inclusive", ["b"], [], "T", True) | {"endpoint": "http://source1", "tenant": "x"},
    ]
    entity = {"id": ID, "type": "T", "a": 1, "b": 2, "c": 3}
    split = shared(bodies, entity)
    assert [splitting.reduced(entity, share, TABLE) for share in split.shares] == [
        {"id": ID, "type": "T", "a": 1, "b": 2},
        {"id": ID, "type": "T", "b": 2},
    ]


def test_datasets_of_the_simplified_form_are_kept_apart() -> None:
    held = {"dataset": {"@none": 1, "urn:d:1": 2}}
    assert splitting.covered_instances(held, frozenset({"urn:d:1"})) == {"dataset": {"urn:d:1": 2}}
    assert splitting.covered_instances([1, 2], frozenset({"@none"})) == [1, 2]
