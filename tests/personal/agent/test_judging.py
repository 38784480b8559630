"""What the agent asks of a release: one thing that is not as it must be, and nothing comes out. (issue 5)"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base import clock
from personal.rules import decisions, limits, release
from personal.rules.consent import Kind
from personal.rules.decisions import Choice
from personal.rules.evidence import Anchors, Credential, CredentialKind, card_of
from personal.rules.orders import Copy, Order, Refused, Task, Why
from personal.rules.release import Book, Purpose, Service
from tests.personal.consents.cards import AT, Authority, ec_key

NOW = AT // clock.SECOND + 600
LATER = AT + 86_400 * clock.SECOND
CA, OTHER = Authority("JPKI"), Authority("JPKI")
CARD, STRANGER = CA.issue(ec_key()), CA.issue(ec_key())
FALSE = OTHER.issue(ec_key())
HOLDER = release.holder(Credential(CredentialKind.CARD, *card_of(CARD.certificate)))
ABOUT = release.about("yabu", "somebody")
KEY = {"kid": "k" * 43}


@dataclass(frozen=True)
class Case:
    """A release as it must be, before something of it is changed."""

    order: Order
    book: Book
    document: dict[str, Any]
    card: Any = CARD
    now: int = NOW

    def judge(self) -> None:
        """Judge it, with evidence for what the document says in the end."""
        given = self.order.evidence or self.card.evidence(decisions.digest(self.document))
        release.judge(replace(self.order, decision=self.document, evidence=given), self.book, self.now)


def case() -> Case:
    choice = Choice(Kind.SHARE, "shelter", "reception", ("allergies", "contact"), (), LATER)
    document = decisions.document(choice, "yabu", 3, "somebody", "somebody", "n" * 22, AT)
    order = Order(
        "o" * 20, "n" * 20, "yabu", Task.RELEASE, "b" * 43, NOW + 600, (Copy("contact", "c1"), Copy("allergies", "c2")),
        "shelter", "reception", KEY["kid"],
    )  # fmt: skip
    purposes = {"reception": Purpose("consent", frozenset({"contact", "allergies"}), NOW + 9_999)}
    book = Book(
        Service("shelter", KEY, 3, purposes), frozenset({HOLDER, ABOUT}), {"c1": "contact", "c2": "allergies"},
        lambda _, __: False, Anchors([CA.certificate]), so_many(), {"all": 2}, {}, lambda _: None,
    )  # fmt: skip
    return Case(order, book, document)


def so_many(**done: int) -> Callable[[str], int]:
    """Say how much was done lately."""
    return lambda what: done.get(what, 0)


def _order(**changed: Any) -> Callable[[Case], Case]:
    return lambda one: replace(one, order=replace(one.order, **changed))


def _book(**changed: Any) -> Callable[[Case], Case]:
    return lambda one: replace(one, book=replace(one.book, **changed))


def _document(**changed: Any) -> Callable[[Case], Case]:
    return lambda one: replace(one, document={**one.document, **changed})


def _service(**changed: Any) -> Callable[[Case], Case]:
    def change(one: Case) -> Case:
        assert one.book.service is not None
        return replace(one, book=replace(one.book, service=replace(one.book.service, **changed)))

    return change


CHANGES: dict[str, tuple[Callable[[Case], Case], Why]] = {
    "another service": (_order(service="sale"), Why.SERVICE),
    "another key": (_order(recipient="z" * 43), Why.KEY),
    "a purpose nobody approved": (_order(purpose="sale"), Why.PURPOSE),
    "a purpose that is over": (
        _service(purposes={"reception": Purpose("consent", frozenset({"contact", "allergies"}), NOW)}),
        Why.PURPOSE,
    ),
    "an item nobody approved": (_order(copies=(Copy("household", "c1"),)), Why.ITEM),
    "not agreed to for this item": (_document(agree=["contact"]), Why.OTHER_CONSENT),
    "agreed to storing only": (_document(kind="store"), Why.OTHER_CONSENT),
    "agreed to for another purpose": (_document(purpose="sale"), Why.OTHER_CONSENT),
    "agreed to in another town": (_document(municipality="asago"), Why.OTHER_CONSENT),
    "agreed to a version that asked for less": (_service(least=4), Why.OTHER_CONSENT),
    "agreed to in the future": (_document(preparedAt="2099-01-01T00:00:00Z"), Why.OTHER_CONSENT),
    "no moment": (_document(preparedAt="yesterday"), Why.OTHER_CONSENT),
    "consent that is over": (_document(until="2020-01-01T00:00:00Z"), Why.CONSENT_OVER),
    "withdrawn for one of the items": (_book(withdrawn=lambda _, item: item == "allergies"), Why.WITHDRAWN),
    "a decision about somebody else": (_document(subject="another"), Why.NOT_ENROLLED),
    "a card nobody enrolled": (lambda one: replace(one, card=STRANGER), Why.NOT_ENROLLED),
    "a card no authority vouches for": (lambda one: replace(one, card=FALSE), Why.EVIDENCE),
    "no authority that is trusted": (_book(anchors=Anchors()), Why.EVIDENCE),
    "a login as evidence": (_order(evidence={"kind": "session"}), Why.EVIDENCE),
    "evidence of no kind": (_order(evidence={"kind": "word of honour"}), Why.EVIDENCE),
    "nothing of that name": (_book(held={"c1": "contact"}), Why.NOT_HELD),
    "another item under that name": (_book(held={"c1": "allergies", "c2": "allergies"}), Why.NOT_HELD),
    "more than the limit": (_book(done=so_many(all=1)), Why.LIMIT),
    "more than the limit of an item": (_book(limits={"item:contact": 0}), Why.LIMIT),
}


def test_a_release_as_it_must_be_is_made() -> None:
    case().judge()


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_one_thing_that_is_not_as_it_must_be_is_enough(name: str) -> None:
    change, why = CHANGES[name]
    with pytest.raises(Refused) as refused:
        change(case()).judge()
    assert refused.value.why is why


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=5, unique=True))
def test_no_two_faults_make_one_right(names: list[str]) -> None:
    changed = case()
    for name in names:
        changed = CHANGES[name][0](changed)
    with pytest.raises(Refused):
        changed.judge()


def test_what_rests_on_a_law_that_officials_entered_needs_no_consent_but_keeps_the_limits() -> None:
    by_law = _service(
        purposes={"reception": Purpose("law:災害対策基本法49条の11", frozenset({"contact", "allergies"}))}
    )
    one = _document(agree=[])(by_law(case()))
    one.judge()
    with pytest.raises(Refused):
        _book(done=so_many(all=2))(one).judge()


@given(
    st.dictionaries(
        st.sampled_from(["all", "service", "service:shelter", "item", "item:contact", "purpose"]),
        st.integers(0, 5),
    )
)
def test_a_limit_of_its_own_comes_before_that_of_its_kind(own: dict[str, int]) -> None:
    for key, kind in (("service:shelter", "service"), ("item:contact", "item"), ("all", "all")):
        expected = own.get(key, own.get(kind, limits.LIMITS[kind]))
        assert limits.limit(own, key) == expected
