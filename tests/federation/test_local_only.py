"""A ring of towns registered with localOnly: each is asked for what it holds itself, in maps too. (5.2.34, 5.5.13)"""

from pathlib import Path

from tests.federation.shared_towns import registered, shelter, towns


async def test_a_map_names_only_the_town_that_holds_an_entity(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as ring:
        names = ("a", "b", "c")
        for where, name in enumerate(names):
            await ring.put(where, shelter(name, capacity=1))
        front, others = ring.here, ring.others
        wanted = {}
        for where, other in enumerate(others, start=1):
            alone = {"management": {"localOnly": True}}
            wanted[shelter(names[where])["id"]] = [await registered(front, other.url, **alone)]
            for beyond in (front, *others):
                if beyond is not other:
                    await registered(other, beyond.url, **alone)
        made = await front.get("/entityMaps", type="Shelter")
        assert made.status == 201
        assert made.json["entityMap"] == {**wanted, shelter("a")["id"]: ["@none"]}
