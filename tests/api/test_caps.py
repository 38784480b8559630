"""Limits of what a tenant keeps, as clients meet them: subscriptions, and values indexed on demand. (docs/settings.md)"""

from pathlib import Path

from tests.live import live_broker

TYPE = "https://example.org/Lamp"
SEEN = ("one", "two", "three", "four")


async def test_a_subscription_too_many_is_refused_until_one_goes(tmp_path: Path) -> None:
    body = {
        "type": "Subscription",
        "entities": [{"type": TYPE}],
        "notification": {"endpoint": {"uri": "http://127.0.0.1:9/nobody"}},
    }
    async with live_broker(tmp_path, subscriptions=2) as live:
        made = [await live.post("/subscriptions", body) for _ in range(3)]
        assert [one.status for one in made[:2]] == [201, 201]
        assert made[2].status == 403, made[2].raw
        assert "2" in made[2].json["detail"], made[2].json
        gone = await live.ask("DELETE", made[0].headers["Location"].removeprefix("/ngsi-ld/v1"))
        assert gone.status == 204
        assert (await live.post("/subscriptions", body)).status == 201


async def test_more_attributes_than_are_indexed_are_answered_all_the_same(tmp_path: Path) -> None:
    lamps = [{"id": f"urn:lamp:{n}", "type": TYPE, **dict.fromkeys(SEEN, n)} for n in range(40)]
    async with live_broker(tmp_path, value_indexes=2, index_threshold=10) as live:
        assert (await live.post("/entityOperations/create", lamps)).status == 201
        for round in range(3):
            for name in SEEN:
                found = await live.get("/entities", type=TYPE, q=f"{name}>=38", format="keyValues")
                assert [one["id"] for one in found.json] == ["urn:lamp:38", "urn:lamp:39"], (round, name)
            changed = await live.ask("PATCH", "/entities/urn:lamp:0/attrs", {"one": {"value": 100 + round}})
            assert changed.status == 204
            found = await live.get("/entities", type=TYPE, q=f"one=={100 + round}", format="keyValues")
            assert [one["id"] for one in found.json] == ["urn:lamp:0"]
            assert (
                await live.ask("PATCH", "/entities/urn:lamp:0/attrs", {"one": {"value": 0}})
            ).status == 204
