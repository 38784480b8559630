"""Batches that concern registered sources: one batch, single operations, or a conflict. (5.6.7-5.6.10, 5.6.20)"""

from typing import Any

import pytest

from tests.federation.provision import HERE, held, keep, properties, register, shelter
from tests.live import Live, Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

A, B, C = (f"urn:ngsi-ld:Shelter:{name}" for name in "abc")
BATCHES = ["createBatch", "upsertBatch", "updateBatch", "deleteBatch", "mergeBatch"]
BOTH = pytest.mark.parametrize("offered", [BATCHES, ["redirectionOps"]], ids=["batches", "single"])


async def batch(live: Live, operation: str, body: Any, **params: str) -> Reply:
    return await live.ask("POST", f"/entityOperations/{operation}", body, params=params)


def told(reply: Reply) -> list[tuple[str, int, bool]]:
    return sorted(
        (one["entityId"], one["error"]["status"], "registrationId" in one) for one in reply.json["errors"]
    )


@BOTH
async def test_creates_parts_of_many_where_they_belong(
    front: Live, source: Live, other: Live, offered: list[str]
) -> None:
    await register(front, source, "redirect", "beds", operations=offered)
    await register(front, other, "exclusive", "photo", id=A, operations=offered)
    body = [shelter(A, name="A", beds=1, photo="p"), shelter(B, beds=2), shelter(C, name="C")]
    reply = await batch(front, "create", body)
    assert reply.status == 201
    assert sorted(reply.json) == [A, B, C]
    assert [await held(front, id) for id in (A, B, C)] == [{"name": "A"}, None, {"name": "C"}]
    assert [await held(source, id) for id in (A, B, C)] == [{"beds": 1}, {"beds": 2}, None]
    assert [await held(other, id) for id in (A, B, C)] == [{"photo": "p"}, None, None]


@BOTH
async def test_tells_which_of_many_failed_where(front: Live, source: Live, offered: list[str]) -> None:
    await register(front, source, "inclusive", operations=offered)
    await keep(front, shelter(A, name="A"))
    await keep(source, shelter(B, name="B"))
    reply = await batch(front, "create", [shelter(id, name="new") for id in (A, B, C)])
    assert reply.status == 207
    assert reply.json["success"] == [C]
    assert told(reply) == [(A, 409, False), (B, 409, True)]
    assert [await held(front, id) for id in (A, B, C)] == [{"name": "A"}, {"name": "new"}, {"name": "new"}]


@BOTH
@pytest.mark.parametrize("option", ["replace", "update"])
async def test_upserts_here_and_elsewhere(front: Live, source: Live, offered: list[str], option: str) -> None:
    await register(front, source, "redirect", "beds", "floor", operations=offered)
    await keep(front, shelter(A, name="A", note="n"))
    await keep(source, shelter(A, beds=1, floor=1))
    body = [shelter(A, name="A2", beds=2), shelter(B, name="B", beds=3)]
    reply = await batch(front, "upsert", body, options=option)
    assert (reply.status, reply.json) == (201, [B])
    kept = {} if option == "replace" else {"note": "n"}
    assert [await held(front, id) for id in (A, B)] == [{"name": "A2"} | kept, {"name": "B"}]
    kept = {} if option == "replace" else {"floor": 1}
    assert [await held(source, id) for id in (A, B)] == [{"beds": 2} | kept, {"beds": 3}]
    assert (await batch(front, "upsert", body, options=option)).status == 204


async def test_an_upsert_to_a_source_that_only_creates_is_not_supported(front: Live, source: Live) -> None:
    registration = await register(front, source, "redirect", operations=["createEntity"])
    await keep(source, shelter(A, name="A"))
    reply = await batch(front, "upsert", [shelter(A, name="A2"), shelter(B, name="B")])
    assert reply.status == 207
    assert reply.json["success"] == [B]
    (error,) = reply.json["errors"]
    assert (error["entityId"], error["registrationId"]) == (A, registration)
    assert error["error"]["type"].endswith("/OperationNotSupported")


@pytest.mark.parametrize("offered", [["replaceEntity"], ["updateEntity"]])
async def test_an_upsert_to_a_source_that_only_changes_changes(
    front: Live, source: Live, offered: list[str]
) -> None:
    await register(front, source, "redirect", operations=offered)
    await keep(source, shelter(A, name="A", beds=1))
    option = "replace" if offered == ["replaceEntity"] else "update"
    assert (await batch(front, "upsert", [shelter(A, name="A2")], options=option)).status == 204
    assert (await held(source, A) or {})["name"] == "A2"


@BOTH
async def test_updates_and_keeps_where_told_not_to_overwrite(
    front: Live, source: Live, offered: list[str]
) -> None:
    await register(front, source, "redirect", "beds", "floor", operations=offered)
    await keep(front, shelter(A, name="A"))
    await keep(source, shelter(A, beds=1))
    assert (await batch(front, "update", [shelter(A, name="A2", beds=2)])).status == 204
    assert (await held(front, A), await held(source, A)) == ({"name": "A2"}, {"beds": 2})
    body = [shelter(A, note="n", beds=3, floor=1)]
    reply = await batch(front, "update", body, options="noOverwrite")
    assert reply.status == 207
    assert [one["entityId"] for one in reply.json["errors"]] == [A]
    assert (await held(front, A), await held(source, A)) == (
        {"name": "A2", "note": "n"},
        {"beds": 2, "floor": 1},
    )


@BOTH
async def test_merges_here_and_elsewhere(front: Live, source: Live, offered: list[str]) -> None:
    await register(front, source, "redirect", "beds", operations=offered)
    await keep(front, shelter(A, name="A"))
    await keep(source, shelter(A, beds=1))
    assert (await batch(front, "merge", [shelter(A, name="A2", beds=2)])).status == 204
    assert (await held(front, A), await held(source, A)) == ({"name": "A2"}, {"beds": 2})


@BOTH
async def test_deletes_here_and_elsewhere(front: Live, source: Live, offered: list[str]) -> None:
    await register(front, source, "inclusive", operations=offered)
    for live in (front, source):
        await keep(live, shelter(A, name="A"))
    await keep(source, shelter(B, name="B"))
    assert (await batch(front, "delete", [A, B])).status == 204
    assert [await held(source, id) for id in (A, B)] == [None, None]
    assert await held(front, A) is None
    reply = await batch(front, "delete", [C])
    assert reply.status == 207
    assert {one["error"]["status"] for one in reply.json["errors"]} == {404}


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge", "delete"])
async def test_what_was_done_only_in_part_is_no_success(
    front: Live, source: Live, other: Live, operation: str
) -> None:
    for one in (front, other) if operation != "create" else ():
        await keep(one, shelter(A, name="A"))
        await keep(one, shelter(B, name="B"))
    silent = await register(front, "http://127.0.0.1:9", "inclusive", id=A, operations=BATCHES)
    await register(front, other, "inclusive", operations=BATCHES)
    body: list[Any] = [A, B] if operation == "delete" else [shelter(id, name="new") for id in (A, B)]
    reply = await batch(front, operation, body)
    assert reply.status == 207
    assert reply.json["success"] == [B]
    (error,) = reply.json["errors"]
    assert (error["entityId"], error["registrationId"]) == (A, silent)
    rest = None if operation == "delete" else {"name": "new"}
    assert [await held(live, A) for live in (front, other)] == [rest, rest]


async def test_a_source_that_offers_neither_is_a_conflict_for_each(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "beds", operations=["retrieveOps"])
    body = [shelter(A, name="A", beds=1), shelter(B, beds=2)]
    reply = await batch(front, "create", body)
    assert reply.status == 207
    assert reply.json["success"] == []
    assert told(reply) == [(A, 409, True), (B, 409, True)]
    assert await held(front, A) == {"name": "A"}
    assert await held(front, B) is None


async def test_each_item_goes_out_in_its_own_words(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "https://x.org/beds", operations=BATCHES)
    body = [
        shelter(id) | properties(**{word: 1}) | {"@context": {word: "https://x.org/beds"}}
        for id, word in ((A, "Betten"), (B, "lits"))
    ]
    assert (await batch(front, "create", body)).status == 201
    assert [await held(source, id) for id in (A, B)] == [{"https://x.org/beds": 1}] * 2


@BOTH
async def test_the_same_entity_twice_is_changed_in_order(
    front: Live, source: Live, offered: list[str]
) -> None:
    await register(front, source, "redirect", operations=offered)
    body = [shelter(A, beds=number) for number in range(5)]
    assert (await batch(front, "upsert", body)).status in (201, 204)
    assert await held(source, A) == {"beds": 4}


async def test_many_go_one_by_one_to_a_source_without_batches(front: Live, source: Live) -> None:
    await register(front, source, "redirect")
    ids = [f"urn:ngsi-ld:Shelter:{number}" for number in range(200)]
    assert (await batch(front, "create", [shelter(id, beds=1) for id in ids])).status == 201
    assert (await batch(front, "delete", ids)).status == 204


async def test_local_batches_stay_here(front: Live, source: Live) -> None:
    await register(front, source, "redirect", operations=BATCHES)
    assert (await batch(front, "create", [shelter(A, name="A")], **HERE)).status == 201
    assert await held(source, A) is None
    assert await held(front, A) == {"name": "A"}
