"""Temporal Evolutions joined by pure rules. (4.5.5.3, 5.7.3.4)"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.federation.evolving import Evolving, chosen, join
from broker.language.span import Span
from broker.model.document import dataset_of
from broker.model.temporal import moment
from broker.store.evolution import Asked, History

ATTRIBUTES = ("https://water.example/level", "https://water.example/depth")


@st.composite
def instance(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "Property",
        "value": draw(st.integers(0, 3)),
        "createdAt": 1,
        "modifiedAt": draw(st.integers(1, 3)),
    }
    if draw(st.booleans()):
        made["observedAt"] = f"2026-04-01T0{draw(st.integers(0, 3))}:00:00Z"
    if draw(st.booleans()):
        made["datasetId"] = "urn:ngsi-ld:Dataset:a"
    return made


EVOLUTIONS = st.dictionaries(st.sampled_from(ATTRIBUTES), st.lists(instance(), min_size=1, max_size=4)).map(
    lambda held: Evolving(History("urn:ngsi-ld:River:1", ("River",), 1, 1), held)
)


def ordered(found: Evolving | None) -> dict[str, list[str]]:
    assert found is not None
    return {iri: sorted(map(repr, held)) for iri, held in sorted(found.instances.items())}


@given(st.lists(EVOLUTIONS, min_size=2, max_size=4), st.randoms())
def test_the_order_of_brokers_does_not_matter(several: list[Evolving], random: Any) -> None:
    mixed = list(several)
    random.shuffle(mixed)
    assert ordered(join(mixed, ())) == ordered(join(several, ()))


@given(st.lists(EVOLUTIONS, min_size=3, max_size=3))
def test_some_may_be_joined_before_the_others(several: list[Evolving]) -> None:
    first = join(several[:2], ())
    assert first is not None
    assert ordered(join([first, several[2]], ())) == ordered(join(several, ()))


@given(st.lists(EVOLUTIONS, min_size=2, max_size=4))
def test_of_each_moment_and_dataset_one_instance_is_left(several: list[Evolving]) -> None:
    joined = join(several, ())
    assert joined is not None
    for iri, held in joined.instances.items():
        places = [(dataset_of(one), moment(one, "observedAt")) for one in held]
        assert len(set(places)) == len(places)
        given_ = {
            (dataset_of(one), moment(one, "observedAt"))
            for part in several
            for one in part.instances.get(iri, ())
        }
        assert set(places) == given_


@given(EVOLUTIONS, st.integers(1, 3))
def test_the_last_instances_are_those_of_the_latest_times(evolving: Evolving, last: int) -> None:
    span = Span("observedAt", None, None)
    every = chosen(evolving.instances, Asked(span=span))
    latest = chosen(evolving.instances, Asked(span=span, last=last))
    assert every.keys() == latest.keys()
    for iri, held in latest.items():
        times = [moment(one, "observedAt") for one in every[iri]]
        assert times == sorted(times)
        assert [moment(one, "observedAt") for one in held] == times[-last:]
