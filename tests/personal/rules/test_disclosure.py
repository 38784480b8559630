"""The rule of disclosure: shown ⊆ asked ∩ agreed, or ∩ what an emergency or a law names. (DESIGN 3)"""

from hypothesis import given
from hypothesis import strategies as st

from personal.rules.consent import HOLDING, Consent, Kind, State
from personal.rules.disclosure import BY_CONSENT, Decision, Emergency, Offer, Reason, Subject, decide

SERVICE = "library"
ITEMS = ("basic-four", "contact", "allergies", "household")
items = st.sampled_from(ITEMS)
moments = st.integers(0, 10)


@st.composite
def consents(draw: st.DrawFn) -> dict[str, Consent]:
    return {
        item: Consent(
            Kind.SHARE,
            SERVICE,
            "card",
            item,
            draw(st.integers(1, 4)),
            draw(st.sampled_from(State)),
            draw(moments),
            draw(st.none() | moments),
        )
        for item in draw(st.frozensets(items))
    }


emergencies = st.builds(
    Emergency,
    st.sampled_from(["e1", "e2"]),
    st.frozensets(st.sampled_from([SERVICE, "fire"])),
    st.frozensets(items),
    moments,
    moments,
)
subjects = st.builds(
    Subject,
    st.frozensets(items),
    consents(),
    st.lists(emergencies, max_size=2),
    st.frozensets(items),
    st.booleans(),
)
offers = st.dictionaries(
    items, st.builds(Offer, st.sampled_from([BY_CONSENT, "law:49-11-3"]), st.integers(1, 4))
)


def agreed(item: str, subject: Subject, offer: Offer, now: int) -> bool:
    consent = subject.consents.get(item)
    return (
        consent is not None
        and consent.state in HOLDING
        and consent.since <= now
        and (consent.until is None or consent.until > now)
        and consent.version >= offer.least_version
    )


@given(st.frozensets(items), offers, subjects, moments)
def test_shows_nothing_beyond_what_was_asked_and_agreed_or_named(
    asked: frozenset[str], offered: dict[str, Offer], subject: Subject, now: int
) -> None:
    decision = decide(SERVICE, asked, offered, subject, now)
    assert decision.shown.keys() | decision.withheld.keys() == asked
    assert not decision.shown.keys() & decision.withheld.keys()
    for item in asked:
        offer = offered.get(item)
        may = offer is not None and (
            offer.basis.startswith("law:") or agreed(item, subject, offer, now) or item in subject.chosen
        )
        must = any(
            SERVICE in one.services and item in one.items and one.since <= now < one.until
            for one in subject.emergencies
        )
        held = item in subject.held and not subject.hidden
        assert (item in decision.shown) == ((may or must) and held)


@given(st.frozensets(items), offers, subjects, moments)
def test_a_hidden_person_is_like_one_nothing_is_held_about(
    asked: frozenset[str], offered: dict[str, Offer], subject: Subject, now: int
) -> None:
    hidden = Subject(subject.held, subject.consents, subject.emergencies, subject.chosen, hidden=True)
    empty = Subject(frozenset(), subject.consents, subject.emergencies, subject.chosen)
    outside = Subject(frozenset(), subject.consents, (), subject.chosen)
    assert decide(SERVICE, asked, offered, hidden, now) == decide(SERVICE, asked, offered, empty, now)
    assert decide(SERVICE, asked, offered, hidden, now) == decide(SERVICE, asked, offered, outside, now)


@given(st.frozensets(items), offers, subjects, moments)
def test_whether_something_is_held_is_told_only_to_those_who_may_have_it(
    asked: frozenset[str], offered: dict[str, Offer], subject: Subject, now: int
) -> None:
    full = Subject(frozenset(ITEMS), subject.consents, subject.emergencies, subject.chosen)
    none = Subject(frozenset(), subject.consents, subject.emergencies, subject.chosen)
    shown, without = (decide(SERVICE, asked, offered, one, now) for one in (full, none))
    for item in asked - shown.shown.keys():
        assert without.withheld[item] == shown.withheld[item]


@given(offers, subjects, moments)
def test_says_why_each_item_is_withheld(offered: dict[str, Offer], subject: Subject, now: int) -> None:
    decision: Decision = decide(SERVICE, ITEMS, offered, subject, now)
    for item, reason in decision.withheld.items():
        assert (reason is Reason.NOT_OFFERED) <= (item not in offered)
        assert (reason is Reason.NO_CONSENT) <= (item in offered)
