"""Changes that concern registered sources: exclusive, redirect, inclusive and auxiliary ones. (4.3.6, 5.6.1-5.6.6)"""

from typing import Any

import pytest

from tests.federation.provision import HERE, ID, held, keep, properties, register, shelter
from tests.live import Live, Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def change(live: Live, method: str, tail: str = "", body: Any = None, **params: str) -> Reply:
    return await live.ask(method, f"/entities/{ID}{tail}", body, params=params)


async def test_creates_each_part_where_it_belongs(front: Live, source: Live, other: Live) -> None:
    await register(front, source, "exclusive", "beds", id=ID)
    await register(front, other, "redirect", "photo")
    reply = await front.post("/entities", shelter(name="A", beds=3, photo="p"))
    assert reply.status == 201
    assert reply.headers["Location"] == f"/ngsi-ld/v1/entities/{ID}"
    assert await held(front) == {"name": "A"}
    assert await held(source) == {"beds": 3}
    assert await held(other) == {"photo": "p"}


async def test_inclusive_sources_get_what_is_kept_here_too(front: Live, source: Live) -> None:
    await register(front, source, "inclusive", "name")
    assert (await front.post("/entities", shelter(name="A", beds=3))).status == 201
    assert await held(front) == {"name": "A", "beds": 3}
    assert await held(source) == {"name": "A"}


async def test_nothing_is_kept_of_what_is_held_elsewhere_alone(front: Live, source: Live) -> None:
    await register(front, source, "redirect")
    assert (await front.post("/entities", shelter(name="A"))).status == 201
    assert await held(front) is None
    assert await held(source) == {"name": "A"}


async def test_a_source_that_does_not_offer_the_change_is_a_conflict(front: Live, source: Live) -> None:
    await register(front, source, "redirect", operations=["retrieveOps"])
    reply = await front.post("/entities", shelter(name="A"))
    assert reply.status == 409
    assert reply.json["type"].endswith("/Conflict")
    assert await held(front) is None


async def test_a_part_in_conflict_is_told_beside_what_was_done(front: Live, source: Live) -> None:
    registration = await register(front, source, "exclusive", "beds", id=ID, operations=["retrieveOps"])
    reply = await front.post("/entities", shelter(name="A", beds=3))
    assert reply.status == 207
    assert reply.headers["Location"] == f"/ngsi-ld/v1/entities/{ID}"
    assert reply.json["success"] == [ID]
    (error,) = reply.json["errors"]
    assert (error["entityId"], error["registrationId"]) == (ID, registration)
    assert error["error"]["status"] == 409
    assert await held(front) == {"name": "A"}


async def test_auxiliary_sources_are_never_told(front: Live, source: Live) -> None:
    await register(front, source, "auxiliary", operations=["retrieveOps"])
    assert (await front.post("/entities", shelter(name="A"))).status == 201
    assert await held(source) is None


async def test_local_changes_stay_here(front: Live, source: Live) -> None:
    await register(front, source)
    reply = await front.ask("POST", "/entities", shelter(name="A"), params=HERE)
    assert reply.status == 201
    assert await held(source) is None


async def test_an_entity_there_and_here_is_told_twice(front: Live, source: Live) -> None:
    registration = await register(front, source)
    await front.post("/entities", shelter(name="A"))
    reply = await front.post("/entities", shelter(name="B"))
    assert reply.status == 207
    assert [error["error"]["status"] for error in reply.json["errors"]] == [409, 409]
    assert [error.get("registrationId") for error in reply.json["errors"]] == [registration, None]
    assert reply.json["success"] == []


async def test_deletes_wherever_the_entity_is(front: Live, source: Live) -> None:
    await register(front, source)
    await front.post("/entities", shelter(name="A"))
    assert (await front.ask("DELETE", f"/entities/{ID}")).status == 204
    assert await held(front) is None
    assert await held(source) is None


async def test_deletes_an_entity_that_is_only_elsewhere(front: Live, source: Live) -> None:
    await register(front, source)
    await source.post("/entities", shelter(name="A"))
    assert (await front.ask("DELETE", f"/entities/{ID}")).status == 204
    assert await held(source) is None


async def test_deleting_what_is_nowhere_is_not_found(front: Live, source: Live) -> None:
    await register(front, source)
    assert (await front.ask("DELETE", f"/entities/{ID}")).status == 404


async def test_a_source_without_the_entity_is_told_of(front: Live, source: Live) -> None:
    await register(front, source)
    await front.ask("POST", "/entities", shelter(name="A"), params=HERE)
    reply = await front.ask("DELETE", f"/entities/{ID}")
    assert reply.status == 207
    assert reply.json["success"] == [ID]
    assert [error["error"]["status"] for error in reply.json["errors"]] == [404]
    assert await held(front) is None


async def test_appends_where_attributes_belong(front: Live, source: Live, other: Live) -> None:
    await register(front, source, "exclusive", "beds", id=ID)
    await register(front, other, "inclusive", "name")
    for live in (front, source, other):
        await keep(live, shelter(note="n"))
    reply = await change(front, "POST", "/attrs", properties(beds=3, name="A", floor=1))
    assert reply.status == 204
    assert await held(front) == {"note": "n", "name": "A", "floor": 1}
    assert await held(source) == {"note": "n", "beds": 3}
    assert await held(other) == {"note": "n", "name": "A"}


async def test_keeps_what_is_there_also_elsewhere_when_told_not_to_overwrite(
    front: Live, source: Live
) -> None:
    registration = await register(front, source, "exclusive", "beds", id=ID)
    await keep(front, shelter(name="A"))
    await keep(source, shelter(beds=3))
    reply = await change(
        front, "POST", "/attrs", properties(beds=9, name="B", floor=1), options="noOverwrite"
    )
    assert reply.status == 207
    assert [one["attributeName"].rpartition("/")[2] for one in reply.json["notUpdated"]] == ["beds", "name"]
    assert [one.get("registrationId") for one in reply.json["notUpdated"]] == [registration, None]
    assert [name.rpartition("/")[2] for name in reply.json["updated"]] == ["floor"]
    assert await held(source) == {"beds": 3}


async def test_updates_and_deletes_by_null_where_attributes_belong(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "beds", "floor")
    await keep(front, shelter(name="A"))
    await keep(source, shelter(beds=3, floor=1))
    fragment = properties(name="B", beds=4) | {"floor": "urn:ngsi-ld:null"}
    assert (await change(front, "PATCH", "/attrs", fragment)).status == 204
    assert await held(front) == {"name": "B"}
    assert await held(source) == {"beds": 4}


async def test_what_is_nowhere_is_not_found_however_it_is_changed(front: Live, source: Live) -> None:
    await register(front, source, "inclusive")
    body = properties(name="A")
    assert (await change(front, "PATCH", "/attrs", body)).status == 404
    assert (await change(front, "PATCH", "", body)).status == 404
    assert (await change(front, "PATCH", "/attrs/name", body["name"])).status == 404
    assert (await change(front, "DELETE", "/attrs/name")).status == 404


async def test_an_update_of_what_an_inclusive_source_has_alone_is_told_as_partial(
    front: Live, source: Live
) -> None:
    await register(front, source, "inclusive")
    await keep(source, shelter(name="A"))
    reply = await change(front, "PATCH", "/attrs", properties(name="B"))
    assert reply.status == 207
    assert await held(source) == {"name": "B"}


async def test_changes_one_attribute_at_its_source_alone(front: Live, source: Live, other: Live) -> None:
    await register(front, source, "redirect", "beds")
    await register(front, other, "inclusive", "beds")
    for live in (source, other):
        await keep(live, shelter(beds=3))
    assert (await change(front, "PATCH", "/attrs/beds", {"value": 4})).status == 204
    assert await held(source) == {"beds": 4}
    assert (await change(front, "PUT", "/attrs/beds", {"type": "Property", "value": 5})).status == 204
    assert await held(source) == {"beds": 5}
    assert (await change(front, "PUT", "/attrs/beds/value", 6)).status == 204
    assert await held(source) == {"beds": 6}
    assert (await change(front, "DELETE", "/attrs/beds")).status == 204
    assert await held(source) == {}
    assert await held(other) == {"beds": 3}


async def test_changes_one_attribute_here_and_at_inclusive_sources(front: Live, source: Live) -> None:
    await register(front, source, "inclusive")
    for live in (front, source):
        await keep(live, shelter(beds=3))
    assert (await change(front, "PATCH", "/attrs/beds", {"value": 4})).status == 204
    assert await held(front) == await held(source) == {"beds": 4}
    assert (await change(front, "DELETE", "/attrs/beds", deleteAll="true")).status == 204
    assert await held(front) == await held(source) == {}


async def test_deletes_the_instance_of_a_dataset_at_its_source(front: Live, source: Live) -> None:
    await register(front, source, "redirect")
    two = [
        {"type": "Property", "value": 1},
        {"type": "Property", "value": 2, "datasetId": "urn:d:2"},
    ]
    await keep(source, shelter() | {"beds": two})
    assert (await change(front, "DELETE", "/attrs/beds", datasetId="urn:d:2")).status == 204
    assert await held(source) == {"beds": 1}


async def test_a_source_of_one_dataset_gets_the_instances_of_that(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "beds", datasetId="urn:d:2")
    two = [
        {"type": "Property", "value": 1},
        {"type": "Property", "value": 2, "datasetId": "urn:d:2"},
    ]
    assert (await front.post("/entities", shelter() | {"beds": two})).status == 201
    assert await held(front) == {"beds": 1}
    assert await held(source) == {"beds": 2}


async def test_other_datasets_of_an_attribute_are_changed_here(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "beds", datasetId="urn:d:2")
    one, two = {"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:2"}
    assert (await front.post("/entities", shelter() | {"beds": [one, two]})).status == 201
    both = [one | {"value": 3}, two | {"value": 4}]
    assert (await change(front, "PUT", "/attrs/beds", both)).status == 204
    assert (await held(front), await held(source)) == ({"beds": 3}, {"beds": 4})
    assert (await change(front, "DELETE", "/attrs/beds", deleteAll="true")).status == 204
    assert (await held(front), await held(source)) == ({}, {})


async def test_a_scope_that_cannot_be_set_everywhere_is_named(front: Live, source: Live) -> None:
    registration = await register(front, source, "inclusive")
    await keep(front, shelter() | {"scope": "/A"})
    reply = await change(front, "PATCH", "/attrs", {"scope": "/B"})
    assert reply.status == 207
    assert reply.json["updated"] == ["scope"]
    assert [(one["attributeName"], one["registrationId"]) for one in reply.json["notUpdated"]] == [
        ("scope", registration)
    ]


async def test_replaces_each_part(front: Live, source: Live) -> None:
    await register(front, source, "exclusive", "beds", id=ID)
    await keep(front, shelter(name="A", floor=1))
    await keep(source, shelter(beds=3))
    assert (await change(front, "PUT", "", shelter(name="B", beds=4))).status == 204
    assert await held(front) == {"name": "B"}
    assert await held(source) == {"beds": 4}


async def test_replaces_an_entity_that_is_only_elsewhere(front: Live, source: Live) -> None:
    await register(front, source, "inclusive")
    await keep(source, shelter(name="A"))
    assert (await change(front, "PUT", "", shelter(name="B"))).status == 204
    assert await held(source) == {"name": "B"}
    assert await held(front) is None


async def test_what_no_source_takes_of_a_replacement_is_told(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "beds")
    await keep(source, shelter(beds=3))
    reply = await change(front, "PUT", "", shelter(name="B", beds=4))
    assert reply.status == 207
    assert [error["error"]["status"] for error in reply.json["errors"]] == [404]
    assert await held(source) == {"beds": 4}


async def test_merges_with_the_parameters_of_the_request(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "beds")
    await keep(front, shelter(name="A"))
    await keep(source, shelter(beds=3))
    body = {"name": "B", "beds": 4}
    assert (await change(front, "PATCH", "", body, options="keyValues")).status == 204
    assert await held(front) == {"name": "B"}
    assert await held(source) == {"beds": 4}


async def test_scope_and_types_go_where_the_whole_entity_is(front: Live, source: Live) -> None:
    await register(front, source, "redirect")
    body = shelter(name="A") | {"type": ["Shelter", "Hall"], "scope": "/Yabu"}
    assert (await front.post("/entities", body)).status == 201
    stored = (await source.get(f"/entities/{ID}", local="true")).json
    assert stored["type"] == "Shelter"
    assert stored["scope"] == "/Yabu"
    assert (await change(front, "PATCH", "/attrs", {"scope": "/Asago"})).status == 204
    assert (await source.get(f"/entities/{ID}", local="true")).json["scope"] == "/Asago"


async def test_an_entity_here_of_another_type_stays_here(front: Live, source: Live) -> None:
    await register(front, source, "redirect")
    await keep(front, {"id": ID, "type": "Bus"} | properties(name="A"))
    assert (await change(front, "PATCH", "/attrs", properties(name="B"))).status == 204
    assert await held(front) == {"name": "B"}


async def test_a_type_asked_for_chooses_the_sources(front: Live, source: Live) -> None:
    await register(front, source, "inclusive")
    for live in (front, source):
        await keep(live, shelter(name="A"))
    assert (await change(front, "DELETE", "", type="Bus")).status == 404
    assert await held(source) == {"name": "A"}
    assert (await change(front, "DELETE", "", type="Shelter")).status == 204
    assert await held(source) is None


async def test_a_type_asked_for_counts_more_than_that_held_here(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "beds")
    await keep(front, {"id": ID, "type": "Bus"})
    await keep(source, shelter(beds=1))
    assert (await change(front, "PATCH", "/attrs/beds", {"value": 2}, type="Shelter")).status == 204
    assert await held(source) == {"beds": 2}


async def test_sources_of_other_types_say_that_they_have_it_not_unless_a_type_is_asked_for(
    front: Live, source: Live, other: Live
) -> None:
    """Which type an entity has that is not here is not known: all redirect sources for the attribute are told. (5.12, 6.3.17)"""
    await register(front, source, "redirect")
    buses = [{"entities": [{"type": "Bus"}], "propertyNames": ["beds"]}]
    without = await register(front, other, "redirect", information=buses)
    await keep(source, shelter(beds=1))
    reply = await change(front, "PATCH", "/attrs/beds", {"value": 2})
    assert reply.status == 207
    (refused,) = reply.json["notUpdated"]
    assert refused["registrationId"] == without
    assert await held(source) == {"beds": 2}
    assert (await change(front, "PATCH", "/attrs/beds", {"value": 3}, type="Shelter")).status == 204
    assert await held(source) == {"beds": 3}


@pytest.mark.parametrize("form", ["delete", "attribute", "merge", "batch"])
async def test_a_change_of_who_knows_what_type_reaches_only_registered_types(
    front: Live, source: Live, other: Live, form: str
) -> None:
    """The other source has an entity of that id, too, but is registered for buses only. (4.3.6.1)"""
    await register(front, source, "redirect")
    await register(front, other, "redirect", information=[{"entities": [{"type": "Bus"}]}])
    for live in (source, other):
        await keep(live, shelter(beds=1))
    if form == "delete":
        await change(front, "DELETE")
    elif form == "attribute":
        await change(front, "PATCH", "/attrs/beds", {"value": 2})
    elif form == "merge":
        await change(front, "PATCH", "", properties(beds=2))
    else:
        await front.post("/entityOperations/delete", [ID])
    assert await held(source) == (None if form in ("delete", "batch") else {"beds": 2})
    assert await held(other) == {"beds": 1}


async def test_names_are_those_of_the_requests_context(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "https://example.org/beds")
    body = shelter(name="A", Betten=3) | {"@context": {"Betten": "https://example.org/beds"}}
    assert (await front.post("/entities", body)).status == 201
    assert await held(front) == {"name": "A"}
    assert await held(source) == {"https://example.org/beds": 3}


async def test_one_source_that_cannot_be_reached_is_a_bad_gateway(front: Live) -> None:
    await register(front, "http://127.0.0.1:1", "redirect")
    assert (await front.post("/entities", shelter(name="A"))).status in (502, 504)
    assert await held(front) is None


async def test_a_source_that_fails_does_not_keep_others_from_their_part(front: Live, source: Live) -> None:
    registration = await register(front, "http://127.0.0.1:1", "redirect", "beds")
    await register(front, source, "redirect", "floor")
    reply = await front.post("/entities", shelter(name="A", beds=3, floor=1))
    assert reply.status == 207
    (error,) = reply.json["errors"]
    assert error["registrationId"] == registration
    assert await held(front) == {"name": "A"}
    assert await held(source) == {"floor": 1}


async def test_brokers_that_redirect_to_each_other_say_so(front: Live, source: Live) -> None:
    await register(front, source, "redirect", contextSourceAlias=source.broker.alias)
    await register(source, front, "redirect", contextSourceAlias=front.broker.alias)
    reply = await front.post("/entities", shelter(name="A"))
    assert reply.status == 508


async def test_brokers_that_know_each_other_as_equals_tell_each_other_once(front: Live, source: Live) -> None:
    await register(front, source, "inclusive", contextSourceAlias=source.broker.alias)
    await register(source, front, "inclusive", contextSourceAlias=front.broker.alias)
    assert (await front.post("/entities", shelter(name="A"))).status == 201
    assert await held(front) == await held(source) == {"name": "A"}
    assert (await source.ask("DELETE", f"/entities/{ID}")).status == 204
    assert await held(front) is None


async def test_a_body_that_is_wrong_is_told_to_nobody(front: Live, source: Live) -> None:
    await register(front, source, "inclusive", "name")
    reply = await front.post("/entities", shelter(name="A") | {"beds": {"type": "Wrong"}})
    assert reply.status == 400
    assert await held(source) is None
