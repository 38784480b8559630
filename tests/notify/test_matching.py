"""Matching: a subscription is found for a change exactly when its rule says so. (5.8.6)"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from base.jsonld import Context, core_of
from broker.language import evaluation
from broker.model import difference
from broker.notify import subscription
from broker.notify.interest import Interest, prepare
from broker.notify.match import Index, told_of, triggered, wants
from broker.notify.subscription import TRIGGERS, Given
from broker.store.contract import Change
from schemas import core_contexts

NOW = 1_790_000_000_000_000
CORE = core_of(core_contexts.document()["@context"]).table
CONTEXT = Context(CORE, core_contexts.CORE_URL, core_contexts.CORE_URL)

NAMES = st.sampled_from(["a", "b", "c"])
TYPES = ["A", "B", "C"]
IDS = ["urn:x:1", "urn:x:2", "urn:y:1"]

SELECTORS = st.builds(
    lambda types, more: {"type": types, **more},
    st.sampled_from(["A", "B", "C", "A|B", "(A;B)", "(A;B)|C", "*"]),
    st.one_of(
        st.just({}),
        st.builds(lambda id: {"id": id}, st.sampled_from(IDS)),
        st.builds(lambda ids: {"id": ids}, st.lists(st.sampled_from(IDS), min_size=1, max_size=2)),
        st.builds(lambda pattern: {"idPattern": pattern}, st.sampled_from(["^urn:x", "1$", "."])),
    ),
)


def _body(entities: Any, watched: Any, triggers: Any, q: Any, scope: Any) -> dict[str, Any]:
    members = {
        "entities": entities,
        "watchedAttributes": watched,
        "notificationTrigger": triggers,
        "q": q,
        "scopeQ": scope,
    }
    if entities is None and watched is None:
        members["localOnly"] = True
    return {
        "type": "Subscription",
        "notification": {"endpoint": {"uri": "http://receiver.example/"}},
        **{name: held for name, held in members.items() if held is not None},
    }


BODIES = st.builds(
    _body,
    st.none() | st.lists(SELECTORS, min_size=1, max_size=2),
    st.none() | st.lists(NAMES, min_size=1, max_size=2),
    st.none() | st.lists(st.sampled_from(sorted(TRIGGERS)), min_size=1, max_size=3),
    st.none() | st.sampled_from(["a>1", "b", "!c", "a==1|b==2"]),
    st.none() | st.sampled_from(["/X", "/X/#"]),
)


def _document(id: str, types: list[str], attributes: dict[str, int], scope: str | None) -> dict[str, Any]:
    times = {"createdAt": NOW, "modifiedAt": NOW}
    held = {
        CORE.iri(name): [{"type": "Property", "value": value, **times}] for name, value in attributes.items()
    }
    made = {"id": id, "type": [CORE.iri(one) for one in types], "attrs": held, **times}
    return made if scope is None else {**made, "scope": [scope]}


def _documents(id: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        _document,
        st.just(id),
        st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True),
        st.dictionaries(NAMES, st.integers(0, 3), max_size=3),
        st.none() | st.sampled_from(["/X", "/X/Y", "/Z"]),
    )


@st.composite
def changes(draw: st.DrawFn) -> Change:
    id = draw(st.sampled_from(IDS))
    before, after = draw(st.none() | _documents(id)), draw(st.none() | _documents(id))
    return Change(id, before, draw(_documents(id)) if before is None and after is None else after, NOW)


def found(index: Index, change: Change) -> list[str]:
    differences = difference.between(change.before, change.after)
    candidates = index.candidates(change, differences)
    return sorted(one.id for one in candidates if wants(one, change, differences, lambda _: None))


def interest(body: dict[str, Any], number: int = 0) -> Interest:
    made = subscription.create(body, f"urn:s:{number}", Given(CORE, NOW, None))
    made["jsonldContext"] = core_contexts.CORE_URL
    return prepare(made, CONTEXT, CONTEXT, "", 100)


@given(st.lists(BODIES, max_size=8), st.lists(changes(), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_finds_exactly_the_subscriptions_whose_rule_wants_the_change(
    bodies: Any, happened: list[Change]
) -> None:
    interests = [interest(body, number) for number, body in enumerate(bodies)]
    index = Index()
    for one in interests:
        index.put(one)
    for change in happened:
        differences = difference.between(change.before, change.after)
        document = told_of(change)
        wanted = [
            one.id
            for one in interests
            if triggered(one, change, differences, document)
            and evaluation.matches(one.selection, document, lambda _: None)
        ]
        assert found(index, change) == sorted(wanted)


@given(st.lists(st.tuples(st.integers(0, 3), st.none() | BODIES), max_size=12))
@settings(max_examples=80, deadline=None)
def test_forgets_what_was_replaced_or_dropped(steps: Any) -> None:
    index, kept = Index(), {}
    for number, body in steps:
        if body is None:
            index.drop(f"urn:s:{number}")
            kept.pop(number, None)
        else:
            kept[number] = interest(body, number)
            index.put(kept[number])
    fresh = Index()
    for one in kept.values():
        fresh.put(one)
    change = Change("urn:x:1", None, _document("urn:x:1", ["A"], {"a": 2, "b": 2}, "/X"), NOW)
    assert found(index, change) == found(fresh, change)
    assert bool(index) == bool(fresh)


def test_an_expired_subscription_wants_nothing() -> None:
    body = {**_body([{"type": "A"}], None, None, None, None), "expiresAt": "2126-01-01T00:00:00Z"}
    one = interest(body)
    document = _document("urn:x:1", ["A"], {"a": 1}, None)
    assert one.expires is not None
    for at, expected in ((one.expires - 1, True), (one.expires, False)):
        change = Change("urn:x:1", None, document, at)
        assert wants(one, change, difference.between(None, document), lambda _: None) is expected


def test_looks_only_at_subscriptions_a_change_may_concern() -> None:
    index = Index()
    for number in range(5000):
        index.put(interest(_body([{"type": f"T{number}"}], None, None, None, None), number))
    document = _document("urn:x:1", ["T77"], {"a": 1}, None)
    change = Change("urn:x:1", None, document, NOW)
    candidates = index.candidates(change, difference.between(None, document))
    assert [one.id for one in candidates] == ["urn:s:77"]
