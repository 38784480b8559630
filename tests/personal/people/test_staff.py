"""Members of staff: joiners, leavers, roles; logins, and the demonstration login. (issue 5)"""

from pathlib import Path
from typing import Any

import pytest

from base.settings import SettingError
from personal.settings import PersonalSettings, check
from tests.personal.live import ASAGO, YABU, Live, live_module


async def member(live: Live, login: str) -> dict[str, Any]:
    listed = await live.get("/staff", by=await live.staff("admin"))
    return next(one for one in listed.json["staff"] if one["login"] == login)


async def test_an_administrator_adds_and_lists_members(live: Live) -> None:
    by = await live.staff("admin")
    added = await live.post(
        "/staff", {"login": "sato", "name": "佐藤", "roles": ["counter", "emergency"]}, by=by
    )
    assert added.status == 201
    shown = await live.get("/session", by=await live.staff("sato"))
    assert (shown.json["name"], shown.json["roles"]) == ("佐藤", ["counter", "emergency"])
    again = await live.post("/staff", {"login": "sato", "name": "x", "roles": ["counter"]}, by=by)
    assert again.status == 409


async def test_only_administrators_do(live: Live) -> None:
    for login in ("counter", "catalogue", "protection", "privacy", "auditor"):
        by = await live.staff(login)
        assert (await live.get("/staff", by=by)).status == 403
        assert (
            await live.post("/staff", {"login": "x", "name": "x", "roles": ["admin"]}, by=by)
        ).status == 403
    assert (await live.get("/staff")).status == 403


async def test_who_leaves_is_logged_out_at_once(live: Live) -> None:
    token = await live.staff("counter")
    id = (await member(live, "counter"))["id"]
    assert (await live.ask("DELETE", f"/staff/{id}", by=await live.staff("admin"))).status == 204
    assert (await live.get("/session", by=token)).status == 401
    assert (await live.post("/demo/sessions", {"staff": "counter"})).status == 401
    assert (await live.ask("DELETE", f"/staff/{id}", by=await live.staff("admin"))).status == 404
    assert "left" in await member(live, "counter")


async def test_other_roles_mean_a_new_login(live: Live) -> None:
    token = await live.staff("counter")
    id = (await member(live, "counter"))["id"]
    changed = await live.ask("PATCH", f"/staff/{id}", {"roles": ["auditor"]}, by=await live.staff("admin"))
    assert changed.json["roles"] == ["auditor"]
    assert (await live.get("/session", by=token)).status == 401
    live.tokens.clear()
    assert (
        await live.post("/residents/search", {"birthDate": "2000-01-01"}, by=await live.staff("counter"))
    ).status == 403


async def test_nobody_changes_their_own_roles_and_one_administrator_stays(live: Live) -> None:
    by, id = await live.staff("admin"), (await member(live, "admin"))["id"]
    assert (await live.ask("PATCH", f"/staff/{id}", {"roles": ["counter"]}, by=by)).status == 403
    assert (await live.ask("DELETE", f"/staff/{id}", by=by)).status == 409
    await live.post("/staff", {"login": "admin2", "name": "副", "roles": ["admin"]}, by=by)
    assert (await live.ask("DELETE", f"/staff/{id}", by=await live.staff("admin2"))).status == 204


@pytest.mark.parametrize("role", ["counter", "protection", "privacy", "emergency"])
async def test_who_gives_roles_sees_no_residents(live: Live, role: str) -> None:
    both = {"login": "x", "name": "x", "roles": ["admin", role]}
    assert (await live.post("/staff", both, by=await live.staff("admin"))).status == 400


async def test_logging_out_ends_the_login(live: Live) -> None:
    token = await live.staff("counter")
    assert (await live.ask("DELETE", "/session", by=token)).status == 204
    assert (await live.get("/session", by=token)).status == 401


async def test_a_login_that_is_used_lasts_on_but_not_for_ever(live: Live) -> None:
    token = await live.staff("counter")

    async def until(used: int, made: int) -> Any:
        """Let the login be from earlier (s), use it, and say how long it still lasts (s)."""
        sql = "UPDATE session SET used = used - ? * 1000000, until = until - ? * 1000000, last = last - ? * 1000000"
        await live.town.store.write(lambda db: db.execute(sql, (used, used, made)))
        assert (await live.get("/session", by=token)).status in (200, 401)
        return live.town.store.read(lambda db: db.execute("SELECT (until - used) / 1000000 FROM session").get)

    assert await until(used=1_000, made=1_000) >= 1_799
    assert await until(used=1_000, made=41_200) <= 1_000
    await live.town.store.write(lambda db: db.execute("UPDATE session SET until = used - 1"))
    assert (await live.get("/session", by=token)).status == 401


async def test_without_demo_there_is_no_demonstration_login(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data", demo=False) as live:
        known = await live.post("/demo/sessions", {"staff": "counter"})
        nothing = await live.post("/nothing/there", {"staff": "counter"})
        assert (known.status, known.raw) == (nothing.status, nothing.raw)
        assert known.status == 404


def test_demo_is_refused_where_others_reach_it() -> None:
    with pytest.raises(SettingError, match="demo"):
        check(PersonalSettings(host="0.0.0.0", demo=True, tls_certificate=Path("x.pem")))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"staff": "counter", "resident": "x"},
        {"staff": "counter", "level": 0},
        {"resident": "x", "level": 4},
        [],
    ],
)
async def test_a_login_that_is_none_is_refused(live: Live, body: Any) -> None:
    assert (await live.post("/demo/sessions", body)).status == 400


async def test_a_login_of_one_town_is_none_in_another(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data", (YABU, ASAGO)) as live:
        token = await live.staff("counter")
        asago = live.at("asago")
        assert (await asago.get("/session", by=token)).status == 401
        handle = await live.post("/residents", {"nameKana": "ヤブ", "birthDate": "2000-01-01"}, by=token)
        read = await asago.post(
            "/residents/read", {"resident": handle.json["resident"]}, by=await asago.staff("counter")
        )
        assert read.status == 404
