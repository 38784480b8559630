"""Versions of a service's description: wider is what grants anything that the one before did not. (DESIGN 3)"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from personal.rules import catalogue
from tests.personal.live import asked, described, purpose

ITEMS = ("basic-four", "contact", "household")

asking = st.builds(
    lambda item, need, days, recipients: asked(
        item, need=need, retentionDays=days, recipients=sorted(recipients)
    ),
    st.sampled_from(ITEMS),
    st.sampled_from(("required", "optional")),
    st.integers(0, 3),
    st.sets(st.sampled_from(("県", "社協")), max_size=2),
)
purposes = st.builds(
    lambda id, items, registered, legal, basis: purpose(
        id, *items, registeredPurpose=registered, legalClass=legal, basis=basis
    ),
    st.sampled_from(("a", "b")),
    st.lists(asking, min_size=1, max_size=3, unique_by=lambda one: one["item"]),
    st.sampled_from(("受付", "名簿")),
    st.sampled_from(("personal", "related")),
    st.sampled_from(("consent", "law:甲1条", "law:乙2条")),
)
descriptions = st.builds(
    lambda purposes, operator: {
        **described(*purposes),
        "operator": {"name": operator, "contact": "0", "address": "0"},
    },
    st.lists(purposes, min_size=1, max_size=2, unique_by=lambda one: one["id"]),
    st.sampled_from(("市", "会社")),
)


def granted(description: dict[str, Any]) -> set[tuple[Any, ...]]:
    """Take a description apart into all that it lets happen."""
    found: set[tuple[Any, ...]] = {("operator", description["operator"]["name"])}
    for one in description["purposes"]:
        id = one["id"]
        found |= {
            ("purpose", id),
            ("registered", id, one["registeredPurpose"]),
            ("class", id, one["legalClass"]),
        }
        found |= {("without consent", id, one["basis"])} if one["basis"] != "consent" else set()
        for item in one["items"]:
            code = item["item"]
            found |= {("item", id, code)} | {("to", id, code, other) for other in item["recipients"]}
            found |= {("day", id, code, day) for day in range(item["retentionDays"])}
            found |= {("must", id, code)} if item["need"] == "required" else set()
    return found


@settings(max_examples=100, deadline=None)
@given(descriptions, descriptions)
def test_a_version_is_wider_if_and_only_if_it_grants_what_the_one_before_did_not(old: Any, new: Any) -> None:
    assert catalogue.wider(old, new) is (not granted(new) <= granted(old))


@settings(max_examples=100, deadline=None)
@given(descriptions, descriptions)
def test_differences_are_empty_for_the_same_and_turn_round(old: Any, new: Any) -> None:
    there, back = catalogue.differences(old, new), catalogue.differences(new, old)
    assert (not there) is (granted(old) == granted(new))
    turned = {(one.change, one.purpose, one.item, str(one.after), str(one.before)) for one in back}
    assert {(one.change, one.purpose, one.item, str(one.before), str(one.after)) for one in there} == turned


@settings(max_examples=100, deadline=None)
@given(descriptions, descriptions, descriptions)
def test_consent_that_survives_each_step_covers_all_that_the_last_version_asks(
    a: Any, b: Any, c: Any
) -> None:
    if not catalogue.wider(a, b) and not catalogue.wider(b, c):
        assert granted(c) <= granted(a)
        assert not catalogue.wider(a, c)


@given(descriptions)
def test_the_first_version_is_wider(description: Any) -> None:
    assert catalogue.wider(None, description)


def test_whoever_approves_sees_what_else_changed() -> None:
    old = described(purpose("a", asked("contact")))
    new = {
        **described(
            purpose("a", asked("contact"), name={"ja": "別", "en": "Other"}), notify="https://b.example/"
        ),
        "operator": {**old["operator"], "contact": "090"},
    }
    found = catalogue.differences(old, new)
    assert [(one.change, one.purpose, one.wider) for one in found] == [
        ("notify", "", False),
        ("text", "", False),
        ("text", "a", False),
    ]
