"""At the machine itself: what runs is listed without names, and ended. (issue 5: staff interface by CLI)"""

import json

from tests.personal.disclosure.sharing import leaves
from tests.personal.live import Live
from tests.personal.people.test_import import run
from tests.personal.relations.test_emergencies import declared, resident
from tests.personal.relations.test_guardians import CHILD, act_for_child, family, grant, protect


async def test_delegations_are_listed_without_names_and_ended(live: Live) -> None:
    await family(live)
    made = (await grant(live)).json["delegation"]
    token = await act_for_child(live)
    shown = await run(live, "delegations", "list", "--json")
    (row,) = json.loads(shown.stdout)
    assert (row["delegation"], row["relation"], "resident" in row) == (made, "parent", False)
    assert made in (await run(live, "delegations", "list")).output
    assert (await run(live, "delegations", "end", made)).exit_code == 0
    assert (await live.get("/me/items", by=token)).status == 401
    assert (leaves(live)[-1]["kind"], leaves(live)[-1]["by"]) == ("delegation-ended", "admin-socket")
    assert (await run(live, "delegations", "end", made)).exit_code == 1


async def test_of_whom_is_protected_there_is_none(live: Live) -> None:
    await family(live)
    made = (await grant(live)).json["delegation"]
    await protect(live, CHILD)
    assert json.loads((await run(live, "delegations", "list", "--json")).stdout) == []
    hidden, nothing = [await run(live, "delegations", "end", id) for id in (made, "g_nothing")]
    assert (hidden.exit_code, hidden.output) == (1, nothing.output)


async def test_an_emergency_is_ended_by_one_at_the_machine(live: Live) -> None:
    await resident(live)
    event = await declared(live)
    (row,) = json.loads((await run(live, "emergencies", "list", "--json")).stdout)
    assert (row["id"], row["services"]) == (event, ["shelter"])
    assert event in (await run(live, "emergencies", "list")).output
    assert (await run(live, "emergencies", "end", event)).exit_code == 0
    assert (await live.get("/emergencies")).json == {"emergencies": []}
    assert (await run(live, "emergencies", "end", event)).exit_code == 1
