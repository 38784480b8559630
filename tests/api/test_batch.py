"""Batch operations over HTTP: each item as if it had come alone, in order. (5.6.7–5.6.10, 5.6.20, 5.5.11)"""

from typing import Any

import pytest

from tests.live import Live

A, B = "urn:ngsi-ld:T:a", "urn:ngsi-ld:T:b"


def entity(id: str, **attributes: Any) -> dict[str, Any]:
    return {"id": id, "type": "T", **attributes}


async def test_creates_and_tells_what_was_there(live: Live) -> None:
    assert (await live.post("/entityOperations/create", [entity(A, n=1)])).json == [A]
    reply = await live.post(
        "/entityOperations/create", [entity(A, n=2), entity(B, n=2), entity(B, n=3), {"id": "x"}]
    )
    assert reply.status == 207
    assert reply.json["success"] == [B]
    assert [error.get("entityId") for error in reply.json["errors"]] == ["x", A, B]
    assert (await live.get(f"/entities/{B}")).json["n"]["value"] == 2


async def test_upserts_by_replacing_or_updating(live: Live) -> None:
    assert (await live.post("/entityOperations/upsert", [entity(A, n=1, m=1)])).json == [A]
    assert (
        await live.post("/entityOperations/upsert", [entity(A, n=2)], params={"options": "update"})
    ).status == 204
    assert set((await live.get(f"/entities/{A}")).json) == {"id", "type", "n", "m"}
    reply = await live.post("/entityOperations/upsert", [entity(A, n=3), entity(B, n=1)])
    assert (reply.status, reply.json) == (201, [B])
    assert set((await live.get(f"/entities/{A}")).json) == {"id", "type", "n"}


async def test_updates_only_what_is_there(live: Live) -> None:
    await live.post("/entityOperations/create", [entity(A, n=1)])
    reply = await live.post("/entityOperations/update", [entity(A, n=2, m=2), entity(B, n=1)])
    assert (reply.status, reply.json["success"]) == (207, [A])
    assert reply.json["errors"][0]["error"]["type"].endswith("ResourceNotFound")
    reply = await live.post("/entityOperations/update", [entity(A, n=9)], params={"options": "noOverwrite"})
    assert reply.status == 207
    assert (await live.get(f"/entities/{A}")).json["n"]["value"] == 2


async def test_merges(live: Live) -> None:
    await live.post("/entityOperations/create", [entity(A, n=1, m=1)])
    assert (await live.post("/entityOperations/merge", [entity(A, m="urn:ngsi-ld:null", k=1)])).status == 204
    assert set((await live.get(f"/entities/{A}")).json) == {"id", "type", "n", "k"}


async def test_deletes_the_first_and_misses_the_second(live: Live) -> None:
    await live.post("/entityOperations/create", [entity(A), entity(B)])
    assert (await live.post("/entityOperations/delete", [A])).status == 204
    reply = await live.post("/entityOperations/delete", [B, B, "urn:x:none"])
    assert (reply.status, reply.json["success"]) == (207, [B])
    assert [error["entityId"] for error in reply.json["errors"]] == [B, "urn:x:none"]


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge", "delete"])
@pytest.mark.parametrize("body", [[], [None], {}, "x"])
async def test_refuses_empty_batches_and_null(live: Live, operation: str, body: Any) -> None:
    assert (await live.post(f"/entityOperations/{operation}", body)).status == 400


async def test_each_item_has_its_own_context(live: Live) -> None:
    items = [
        entity(A, n=1) | {"@context": {"n": "https://example.org/one"}},
        entity(B, n=2) | {"@context": {"n": "https://example.org/two"}},
    ]
    assert (await live.post("/entityOperations/create", items)).status == 201
    assert (await live.get(f"/entities/{A}")).json["https://example.org/one"]["value"] == 1
    assert (await live.get(f"/entities/{B}")).json["https://example.org/two"]["value"] == 2


async def test_a_batch_of_nothing_valid_makes_no_tenant(live: Live) -> None:
    tenant = {"NGSILD-Tenant": "yet-unknown"}
    for kind in ("create", "upsert"):
        reply = await live.post(
            f"/entityOperations/{kind}", [{"id": "no uri", "type": "T"}, 5], headers=tenant
        )
        assert reply.status == 207 and reply.json["success"] == []
        assert (await live.get("/entities", type="T", headers=tenant)).status == 404
    both = [{"id": "no uri", "type": "T"}, {"id": "urn:x:1", "type": "T"}]
    assert (await live.post("/entityOperations/create", both, headers=tenant)).status == 207
    assert (await live.get("/entities", type="T", headers=tenant)).status == 200
