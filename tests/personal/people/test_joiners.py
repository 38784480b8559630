"""Who joins and leaves the staff of a municipality that is not made up: two persons, last days, lost factors. (issue 6)"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from base import clock
from engawa.command import cli
from personal.operations import staff, staff_proposals
from personal.store import staff as members
from tests.personal.live import Live, Reply, live_module
from tests.personal.login.entering import code, enter_staff, with_codes

pytestmark = pytest.mark.asyncio(loop_scope="module")
DAY = 86_400 * clock.SECOND


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    folder = tmp_path_factory.mktemp("joiners") / "data"
    async with live_module(folder, demo=False) as running:

        def work(db: Any) -> None:
            staff.join(db, "admin2", "副", ["admin"], by=staff.AT_MACHINE, now=clock.now())

        await running.town.store.write(work)
        for name in ("admin", "admin2"):
            TOKENS[name] = (await with_codes(running, name))[0]
        yield running


TOKENS: dict[str, str] = {}  # complete logins of the two administrators


async def propose(live: Live, kind: str, by: str = "admin", **body: Any) -> Reply:
    return await live.post("/proposals", {"kind": kind, "body": body}, by=TOKENS[by])


async def approve(live: Live, made: Reply, by: str = "admin2") -> Reply:
    return await live.post(f"/proposals/{made.json['id']}/approve", None, by=TOKENS[by])


async def joined(live: Live, login: str, *roles: str) -> str:
    """Let a member join with the approval of the second administrator; give their id."""
    made = await propose(live, "staff-joins", login=login, name=login, roles=list(roles))
    assert made.status == 201, made.raw
    done = await approve(live, made)
    assert done.status == 204, done.raw
    found = live.town.store.read(lambda db: members.by_login(db, login))
    assert found is not None
    return found.id


async def change(live: Live, id: str, **body: Any) -> Reply:
    return await live.ask("PATCH", f"/staff/{id}", body, by=TOKENS["admin"])


async def test_nobody_lets_anybody_in_alone(live: Live) -> None:
    body = {"login": "alone", "name": "alone", "roles": ["counter"]}
    alone = await live.post("/staff", body, by=TOKENS["admin"])
    assert alone.status == 403 and alone.json["needs"] == "proposal"
    made = await propose(live, "staff-joins", **body)
    assert (await approve(live, made, "admin")).status in (403, 409)
    assert live.town.store.read(lambda db: members.by_login(db, "alone")) is None
    assert (await approve(live, made)).status == 204
    again = await propose(live, "staff-joins", **body)
    assert again.status == 409


async def test_further_roles_need_two_and_fewer_need_one(live: Live) -> None:
    id = await joined(live, "e1", "counter", "emergency")
    assert (await change(live, id, roles=["counter", "privacy"])).status == 403
    assert (await change(live, id, roles=["counter"])).status == 200
    made = await propose(live, "staff-roles", member=id, roles=["counter", "privacy"])
    assert (await approve(live, made)).status == 204
    found = live.town.store.read(lambda db: members.find(db, id))
    assert found is not None and found.roles == ("counter", "privacy")


async def test_nobody_is_administrator_and_sees_residents(live: Live) -> None:
    both = await propose(live, "staff-joins", login="e2", name="e2", roles=["admin", "counter"])
    assert both.status == 400


async def test_who_is_suspended_is_out_at_once_and_comes_back(live: Live) -> None:
    id = await joined(live, "e3", "counter")
    token, secret = await with_codes(live, "e3")
    assert (await change(live, id, suspended=True)).status == 200
    assert (await live.get("/session", by=token)).status == 401
    with pytest.raises(Exception, match="not known here"):
        await enter_staff(live, "e3")
    assert (await change(live, id, suspended=False)).status == 200
    token = await enter_staff(live, "e3")
    assert (await live.post("/factors/give", {"code": code(secret)}, by=token)).status == 200


async def test_after_the_last_day_nobody_logs_in_and_no_login_lasts_longer(live: Live) -> None:
    id, now = await joined(live, "e4", "counter"), clock.now()
    until = clock.show(now + 60 * clock.SECOND)
    assert (await change(live, id, until=until)).json["until"] == until
    await enter_staff(live, "e4")
    last = live.town.store.read(
        lambda db: db.execute("SELECT max(until) FROM session WHERE actor = ?", (id,)).get
    )
    assert last <= clock.parse(until)
    with pytest.raises(Exception, match="not known here"):
        await enter_staff(live, "e4", now=now + 61 * clock.SECOND)
    assert (await change(live, id, until=clock.show(now - DAY))).status == 400
    assert (await change(live, id, until="soon")).status == 400
    assert "until" not in (await change(live, id, until=None)).json


async def test_one_administrator_stays_however_they_would_go(live: Live) -> None:
    listed = (await live.get("/staff", by=TOKENS["admin"])).json["staff"]
    ids = {one["login"]: one["id"] for one in listed}
    far = clock.show(clock.now() + 30 * DAY)
    assert (await change(live, ids["admin2"], until=far)).status == 200  # who leaves some day does not count
    TOKENS["admin2"] = ""
    own = await live.ask("PATCH", f"/staff/{ids['admin']}", {"until": far}, by=TOKENS["admin"])
    assert own.status == 409
    assert (await live.ask("DELETE", f"/staff/{ids['admin']}", by=TOKENS["admin"])).status == 409
    assert (await change(live, ids["admin"], suspended=True)).status == 403
    assert (await change(live, ids["admin2"], until=None)).status == 200
    await renewed(live, "admin2")


async def renewed(live: Live, name: str) -> None:
    """Let an administrator log in anew with another second factor, as one who lost theirs."""

    def work(db: Any) -> None:
        found = members.by_login(db, name)
        assert found is not None
        staff_proposals.take_away(db, found.id, by=staff.AT_MACHINE, now=clock.now())

    await live.town.store.write(work)
    TOKENS[name] = (await with_codes(live, name))[0]


async def test_a_lost_factor_is_taken_away_by_two(live: Live) -> None:
    id = await joined(live, "e5", "counter")
    none = await propose(live, "staff-lost-factor", member=id, reason="紛失")
    assert none.status == 400
    token, secret = await with_codes(live, "e5")
    assert (await live.post(f"/staff/{id}/enrolment", None, by=TOKENS["admin"])).status == 409
    made = await propose(live, "staff-lost-factor", member=id, reason="紛失")
    assert made.json["member"]["login"] == "e5"
    assert (await approve(live, made, "admin")).status in (403, 409)
    assert (await live.get("/session", by=token)).status == 200
    assert (await approve(live, made)).status == 204
    assert (await live.get("/session", by=token)).status == 401
    token = await enter_staff(live, "e5")
    assert (await live.post("/factors/give", {"code": code(secret)}, by=token)).status == 403
    handed = await live.post(f"/staff/{id}/enrolment", None, by=TOKENS["admin"])
    begun = await live.post(
        "/factors/begin", {"kind": "totp", "enrolment": handed.json["enrolment"]}, by=token
    )
    assert begun.status == 201


async def test_who_did_not_log_in_for_long_is_listed(live: Live) -> None:
    used, unused = await joined(live, "e6", "auditor"), await joined(live, "e7", "auditor")
    await enter_staff(live, "e6")
    back = "UPDATE staff SET added = added - ? WHERE id IN (?, ?)"
    await live.town.store.write(lambda db: db.execute(back, (100 * DAY, used, unused)).fetchall())
    found = await live.get("/staff", by=TOKENS["admin"], params={"unused": "90"})
    logins = {one["login"] for one in found.json["staff"]}
    assert "e7" in logins and "e6" not in logins and "admin" not in logins
    assert (await live.get("/staff", by=TOKENS["admin"], params={"unused": "x"})).status == 400


async def test_at_the_machine_codes_are_handed_out_also_for_who_lost_all(live: Live) -> None:
    added = await command(live, "staff", "add", "e8", "--name", "初", "--role", "auditor")
    first = re.search(r"(?:[A-Z2-7]{4}-){5}[A-Z2-7]{4}", added.output)
    assert added.exit_code == 0 and first
    token, _ = await with_codes(live, "e8")
    recovered = await command(live, "staff", "recover", "e8")
    assert recovered.exit_code == 0, recovered.output
    assert (await live.get("/session", by=token)).status == 401
    token, (_, enrolment) = await enter_staff(live, "e8"), recovered.output.strip().rsplit(" ", 1)
    begun = await live.post("/factors/begin", {"kind": "totp", "enrolment": enrolment}, by=token)
    assert begun.status == 201
    assert (await command(live, "staff", "recover", "nobody")).exit_code == 1
    unused = await command(live, "staff", "list", "--unused", "90", "--json")
    assert unused.exit_code == 0 and "e8" not in unused.output


async def command(live: Live, *words: str) -> Result:
    """Run a command as at the machine."""
    return await asyncio.to_thread(
        CliRunner().invoke,
        cli,
        [*words, "--data", str(live.module.settings.data)],
        prog_name="engawa",
        env={"ENGAWA_CONFIG": None, "NO_COLOR": "1"},
    )
