"""Hidden things in histories, maps, snapshots, joins, places and tenants: as if they were not there. (docs/access.md)"""

import asyncio
from pathlib import Path
from typing import Any

from tests.access.town import Town, shelter, town

RULES = """
[[rule]]
who = ["role:guest", "anonymous"]
may = "read"
types = ["Shelter"]
attributes_except = ["contact", "hideout"]

[[rule]]
who = "role:guest"
may = ["snapshot"]
"""
GUESTS = ("anna guest", "bert guest")
DEPOT = "urn:ngsi-ld:Depot:1"
ID = "urn:ngsi-ld:Shelter:1"
SPAN = {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z"}


async def fill(broker: Town) -> None:
    await broker.put_in(
        {"id": DEPOT, "type": "Depot", "stock": {"type": "Property", "value": 7}},
        shelter(
            1,
            supply={"type": "Relationship", "object": DEPOT},
            near={"type": "Relationship", "object": "urn:ngsi-ld:Shelter:2"},
            hideout={"type": "GeoProperty", "value": {"type": "Point", "coordinates": [135, 35]}},
        ),
        shelter(2),
    )


async def same_as_absent(broker: Town, path: str, **params: Any) -> None:
    hidden = await broker.get("anna", path, **params)
    absent = await broker.get("anna", path.replace("Depot:1", "Depot:9"), **params)
    assert hidden.status == absent.status == 404, path
    assert hidden.raw.replace(b"Depot:1", b"Depot:9") == absent.raw


async def test_histories_show_what_their_entities_show(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await fill(broker)
        path = f"/temporal/entities/{ID}"
        await same_as_absent(broker, f"/temporal/entities/{DEPOT}")
        reply = await broker.get("anna", path, options="sysAttrs")
        assert reply.status == 200 and b"contact" not in reply.raw and b"phone" not in reply.raw
        for params in (
            {"attrs": "contact"},
            {
                "aggrMethods": "max",
                "aggrPeriodDuration": "PT0S",
                "attrs": "contact",
                **SPAN,
                "options": "aggregatedValues",
            },
        ):
            reply = await broker.get("anna", path, **params)
            assert b"phone" not in reply.raw and reply.status in (200, 404)
        found = await broker.get(
            "anna",
            "/temporal/entities",
            type="Shelter,Depot",
            count="true",
            timeproperty="modifiedAt",
            **SPAN,
        )
        assert (
            found.headers["NGSILD-Results-Count"] == "2"
            and b"phone" not in found.raw
            and b"Depot" not in found.raw.replace(b"Depot:1", b"")
        )
        for more in ({"q": 'contact=="phone-1"'}, {"attrs": "contact"}, {"q": "contact"}, {"type": "Depot"}):
            given = {"type": "Shelter", "timeproperty": "modifiedAt", "count": "true", **SPAN, **more}
            found = await broker.get("anna", "/temporal/entities", **given)
            assert found.json == [] and found.headers["NGSILD-Results-Count"] == "0", more
            assert (await broker.get("staff", "/temporal/entities", **given)).json != []


async def test_the_past_shows_no_more_than_the_present(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await fill(broker)
        now = {"asOf": "2099-01-01T00:00:00Z", "timeproperty": "modifiedAt"}
        await same_as_absent(broker, f"/entities/{DEPOT}", **now)
        reply = await broker.get("anna", f"/entities/{ID}", **now)
        assert reply.status == 200 and b"phone" not in reply.raw
        for q in ('contact=="phone-1"', "contact", "hideout"):
            assert (await broker.get("anna", "/entities", type="Shelter", q=q, **now)).json == []
        found = await broker.get("anna", "/entities", type="Shelter,Depot", count="true", **now)
        assert found.headers["NGSILD-Results-Count"] == "2"


async def test_linked_entities_that_are_hidden_are_not_there(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await fill(broker)
        for join in ("inline", "flat"):
            for path in (f"/entities/{ID}", "/entities?type=Shelter"):
                sign = "&" if "?" in path else "?"
                reply = await broker.get("anna", f"{path}{sign}join={join}&joinLevel=2")
                assert reply.status == 200 and b"stock" not in reply.raw and b"phone" not in reply.raw
                assert b"shelter 2" in reply.raw
        joined = {"join": "inline", "joinLevel": "1", "type": "Shelter"}
        for q in ("supply{Depot:stock}==7", "near{Shelter:contact}", "supply{stock}"):
            assert (await broker.get("anna", "/entities", q=q, **joined)).json == [], q
            assert (await broker.get("staff", "/entities", q=q, **joined)).json != [], q
        assert (await broker.get("anna", "/entities", q="near{Shelter:name}", **joined)).json != []


async def test_hidden_places_are_not_found(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await fill(broker)
        near = {
            "type": "Shelter",
            "georel": "near;maxDistance==1000",
            "geometry": "Point",
            "coordinates": "[135,35]",
            "geoproperty": "hideout",
        }
        assert (await broker.get("anna", "/entities", **near)).json == []
        assert len((await broker.get("staff", "/entities", **near)).json) == 1
        geojson = await broker.get(
            "anna", f"/entities/{ID}", geometryProperty="hideout", headers={"Accept": "application/geo+json"}
        )
        assert geojson.json["geometry"] is None
        order = {"type": "Shelter", "orderBy": "hideout;dist-asc", "orderFrom": "[0,0]"}
        ordered = await broker.get("anna", "/entities", **order)
        assert ordered.status in (200, 400)


async def test_when_something_hidden_changed_does_not_show(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await fill(broker)
        before = await broker.get("anna", f"/entities/{ID}", options="sysAttrs")
        listed = await broker.get(
            "anna", "/entities", type="Shelter", orderBy="modifiedAt", options="sysAttrs"
        )
        history = await broker.get("anna", f"/temporal/entities/{ID}", options="sysAttrs")
        await asyncio.sleep(0.01)
        change = {"contact": {"type": "Property", "value": "other"}}
        assert (await broker.ask("staff", "PATCH", f"/entities/{ID}", change)).status == 204
        assert (await broker.get("anna", f"/entities/{ID}", options="sysAttrs")).raw == before.raw
        assert (
            await broker.get("anna", "/entities", type="Shelter", orderBy="modifiedAt", options="sysAttrs")
        ).raw == listed.raw
        assert (await broker.get("anna", f"/temporal/entities/{ID}", options="sysAttrs")).raw == history.raw


async def test_heads_tell_no_more_than_bodies(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await fill(broker)
        for path in (f"/entities/{DEPOT}", "/entities/urn:ngsi-ld:Depot:9"):
            reply = await broker.ask("anna", "HEAD", path)
            assert reply.status == 404
        told = await broker.ask("anna", "HEAD", f"/entities/{ID}")
        body = await broker.get("anna", f"/entities/{ID}")
        assert told.headers["Content-Length"] == str(len(body.raw)) and "ETag" not in told.headers


async def test_maps_belong_to_who_made_them(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await fill(broker)
        made = await broker.get("anna", "/entityMaps", type="Shelter,Depot")
        assert made.status == 201 and set(made.json["entityMap"]) == {ID, "urn:ngsi-ld:Shelter:2"}
        id = made.json["id"]
        assert b"owner" not in made.raw
        for method, body in (
            ("GET", None),
            ("PATCH", {"expiresAt": "2099-01-01T00:00:00Z"}),
            ("DELETE", None),
        ):
            other = await broker.ask("bert", method, f"/entityMaps/{id}", body)
            absent = await broker.ask("bert", method, "/entityMaps/urn:x:none", body)
            assert other.status == absent.status == 404
            assert other.raw.replace(id.encode(), b"urn:x:none") == absent.raw
        use = await broker.get("bert", "/entities", type="Shelter,Depot", headers={"NGSILD-EntityMap": id})
        assert use.status == 201 and use.headers["NGSILD-EntityMap"].rpartition("/")[2] != id
        assert (await broker.get("anna", f"/entityMaps/{id}")).status == 200
        page = await broker.get(
            "anna", "/entities", type="Shelter,Depot", count="true", headers={"NGSILD-EntityMap": id}
        )
        assert page.status == 200 and page.headers["NGSILD-Results-Count"] == "2"
        temporal = await broker.get(
            "anna", "/temporal/entityMaps", type="Shelter,Depot", timeproperty="modifiedAt", **SPAN
        )
        assert set(temporal.json["entityMap"]) == {ID, "urn:ngsi-ld:Shelter:2"}
        assert (await broker.ask("anna", "DELETE", f"/entityMaps/{id}")).status == 204


async def test_a_snapshot_holds_what_its_maker_may_see(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await fill(broker)
        query = {"type": "Query", "entities": [{"type": "Shelter"}, {"type": "Depot"}]}
        secret = {**query, "q": 'contact=="phone-1"'}
        ids = []
        for asked in (query, secret):
            made = await broker.ask(
                "anna", "POST", "/snapshots", {"type": "Snapshot", "snapshotQueries": [asked]}
            )
            assert made.status == 201, made.json
            ids.append(made.headers["Location"].rpartition("/")[2])
        for id in ids:
            for _ in range(1500):
                if (await broker.get("anna", f"/snapshots/{id}")).json["snapshotStatus"] != "preparing":
                    break
                await asyncio.sleep(0.02)
        inside = {"NGSILD-Snapshot": ids[0]}
        held = await broker.get("anna", "/entities", local="true", headers=inside)
        assert {one["id"] for one in held.json} == {ID, "urn:ngsi-ld:Shelter:2"} and b"phone" not in held.raw
        empty = (await broker.get("anna", f"/snapshots/{ids[1]}")).json
        assert empty["snapshotQueriesDetails"][0]["resultStatus"] == "empty"
        assert (await broker.get("bert", f"/snapshots/{ids[0]}")).status == 404
        other = await broker.get("bert", "/entities", local="true", headers=inside)
        absent = await broker.get(
            "bert", "/entities", local="true", headers={"NGSILD-Snapshot": "urn:x:none"}
        )
        assert other.status == absent.status == 404 and other.raw == absent.raw
        assert (await broker.get("", "/entities", local="true", headers=inside)).status == 401
        assert (await broker.get("staff", "/entities", local="true", headers=inside)).status == 200


async def test_rights_on_one_tenant_are_none_on_another(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await broker.put_in(shelter(1), tenant="harbour")
        for tenant in ("harbour", "absent", "HARBOUR"):
            reply = await broker.get("anna", f"/entities/{ID}", headers={"NGSILD-Tenant": tenant})
            assert reply.status == 403, tenant
        assert (await broker.get("anna", f"/entities/{ID}")).status == 404
        twice = {"NGSILD-Tenant": "harbour/urn:x"}
        assert (await broker.get("anna", f"/entities/{ID}", headers=twice)).status == 400
        wide = (
            (tmp_path / "policy.toml").read_text().replace('may = "read"', 'may = "read"\ntenants = ["har*"]')
        )
        (tmp_path / "policy.toml").write_text(wide)
        policies = broker.live.broker.policies
        assert policies is not None
        policies.refresh()
        reply = await broker.get("anna", f"/entities/{ID}", headers={"NGSILD-Tenant": "harbour"})
        assert reply.status == 200 and b"phone" not in reply.raw
        assert (await broker.get("anna", f"/entities/{ID}")).status == 403


async def test_tenants_are_named_to_those_who_may_do_something_there(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS, implicit_tenants=False) as broker:
        for tenant in ("absent", "default"):
            for who, status in (("", 401), ("anna", 403), ("staff", 404)):
                reply = await broker.get(who, "/info/sourceIdentity", headers={"NGSILD-Tenant": tenant})
                assert reply.status == status
        assert (await broker.get("", "/info/sourceIdentity")).status == 200
        assert (
            await broker.get("anna", "/entities", type="Shelter", headers={"NGSILD-Tenant": "default"})
        ).status == 403


async def test_registrations_are_not_guessed_by_a_filter_of_sources(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        await fill(broker)
        query = {"type": "Query", "entities": [{"type": "Shelter"}], "csf": 'endpoint=="x"'}
        assert (await broker.get("anna", "/entities", type="Shelter", csf='endpoint=="x"')).status == 403
        assert (await broker.ask("anna", "POST", "/entityOperations/query", query)).status == 403
        assert (await broker.get("staff", "/entities", type="Shelter", csf='endpoint=="x"')).status == 200


async def test_contexts_are_served_to_all_and_kept_by_few(tmp_path: Path) -> None:
    async with town(tmp_path, RULES, *GUESTS) as broker:
        body = {"@context": {"a": "https://example.org/a"}}
        assert (await broker.ask("anna", "POST", "/jsonldContexts", body)).status == 403
        made = await broker.ask("staff", "POST", "/jsonldContexts", body)
        assert made.status == 201
        id = made.headers["Location"].rpartition("/")[2]
        assert (await broker.get("", f"/jsonldContexts/{id}")).status == 200
        assert (await broker.get("", "/jsonldContexts")).status == 401
        assert (await broker.ask("anna", "DELETE", f"/jsonldContexts/{id}")).status == 403
