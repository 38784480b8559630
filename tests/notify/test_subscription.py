"""Subscriptions as data: what is taken, refused, changed and shown. (5.2.12, 5.2.14, 5.2.15, 5.8.1, 5.8.2)"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base import clock
from base.errors import BadRequestData, Problem
from base.jsonld import Context, TermTable, core_of, table_of
from broker.notify import presentation, subscription
from broker.notify.interest import prepare
from broker.notify.subscription import Given
from schemas import core_contexts

NOW = clock.parse("2026-11-21T00:00:00Z")
CORE = core_of(core_contexts.document()["@context"])
TABLE = table_of(
    CORE, [{"Shelter": "https://city.example/Shelter", "occupancy": "https://city.example/occupancy"}]
)
URL = "https://city.example/context.jsonld"
CONTEXT = Context(TABLE, URL, URL)
WORDS = [
    *[
        "type",
        "id",
        "idPattern",
        "entities",
        "notification",
        "endpoint",
        "uri",
        "accept",
        "receiverInfo",
        "key",
        "value",
        "format",
        "pick",
        "omit",
        "q",
        "geoQ",
    ],
    *[
        "georel",
        "geometry",
        "coordinates",
        "geoproperty",
        "near;maxDistance==5",
        "Point",
        "scopeQ",
        "csf",
        "lang",
        "datasetId",
        "expiresAt",
    ],
    *[
        "throttling",
        "timeInterval",
        "watchedAttributes",
        "notificationTrigger",
        "isActive",
        "jsonldContext",
        "expandValues",
    ],
    *[
        "http://[::1",
        "http://a:b/",
        "urn:x:1",
        "*",
        "@none",
        "normalized",
        "entityCreated",
        "urn:ngsi-ld:null",
        "a|b",
        "(a;b)",
        "a{b}",
        "(",
        "a==1",
    ],
]


def surroundings(now: int = NOW, table: TermTable = TABLE) -> Given:
    return Given(table, now, URL)


def body(**members: Any) -> dict[str, Any]:
    made = {
        "id": "urn:ngsi-ld:Subscription:1",
        "type": "Subscription",
        "entities": [{"type": "Shelter"}],
        "notification": {"endpoint": {"uri": "http://receiver.example/notify"}},
        **members,
    }
    return {name: value for name, value in made.items() if value is not ...}


def create(now: int = NOW, **members: Any) -> dict[str, Any]:
    return subscription.create(body(**members), "urn:made", surroundings(now))


def notification(**members: Any) -> dict[str, Any]:
    return {"endpoint": {"uri": "http://receiver.example/notify"}, **members}


def endpoint(**members: Any) -> dict[str, Any]:
    return {"endpoint": {"uri": "http://receiver.example/notify", **members}}


def test_expands_names_and_shows_them_in_the_context_of_the_reader() -> None:
    kept = create(
        entities=[{"type": "(Shelter;Place)|Other", "idPattern": "^urn:.*"}],
        watchedAttributes=["occupancy"],
        geoQ={
            "georel": "near;maxDistance==5",
            "geometry": "Point",
            "coordinates": [1, 2],
            "geoproperty": "occupancy",
        },
        notification=notification(pick=["id", "occupancy", "near{occupancy}"]),
    )
    assert kept["watchedAttributes"] == ["https://city.example/occupancy"]
    assert kept["entities"][0]["type"].startswith("(https://city.example/Shelter;https://")
    shown = presentation.show(kept, TABLE, NOW)
    assert shown["entities"] == [{"type": "(Shelter;Place)|Other", "idPattern": "^urn:.*"}]
    assert shown["watchedAttributes"] == ["occupancy"]
    assert shown["geoQ"]["geoproperty"] == "occupancy"
    assert shown["notification"]["pick"] == ["id", "occupancy", "near{occupancy}"]
    other = presentation.show(kept, CORE.table, NOW)
    assert other["watchedAttributes"] == ["https://city.example/occupancy"]


def test_shows_the_default_triggers_and_the_status_and_nothing_internal() -> None:
    shown = presentation.show(create(), TABLE, NOW)
    assert shown["notificationTrigger"] == ["attributeCreated", "attributeUpdated"]
    assert shown["status"] == "active"
    assert shown.keys() == {"id", "type", "entities", "notification", "notificationTrigger", "status"}
    assert shown["notification"].keys() == {"endpoint"}


def test_shows_times_of_the_subscription_only_when_asked_for() -> None:
    shown = presentation.show(create(), TABLE, NOW, sys_attrs=True)
    assert shown["createdAt"] == shown["modifiedAt"] == "2026-11-21T00:00:00.000Z"


def test_takes_the_made_id_where_none_is_surroundings() -> None:
    assert create(id=...)["id"] == "urn:made"


def test_ignores_unknown_and_read_only_members() -> None:
    kept = create(
        status="expired",
        __context="x",
        counters={"timesSent": 9},
        createdAt="x",
        notification=notification(timesSent=42),
    )
    assert presentation.show(kept, TABLE, NOW)["status"] == "active"
    assert "timesSent" not in kept["notification"] and "__context" not in kept and "counters" not in kept


def test_an_update_refuses_unknown_members_and_ignores_read_only_ones() -> None:
    kept = create()
    for name in ("descripton", "counters", "qContext"):
        with pytest.raises(BadRequestData, match=name):
            subscription.update(kept, {name: "x"}, Given(TABLE, NOW, URL))
    read_only = {"status": "expired", "createdAt": "x", "modifiedAt": "x", "@context": "x"}
    assert subscription.update(kept, read_only, Given(TABLE, NOW, URL)) == kept


def test_reads_a_comma_in_an_expiry_as_a_point() -> None:
    assert create(expiresAt="2099-01-01T00:00:00,5Z")["expiresAt"] == "2099-01-01T00:00:00.5Z"


def test_takes_every_member_of_the_data_type() -> None:
    members = {
        "subscriptionName": "name",
        "description": "text",
        "notificationTrigger": sorted(subscription.TRIGGERS),
        "q": "occupancy>5",
        "scopeQ": "/Yabu",
        "csf": "name",
        "isActive": False,
        "expiresAt": "2027-01-01T09:00:00+09:00",
        "throttling": 0.5,
        "lang": "ja",
        "datasetId": ["@none", "urn:ngsi-ld:Dataset:1"],
        "expandValues": "occupancy",
        "jsonKeys": "occupancy",
        "jsonldContext": "https://city.example/other.jsonld",
        "ngsildConformance": "1.8",
        "localOnly": True,
        "splitEntities": False,
    }
    shown = presentation.show(create(**members), TABLE, NOW)
    assert {name: shown[name] for name in members} == members
    parts = {
        "attributes": ["occupancy"],
        "format": "concise",
        "sysAttrs": True,
        "showChanges": True,
        "join": "flat",
        "joinLevel": 2,
        "endpoint": {
            "uri": "https://receiver.example:8443/x?y=1",
            "accept": "application/geo+json",
            "cooldown": 1000,
            "timeout": 2.5,
            "receiverInfo": [{"key": "X-Key", "value": "v"}],
            "notifierInfo": [{"key": "MQTT-QoS", "value": "1"}],
        },
    }
    assert presentation.show(create(notification=parts), TABLE, NOW)["notification"] == parts


@pytest.mark.parametrize(
    "members",
    [
        {"type": "Subscriptions"},
        {"type": ...},
        {"id": "no uri"},
        {"id": ""},
        {"entities": []},
        {"entities": ...},
        {"entities": [{"id": "urn:x:1"}]},
        {"entities": [{"type": "A", "id": "1"}]},
        {"entities": [{"type": "(A"}]},
        {"entities": [{"type": "*"}], "localOnly": False},
        {"watchedAttributes": []},
        {"watchedAttributes": "a"},
        {"watchedAttributes": ["<a>"]},
        {"notificationTrigger": ["entityChanged"]},
        {"notificationTrigger": []},
        {"timeInterval": 0},
        {"timeInterval": True},
        {"timeInterval": 0.01},
        {"throttling": 10**400},
        {"throttling": 1e300},
        {"timeInterval": 5, "watchedAttributes": ["a"]},
        {"timeInterval": 5, "throttling": 5},
        {"timeInterval": 5, "entities": ..., "watchedAttributes": ["a"]},
        {"throttling": -1},
        {"throttling": "5"},
        {"throttling": float("inf")},
        {"isActive": "true"},
        {"expiresAt": "2026-11-21T00:00:00Z"},
        {"expiresAt": "2026-11-21T08:59:59+09:00"},
        {"expiresAt": "tomorrow"},
        {"datasetId": []},
        {"datasetId": ["x"]},
        {"jsonldContext": "unknownContext"},
        {"ngsildConformance": "new"},
        {"geoQ": {"georel": "near"}},
        {"lang": ""},
        {"description": "urn:ngsi-ld:null"},
        {"notification": ...},
        {"notification": "x"},
        {"notification": {}},
        {"notification": {"endpoint": {}}},
        {"notification": notification(attributes=[])},
        {"notification": notification(pick=[])},
        {"notification": notification(omit=[])},
        {"notification": notification(attributes=["id"])},
        {"notification": notification(pick=["id"], attributes=["a"])},
        {"notification": notification(omit=["id"], attributes=["a"])},
        {"notification": notification(pick=["id"], omit=["id"])},
        {"notification": notification(pick=["a{"])},
        {"notification": notification(format="raw")},
        {"notification": notification(format="keyValues", showChanges=True)},
        {"notification": notification(format="simplified", showChanges=True)},
        {"notification": notification(join="deep")},
        {"notification": notification(joinLevel=0)},
        {"notification": endpoint(uri="ftp://x/y")},
        {"notification": endpoint(uri="http:///y")},
        {"notification": endpoint(uri="http://x:99999/y")},
        {"notification": endpoint(uri="http://user:secret@x/y")},
        {"notification": endpoint(accept="text/plain")},
        {"notification": endpoint(cooldown=0)},
        {"notification": endpoint(timeout=-5)},
        {"notification": endpoint(receiverInfo={"key": "a", "value": "b"})},
        {"notification": endpoint(receiverInfo=[{"key": "a"}])},
        {"notification": endpoint(receiverInfo=[{"key": "a", "value": 4}])},
        {"notification": endpoint(receiverInfo=[{"key": "a b", "value": "x"}])},
        {"notification": endpoint(receiverInfo=[{"key": "a", "value": "x\r\ny: z"}])},
        {"notification": endpoint(receiverInfo=[{"key": "Content-Length", "value": "0"}])},
        {"notification": endpoint(receiverInfo=[{"key": f"a{n}", "value": "x"} for n in range(51)])},
        {"notification": endpoint(receiverInfo=[{"key": "a", "value": "x" * 8_001}])},
    ],
    ids=str,
)
def test_refuses_what_the_data_type_does_not_allow(members: dict[str, Any]) -> None:
    with pytest.raises(BadRequestData):
        create(**members)


def test_needs_neither_entities_nor_attributes_when_local_only() -> None:
    assert create(entities=..., localOnly=True)["localOnly"]


def test_needs_no_entities_when_attributes_are_watched() -> None:
    assert create(entities=..., watchedAttributes=["occupancy"])


def test_drops_json_null_from_a_new_subscription() -> None:
    assert "expiresAt" not in create(expiresAt=None)


def test_compares_the_expiry_as_an_instant() -> None:
    kept = create(expiresAt="2026-11-21T10:00:00.5+09:00")
    assert subscription.status(kept, NOW) == "active"
    assert subscription.status(kept, NOW + 3600 * clock.SECOND) == "active"
    assert subscription.status(kept, NOW + 3601 * clock.SECOND) == "expired"


def update(current: dict[str, Any], now: int = NOW, **fragment: Any) -> dict[str, Any]:
    return subscription.update(current, fragment, surroundings(now))


@pytest.mark.parametrize("null", [None, "urn:ngsi-ld:null"])
def test_removes_members_with_null(null: Any) -> None:
    assert "throttling" not in update(create(throttling=5), throttling=null)


@pytest.mark.parametrize("name", ["id", "type", "notification"])
def test_keeps_what_every_subscription_needs(name: str) -> None:
    with pytest.raises(BadRequestData):
        update(create(), **{name: None})


def test_replaces_a_member_as_a_whole() -> None:
    changed = update(
        create(notification=notification(format="concise")),
        notification=endpoint(accept="application/ld+json"),
    )
    assert changed["notification"] == endpoint(accept="application/ld+json")


@pytest.mark.parametrize(
    "fragment",
    [
        {"id": "urn:ngsi-ld:Subscription:2"},
        {"notification": {"format": "concise"}},
        {"notification": {"endpoint": None}},
        {"entities": None},
        {"throttling": 5, "timeInterval": 5},
        {"expiresAt": "2020-01-01T00:00:00Z", "isActive": True},
    ],
    ids=str,
)
def test_refuses_fragments_that_would_break_it(fragment: dict[str, Any]) -> None:
    with pytest.raises(BadRequestData):
        update(create(), **fragment)


def test_refuses_what_is_no_object() -> None:
    for wrong in (None, [], "x", 5):
        with pytest.raises(Problem):
            subscription.create(wrong, "urn:made", surroundings())
        with pytest.raises(Problem):
            subscription.update(create(), wrong, surroundings())


def test_pauses_and_resumes() -> None:
    paused = update(create(), isActive=False)
    assert subscription.status(paused, NOW) == "paused"
    assert subscription.status(update(paused, isActive=True), NOW) == "active"


def test_stays_expired_when_only_activated() -> None:
    expired = create(expiresAt="2026-11-21T00:00:01Z")
    later = NOW + 2 * clock.SECOND
    assert subscription.status(update(expired, later, isActive=True), later) == "expired"


def test_becomes_active_again_with_a_later_expiry() -> None:
    expired = create(expiresAt="2026-11-21T00:00:01Z", isActive=False)
    later = NOW + 2 * clock.SECOND
    changed = update(expired, later, expiresAt="2026-11-22T00:00:00Z")
    assert subscription.status(changed, later) == "active"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(WORDS), JSON, max_size=4),
    st.dictionaries(st.sampled_from(WORDS), JSON, max_size=3),
)
@settings(max_examples=300, deadline=None)
def test_takes_or_refuses_any_json(members: Any, parts: Any) -> None:
    for changed in (members, {"notification": notification(**parts)}, {"notification": endpoint(**parts)}):
        try:
            kept = create(**changed)
            update(kept, **changed)
            prepare({**kept, "jsonldContext": URL}, CONTEXT, CONTEXT, "", 100)
            presentation.show(kept, TABLE, NOW)
        except Problem as problem:
            assert problem.status < 500
