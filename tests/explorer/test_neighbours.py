"""The page of a neighbourhood: shelters of all towns, whose they are, who is missing. (4.3.6, 5.14, 6.3.17)"""

import contextlib
from pathlib import Path

import pytest

from broker.neighbours.joining import Neighbour, join
from broker.neighbours.talk import Talk
from engawa.demo.neighbours import CITIES, samples
from tests.explorer.test_pages import Reading, read
from tests.live import Live, live_broker

PAGE = "/explorer/neighbours"


def places(page: Reading) -> list[str]:
    return [given.get("data-town", "") for tag, given in page.tags if given.get("class") == "entry"]


async def test_shows_the_shelters_of_all_towns_and_whose_they_are(neighbourhood: Live) -> None:
    page = await read(neighbourhood, PAGE)
    assert places(page) == ["養父市"] * 5 + ["豊岡市"] * 5
    assert "10件のうち 1–10件目" in page.text
    marks = {given["class"] for tag, given in page.tags if given.get("class", "").startswith("dot")}
    assert marks >= {"dot town-0", "dot town-1"}


async def test_names_the_town_that_does_not_answer(neighbourhood: Live) -> None:
    japanese = await read(neighbourhood, PAGE)
    assert "消えた<街> から、いま返事がありません。" in japanese.text
    assert "一部の街の避難所が表示されていません" in japanese.text
    english = await read(neighbourhood, PAGE, accept="en")
    assert "消えた<街> does not answer at the moment." in english.text


async def test_finds_the_nearest_across_the_border(neighbourhood: Live) -> None:
    page = await read(neighbourhood, PAGE + "?near=35.46,134.87&km=20")
    assert places(page)[0] == "豊岡市" and set(places(page)) == {"養父市", "豊岡市"}
    only = await read(neighbourhood, PAGE + "?hazard=tsunami")
    assert places(only) == ["豊岡市"]


async def test_shows_one_kind_only(neighbourhood: Live) -> None:
    page = await read(neighbourhood, PAGE + "?type=EvacuationSite")
    assert places(page) == ["養父市"] * 2 + ["豊岡市"] * 2


async def test_an_unreadable_place_is_said_and_the_rest_is_shown(neighbourhood: Live) -> None:
    page = await read(neighbourhood, PAGE + "?near=somewhere")
    assert len(places(page)) == 10 and any(given.get("id") == "wrong" for _, given in page.tags)


async def test_entities_of_neighbours_have_their_page(neighbourhood: Live) -> None:
    page = await read(neighbourhood, PAGE)
    link = next(link for link in page.links() if "sample-toyooka-1" in link)
    assert "見本・中央体育館" in (await read(neighbourhood, link)).text


async def test_the_first_page_shows_what_is_held_here_and_leads_to_the_neighbours(
    neighbourhood: Live,
) -> None:
    page = await read(neighbourhood, "/")
    assert len(places(page)) == 5
    assert PAGE in page.links()


async def test_a_town_alone_is_told_how_to_join_others(empty: Live) -> None:
    page = await read(empty, PAGE)
    assert "engawa federation join" in page.text
    assert PAGE not in (await read(empty, "/")).links()


async def test_in_a_ring_of_towns_nobody_is_missing(tmp_path: Path) -> None:
    names = ("yabu", "toyooka", "asago")
    async with contextlib.AsyncExitStack() as stack:
        ring = [
            await stack.enter_async_context(live_broker(tmp_path / name, alias=name, title=name))
            for name in names
        ]
        for live, name, following, next_name in zip(
            ring, names, ring[1:] + ring[:1], names[1:] + names[:1], strict=True
        ):
            await live.post("/entityOperations/upsert", list(samples(CITIES[name])))
            neighbour = Neighbour(following.url, alias=next_name, local_only=False)
            await join(Talk(live.session, live.url), neighbour)
        page = await read(ring[0], PAGE)
        assert sorted(places(page)) == ["toyooka"] * 10 + ["yabu"] * 5
        assert not any(given.get("class") == "missing" for _, given in page.tags)


@pytest.mark.parametrize(
    ("rule", "status", "shown"),
    [
        ('who = "anyone"\nmay = "read"', 200, 5),
        ('who = "anyone"\nmay = "read"\ntypes = "https://datamodels.jp/ns/disaster/EvacuationSite"', 200, 2),
        ('who = "key:*"\nmay = "read"', 401, 0),
    ],
    ids=["all", "sites", "nothing"],
)
async def test_shows_what_the_policy_lets_everybody_see(
    tmp_path: Path, rule: str, status: int, shown: int
) -> None:
    policy = tmp_path / "policy.toml"
    async with live_broker(tmp_path / "yabu") as live:
        await live.post("/entityOperations/upsert", list(samples(CITIES["yabu"])))
        await join(Talk(live.session, live.url), Neighbour("http://127.0.0.1:9", alias="kieta"))
    policy.write_text(f"[[rule]]\n{rule}\n", encoding="utf-8")
    async with live_broker(tmp_path / "yabu", policy=policy) as live:
        page = await read(live, PAGE, status=status)
        assert len(places(page)) == shown
        assert "engawa federation join" not in page.text
        assert ("kieta から、いま返事がありません。" in page.text) == (status == 200)
        assert ("公開されていません" in page.text) == (status == 401)
