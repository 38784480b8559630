"""What a policy lets a caller read: what is hidden is as if it were not there. (docs/access.md)"""

from pathlib import Path

from tests.access.town import shelter, town

PUBLIC = """
[[rule]]
name = "open data"
who = "anonymous"
may = "read"
types = ["Shelter"]
attributes_except = ["contact"]
"""


async def test_a_hidden_entity_and_one_that_is_not_there_get_the_same_answer(tmp_path: Path) -> None:
    async with town(tmp_path, PUBLIC) as broker:
        await broker.put_in(shelter(1), {"id": "urn:ngsi-ld:Depot:1", "type": "Depot"})
        hidden = await broker.get("", "/entities/urn:ngsi-ld:Depot:1")
        absent = await broker.get("", "/entities/urn:ngsi-ld:Depot:2")
        assert hidden.status == absent.status == 404
        assert hidden.raw.replace(b"Depot:1", b"Depot:2") == absent.raw
        assert (await broker.get("staff", "/entities/urn:ngsi-ld:Depot:1")).status == 200


async def test_a_hidden_attribute_is_shown_in_no_form(tmp_path: Path) -> None:
    async with town(tmp_path, PUBLIC) as broker:
        await broker.put_in(shelter(1))
        id = "urn:ngsi-ld:Shelter:1"
        for path in (
            f"/entities/{id}",
            f"/entities/{id}?format=simplified",
            "/entities?type=Shelter",
            f"/entities/{id}?options=concise",
        ):
            reply = await broker.get("", path)
            assert reply.status == 200
            assert b"phone" not in reply.raw and b"contact" not in reply.raw
        assert (await broker.get("", f"/entities/{id}/attrs/contact")).status == 404
        assert (await broker.get("", f"/entities/{id}?attrs=contact")).status == 404
        assert (await broker.get("", "/entities?attrs=contact")).json == []
        assert (await broker.get("staff", "/entities?attrs=contact")).json != []


async def test_counts_and_queries_reveal_nothing(tmp_path: Path) -> None:
    async with town(tmp_path, PUBLIC) as broker:
        await broker.put_in(*(shelter(n) for n in range(5)), {"id": "urn:ngsi-ld:Depot:1", "type": "Depot"})
        found = await broker.get("", "/entities", local="true", count="true")
        assert found.headers["NGSILD-Results-Count"] == "5" and len(found.json) == 5
        for q in ('contact=="phone-1"', 'contact~="phone"', 'contact;name=="shelter 1"'):
            reply = await broker.get("", "/entities", type="Shelter", q=q, count="true")
            assert reply.json == [] and reply.headers["NGSILD-Results-Count"] == "0"
        reply = await broker.get("", "/entities", type="Shelter", q="!contact", count="true")
        assert len(reply.json) == 5
        ordered = await broker.get("", "/entities", type="Shelter", orderBy="contact;desc")
        plain = await broker.get("", "/entities", type="Shelter")
        assert [one["id"] for one in ordered.json] == [one["id"] for one in plain.json]


async def test_discovery_lists_what_is_visible(tmp_path: Path) -> None:
    async with town(tmp_path, PUBLIC) as broker:
        await broker.put_in(shelter(1), {"id": "urn:ngsi-ld:Depot:1", "type": "Depot"})
        assert (await broker.get("", "/types")).json["typeList"] == ["Shelter"]
        assert (await broker.get("", "/attributes")).json["attributeList"] == ["name"]
        assert (await broker.get("", "/attributes/contact")).status == 404
        assert (await broker.get("", "/types/Depot")).status == 404
        assert (await broker.get("", "/types/Shelter")).json["entityCount"] == 1
        assert set((await broker.get("staff", "/types")).json["typeList"]) == {"Shelter", "Depot"}


async def test_long_lists_are_counted_and_cut_as_if_nothing_were_hidden(tmp_path: Path) -> None:
    async with town(tmp_path, PUBLIC) as broker:
        depots = [{"id": f"urn:ngsi-ld:Depot:{n:03}", "type": "Depot"} for n in range(150)]
        shelters = [{**shelter(n), "id": f"urn:ngsi-ld:Shelter:{n:03}"} for n in range(150)]
        mixed = [one for pair in zip(depots, shelters, strict=True) for one in pair]
        assert (await broker.ask("staff", "POST", "/entityOperations/create", mixed)).status == 201
        for more in (
            {},
            {"orderBy": "name;desc"},
            {"orderBy": "contact"},
            {"q": "!contact"},
            {"scopeQ": "/#"},
        ):
            expected = 0 if "scopeQ" in more else 150
            page = {"local": "true", "count": "true", "limit": "50", "offset": "120", **more}
            reply = await broker.get("", "/entities", **page)
            assert reply.headers["NGSILD-Results-Count"] == str(expected), more
            assert len(reply.json) == (30 if expected else 0) and b"Depot" not in reply.raw
            assert 'rel="next"' not in reply.headers.get("Link", "")
        by_id = await broker.get("", "/entities", local="true", limit=5, headers={"Prefer": "order=id"})
        assert [one["id"][-3:] for one in by_id.json] == ["000", "001", "002", "003", "004"]
        for _ in range(2):
            told = (await broker.get("", "/types/Shelter")).json
            assert told["entityCount"] == 150 and len(told["attributeDetails"]) == 1
        assert (await broker.ask("staff", "DELETE", "/entities/urn:ngsi-ld:Shelter:000")).status == 204
        assert (await broker.get("", "/types/Shelter")).json["entityCount"] == 149


async def test_what_was_answered_to_one_caller_never_reaches_another(tmp_path: Path) -> None:
    async with town(tmp_path, PUBLIC) as broker:
        await broker.put_in(shelter(1))
        for who in ("staff", "", "staff", ""):
            reply = await broker.get(who, "/entities/urn:ngsi-ld:Shelter:1")
            listed = await broker.get(who, "/entities", type="Shelter", attrs="contact")
            assert (b"phone" in reply.raw) is (who == "staff")
            assert bool(listed.json) is (who == "staff")


async def test_strangers_are_asked_for_a_credential_and_known_callers_refused(tmp_path: Path) -> None:
    async with town(tmp_path, PUBLIC, "visitor") as broker:
        reply = await broker.ask("", "POST", "/entities", shelter(1))
        assert reply.status == 401 and reply.headers["WWW-Authenticate"].startswith("Bearer")
        reply = await broker.get("visitor", "/entities", type="Shelter")
        assert reply.status == 403 and reply.json["title"] == "Not permitted"
        for tenant in ("there", "absent"):
            reply = await broker.get("", "/entities", type="Shelter", headers={"NGSILD-Tenant": tenant})
            assert reply.status == 401
