"""What a member of staff tries who is careless, or means ill. (issue 5: four eyes, roles, enumeration)"""

from urllib.parse import urlsplit

import pytest

from base.errors import BadRequestData
from personal.operations.actors import Role
from personal.operations.break_glass import MOST_UNREVIEWED
from personal.operations.staff import APART, join
from tests.personal.disclosure.sharing import leaves
from tests.personal.live import ASAGO, YABU, Live, live_module

HANAKO = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}


async def handle(live: Live, by: str) -> str:
    found = await live.post("/residents/search", HANAKO, by=by)
    resident: str = found.json["residents"][0]["resident"]
    return resident


async def test_who_lets_people_in_is_not_the_first_person_of_two(live: Live) -> None:
    """With another login of one's own one would be the second person, too."""
    by = await live.staff("admin")
    for role in Role:
        body = {"login": f"second-{role}", "name": "二つ目", "roles": sorted({"admin", role})}
        made = await live.post("/staff", body, by=by)
        assert made.status == (400 if role in APART else 201), role
    with pytest.raises(BadRequestData):
        await live.town.store.write(
            lambda db: join(db, "x", "X", ["admin", "catalogue"], by="", now=1) and None
        )


async def test_registering_is_no_way_to_search_without_end(live: Live) -> None:
    """Who registers is shown who may be the same: that counts as a search."""
    await live.register("hanako")
    most = live.module.settings.searches_per_hour
    by = await live.staff("counter2")
    for _ in range(most):
        assert (await live.post("/residents", HANAKO, by=by)).status == 201
    assert (await live.post("/residents", HANAKO, by=by)).status == 429
    assert (await live.post("/residents/search", HANAKO, by=by)).status == 429
    new = {"nameKana": "アサゴ タロウ", "birthDate": "2001-01-01"}
    assert (await live.post("/residents", new, by=by)).status == 201


async def test_linking_is_no_way_to_search_without_end(live: Live) -> None:
    """That a municipal id stands for somebody is told as often as searches are answered, and is on record."""
    await live.register("hanako", municipalId="1001")
    by = await live.staff("counter2")
    body = {"resident": await handle(live, by), "municipalId": "1001"}
    most = live.module.settings.searches_per_hour
    for _ in range(most):
        assert (await live.post("/residents/identifiers", body, by=by)).status == 409
    for number in ("1001", "1002"):
        again = await live.post("/residents/identifiers", {**body, "municipalId": number}, by=by)
        assert again.status == 429
    taken = {"nameKana": "アサゴ タロウ", "birthDate": "2001-01-01", "municipalId": "1001"}
    assert (await live.post("/residents", taken, by=by)).status == 429
    assert sum(one["kind"] == "resident-searched" for one in leaves(live)) >= most


async def test_nobody_looks_at_many_alone(live: Live) -> None:
    await live.register("hanako")
    by = await live.staff("emergency")
    body = {
        "resident": await handle(live, by),
        "basis": "災害対策基本法49条の11",
        "items": ["contact"],
        "reason": "本人と連絡がとれず、急を要する。",
        "minutes": 5,
    }
    done = [(await live.post("/break-glass", body, by=by)).status for _ in range(MOST_UNREVIEWED + 1)]
    assert done == [201] * MOST_UNREVIEWED + [409]
    officer = await live.staff("privacy")
    waiting = (await live.get("/proposals", by=officer)).json["proposals"]
    assert (await live.post(f"/proposals/{waiting[0]['id']}/approve", None, by=officer)).status == 204
    assert (await live.post("/break-glass", body, by=by)).status == 201


async def test_items_are_kept_only_where_there_is_a_place(live: Live) -> None:
    by = await live.staff("catalogue")
    for body in (
        {"item": "contact", "location": "cloud"},
        {"item": "contact", "location": "local", "offered": ["lgwan"]},
    ):
        reply = await live.post("/proposals", {"kind": "item-location", "body": body}, by=by)
        assert reply.status == 400 and "not set up" in reply.json["detail"]
    await live.register("hanako")
    me = await live.resident("hanako")
    reply = await live.ask("PUT", "/me/items/contact/location", {"location": "cloud"}, by=me)
    assert reply.status == 400


async def test_a_card_without_its_pin_tells_nothing_of_its_owner(live: Live) -> None:
    """Who finds a card learns neither what is held nor which services asked for what."""
    await live.register("hanako")
    found = await live.resident("hanako", level=1)
    for path in ("/me/items", "/me/accesses", "/me/accesses/0/proof", "/usage/v2/findUsage", "/me/consents",
                 "/me/receipts", "/me/export", "/me/guardians", "/me/pseudonyms", "/me/rights"):  # fmt: skip
        assert (await live.get(path, by=found)).status == 403, path


async def test_nothing_of_one_town_means_anything_in_another(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Tokens, cookies and handles of one municipality on the same server. (共同利用)"""
    async with live_module(tmp_path_factory.mktemp("two"), [YABU, ASAGO]) as live:
        other = live.at(ASAGO.id)
        await live.register("hanako")
        await live.service("shelter")
        counter, me = await live.staff("counter"), await live.resident("hanako")
        for secret in (counter, me, await live.service_token("shelter")):
            assert (await other.get("/session", by=secret)).status == 401
            assert (await other.get("/keys", by=secret)).status == 401
        resident = {"resident": await handle(live, counter)}
        assert (await live.post("/residents/read", resident, by=counter)).status == 200
        there = await other.staff("counter")
        assert (await other.post("/residents/read", resident, by=there)).status == 404
        again = await live.staff("counter2")
        assert (await live.post("/residents/read", resident, by=again)).status == 404
        for cookie in (f"asago.{counter}", f".{counter}", counter, f"yabu/../asago.{counter}", f"yabu.{me}"):
            headers = {"Cookie": f"engawa-personal={cookie}"}
            reply = await live.session.get(f"{live.url}/staff", headers=headers, allow_redirects=False)
            assert (reply.status, urlsplit(reply.headers["Location"]).path) == (303, "/staff/login"), cookie
