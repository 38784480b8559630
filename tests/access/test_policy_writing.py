"""What a policy lets a caller change: nothing is smuggled into or out of rights. (docs/access.md)"""

from pathlib import Path

import pytest

from tests.access.town import shelter, town

SENSORS = """
[[rule]]
who = "anyone"
may = "read"
types = ["Shelter", "Meter"]
attributes_except = ["contact"]

[[rule]]
who = "key:sensor-*"
may = "write"
types = ["Meter"]

[[rule]]
who = "role:hall"
may = "write"
types = ["Shelter"]
scopes = ["/yabu/#"]

[[rule]]
who = "key:counter"
may = "write"
types = ["Shelter"]
attributes = ["people"]
"""
WHO = ("sensor-1", "hall hall", "counter")
METER = {"id": "urn:ngsi-ld:Meter:1", "type": "Meter", "level": {"type": "Property", "value": 1}}
IN_YABU = shelter(1, scope="/yabu/oya")


def value(of: object) -> dict[str, object]:
    return {"type": "Property", "value": of}


async def test_a_sensor_writes_its_own_type_and_nothing_else(tmp_path: Path) -> None:
    async with town(tmp_path, SENSORS, *WHO) as broker:
        assert (await broker.ask("sensor-1", "POST", "/entities", METER)).status == 201
        path = "/entities/urn:ngsi-ld:Meter:1"
        assert (await broker.ask("sensor-1", "PATCH", path, {"level": value(2)})).status == 204
        assert (await broker.ask("sensor-1", "POST", "/entities", shelter(1))).status == 403
        assert (await broker.ask("", "PATCH", path, {"level": value(3)})).status == 401
        assert (await broker.ask("hall", "PATCH", path, {"level": value(3)})).status == 403
        assert (await broker.ask("sensor-1", "DELETE", path)).status == 204


async def test_nobody_smuggles_by_type_or_scope(tmp_path: Path) -> None:
    async with town(tmp_path, SENSORS, *WHO) as broker:
        await broker.put_in(METER, IN_YABU, shelter(2, scope="/toyooka"))
        both = {**METER, "id": "urn:ngsi-ld:Meter:2", "type": ["Meter", "Shelter"]}
        assert (await broker.ask("sensor-1", "POST", "/entities", both)).status == 403
        path = "/entities/urn:ngsi-ld:Meter:1"
        for method, at in (("PATCH", path), ("POST", path + "/attrs"), ("PATCH", path + "/attrs")):
            assert (await broker.ask("sensor-1", method, at, {"type": ["Meter", "Shelter"]})).status in (
                403,
                400,
            )
        one, two = "/entities/urn:ngsi-ld:Shelter:1", "/entities/urn:ngsi-ld:Shelter:2"
        assert (await broker.ask("hall", "PATCH", one, {"name": value("x")})).status == 204
        assert (await broker.ask("hall", "PATCH", one, {"scope": "/toyooka"})).status == 403
        assert (await broker.ask("hall", "PATCH", one, {"scope": ["/yabu/oya", "/toyooka"]})).status == 403
        assert (await broker.ask("hall", "PATCH", two, {"scope": "/yabu"})).status == 403
        assert (await broker.ask("hall", "PUT", two, {**shelter(2), "scope": "/yabu"})).status == 403
        assert (await broker.ask("hall", "PATCH", two, {"name": value("x")})).status == 403
        assert (await broker.ask("hall", "DELETE", two)).status == 403
        held = (await broker.get("staff", two)).json
        assert held["scope"] == "/toyooka" and held["name"]["value"] == "shelter 2"


async def test_who_may_write_one_attribute_touches_no_other(tmp_path: Path) -> None:
    async with town(tmp_path, SENSORS, *WHO) as broker:
        await broker.put_in(IN_YABU)
        path = "/entities/urn:ngsi-ld:Shelter:1"
        assert (await broker.ask("counter", "PATCH", path, {"people": value(3)})).status == 204
        assert (await broker.ask("counter", "POST", path + "/attrs", {"people": value(4)})).status == 204
        assert (await broker.ask("counter", "PATCH", path + "/attrs/people", {"value": 5})).status == 204
        for body in (
            {"name": value("x")},
            {"contact": value("x")},
            {"people": value(1), "contact": value(1)},
            {"scope": "/x"},
        ):
            assert (await broker.ask("counter", "PATCH", path, body)).status == 403
            assert (await broker.ask("counter", "POST", path + "/attrs", body)).status == 403
        assert (await broker.ask("counter", "PATCH", path, {"expiresAt": "2099-01-01T00:00:00Z"})).status in (
            400,
            403,
        )
        assert (await broker.ask("counter", "DELETE", path)).status == 403
        assert (await broker.ask("counter", "DELETE", path + "/attrs/name")).status == 403
        assert (await broker.ask("counter", "PUT", path, {**shelter(1), "people": value(1)})).status == 403
        held = (await broker.get("staff", path)).json
        assert held["contact"]["value"] == "phone-1" and held["people"]["value"] == 5


async def test_a_hidden_attribute_is_neither_told_of_nor_lost(tmp_path: Path) -> None:
    async with town(tmp_path, SENSORS, *WHO) as broker:
        await broker.put_in(shelter(1), {**shelter(2), "contact": value("x")})
        bare = shelter(3)
        del bare["contact"]
        await broker.put_in(bare)
        replies = []
        for number in (1, 3):
            path = f"/entities/urn:ngsi-ld:Shelter:{number}/attrs"
            replies.append(
                [
                    (reply.status, reply.raw.replace(f"Shelter:{number}".encode(), b""))
                    for reply in (
                        await broker.ask("counter", "PATCH", f"{path}/contact", {"value": 1}),
                        await broker.ask("counter", "DELETE", f"{path}/contact"),
                        await broker.ask("counter", "PUT", f"{path}/contact", value(1)),
                        await broker.ask("counter", "PUT", f"{path}/contact/value", 1),
                        await broker.ask(
                            "counter", "POST", f"{path}?options=noOverwrite", {"contact": value(1)}
                        ),
                        await broker.get("counter", f"{path}/contact"),
                    )
                ]
            )
        assert replies[0] == replies[1]
        assert (await broker.get("staff", "/entities/urn:ngsi-ld:Shelter:1")).json["contact"][
            "value"
        ] == "phone-1"


async def test_what_is_hidden_is_changed_like_what_is_not_there(tmp_path: Path) -> None:
    async with town(tmp_path, SENSORS, *WHO) as broker:
        await broker.put_in({"id": "urn:ngsi-ld:Depot:1", "type": "Depot", "a": value(1)})
        for method, rest, body in (
            ("PATCH", "", {"a": value(2)}),
            ("PATCH", "/attrs/a", {"value": 2}),
            ("DELETE", "", None),
            ("DELETE", "/attrs/a", None),
            ("PUT", "", {"type": "Meter"}),
            ("PUT", "/attrs/a/value", 3),
        ):
            hidden = await broker.ask("sensor-1", method, f"/entities/urn:ngsi-ld:Depot:1{rest}", body)
            absent = await broker.ask("sensor-1", method, f"/entities/urn:ngsi-ld:Depot:2{rest}", body)
            assert hidden.status == absent.status == 404
            assert hidden.raw.replace(b"Depot:1", b"Depot:2") == absent.raw
        taken = await broker.ask("sensor-1", "POST", "/entities", {**METER, "id": "urn:ngsi-ld:Depot:1"})
        assert taken.status == 409 and b"Depot" not in taken.raw
        assert (await broker.get("staff", "/entities/urn:ngsi-ld:Depot:1")).json["type"] == "Depot"


async def test_a_batch_tells_of_each_element(tmp_path: Path) -> None:
    async with town(tmp_path, SENSORS, *WHO) as broker:
        await broker.put_in({"id": "urn:ngsi-ld:Depot:1", "type": "Depot"})
        for name in ("create", "upsert"):
            reply = await broker.ask(
                "sensor-1",
                "POST",
                f"/entityOperations/{name}",
                [METER, shelter(1), {**METER, "id": "urn:ngsi-ld:Depot:1"}],
            )
            assert reply.status == 207, name
            assert reply.json["success"] == (["urn:ngsi-ld:Meter:1"])
            kinds = {one["entityId"]: one["error"]["type"].rpartition("/")[2] for one in reply.json["errors"]}
            assert kinds["urn:ngsi-ld:Depot:1"] == "AlreadyExists"
            assert "NotPermitted" in kinds["urn:ngsi-ld:Shelter:1"]
            assert (await broker.ask("staff", "DELETE", "/entities/urn:ngsi-ld:Meter:1")).status == 204
        reply = await broker.ask("sensor-1", "POST", "/entityOperations/delete", ["urn:ngsi-ld:Depot:1"])
        assert reply.json["errors"][0]["error"]["title"] == "Resource not found"
        assert (await broker.get("staff", "/entities/urn:ngsi-ld:Depot:1")).status == 200


async def test_purging_needs_its_verb_and_selects_by_what_is_visible(tmp_path: Path) -> None:
    rules = SENSORS + '\n[[rule]]\nwho = "role:hall"\nmay = "purge"\n'
    async with town(tmp_path, rules, *WHO) as broker:
        await broker.put_in(IN_YABU, shelter(2, scope="/toyooka"))
        assert (await broker.ask("sensor-1", "DELETE", "/entities?type=Meter")).status == 403
        assert (
            await broker.ask("hall", "DELETE", '/entities?type=Shelter&q=contact=="phone-1"')
        ).status == 204
        assert len((await broker.get("staff", "/entities", type="Shelter")).json) == 2
        reply = await broker.ask("hall", "DELETE", "/entities?type=Shelter")
        assert reply.status == 207 and reply.json["success"] == ["urn:ngsi-ld:Shelter:1"]
        assert [one["id"] for one in (await broker.get("staff", "/entities", type="Shelter")).json] == [
            "urn:ngsi-ld:Shelter:2"
        ]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_history_is_changed_like_the_entity(tmp_path: Path, method: str) -> None:
    async with town(tmp_path, SENSORS, *WHO) as broker:
        await broker.put_in(IN_YABU, METER, {"id": "urn:ngsi-ld:Depot:1", "type": "Depot", "a": value(1)})
        at = {"observedAt": "2026-01-01T00:00:00Z"}
        for who, id, attr, expected in (
            ("sensor-1", "Meter:1", "level", 204),
            ("sensor-1", "Shelter:1", "name", 403),
            ("sensor-1", "Depot:1", "a", 404),
            ("counter", "Shelter:1", "name", 403),
        ):
            path = f"/temporal/entities/urn:ngsi-ld:{id}/attrs"
            if method == "POST":
                reply = await broker.ask(who, "POST", path, {attr: [{**value(9), **at}]})
            else:
                reply = await broker.ask(who, "DELETE", f"{path}/{attr}?deleteAll=true")
            assert reply.status == expected, (who, id, reply.json)


MOVERS = """
[[rule]]
who = "key:mover"
may = ["read", "write"]
scopes = ["/yabu", "/toyooka"]
attributes = ["name", "scope"]

[[rule]]
who = "key:mover"
may = "read"
scopes = ["/toyooka"]
"""


async def test_nobody_moves_an_entity_to_where_they_see_more_of_it(tmp_path: Path) -> None:
    async with town(tmp_path, MOVERS, "mover") as broker:
        bare = shelter(3, scope="/yabu")
        del bare["contact"]
        await broker.put_in(shelter(1, scope="/yabu"), shelter(2, scope="/toyooka"), bare)
        for number in (1, 3):  # whether there is anything to see or not
            path = f"/entities/urn:ngsi-ld:Shelter:{number}"
            assert (await broker.ask("mover", "PATCH", path, {"name": value("n")})).status == 204
            assert (await broker.ask("mover", "PATCH", path, {"scope": "/toyooka"})).status == 403
            assert (await broker.ask("mover", "POST", f"{path}/attrs", {"scope": "/toyooka"})).status == 403
        assert (
            await broker.ask("mover", "PATCH", "/entities/urn:ngsi-ld:Shelter:2", {"scope": "/yabu"})
        ).status == 204
        held = (await broker.get("staff", "/entities/urn:ngsi-ld:Shelter:2")).json
        assert held["scope"] == "/yabu" and held["contact"]["value"] == "phone-2"


async def test_a_policy_may_let_somebody_write_what_they_do_not_read(tmp_path: Path) -> None:
    rules = '[[rule]]\nwho = "key:drop"\nmay = "write"\ntypes = ["Meter"]\n'
    async with town(tmp_path, rules, "drop") as broker:
        path = "/entities/urn:ngsi-ld:Meter:1"
        assert (await broker.ask("drop", "POST", "/entities", METER)).status == 201
        assert (await broker.ask("drop", "PATCH", path, {"level": value(2)})).status == 204
        assert (await broker.ask("drop", "POST", "/entities", METER)).status == 409
        assert (await broker.get("drop", path)).status == 403
        assert (await broker.get("drop", "/types")).status == 403
        assert (await broker.get("staff", path)).json["level"]["value"] == 2
