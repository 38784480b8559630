"""A protected person is, in every answer, exactly like one nothing is held about: two worlds, the same bytes. (DESIGN 3)"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from base import clock
from personal.store import exchange
from tests.personal.disclosure.sharing import ALLERGIES, PURPOSE, agree, hold, name, service
from tests.personal.live import ASAGO, YABU, Live, Reply, live_module
from tests.personal.relations.test_emergencies import FLOOD
from tests.personal.relations.test_guardians import CHILD, PARENT, act_for_child, grant

ELSEWHERE = {"nameKana": "アサゴ ジロウ", "birthDate": "1970-01-01"}
VOLATILE = re.compile(
    rb'"(id|receipt|emergency|event|exported|at|since|until|made|before|position|code)":("[^"]*"|[0-9]+|null)'
)


@dataclass
class World:
    """A town with a child, its parent, services and an emergency; what was given out before anything happened."""

    live: Live
    child: str
    event: str
    handle: str  # the child's, as the counter knew it
    own: str  # the child's, as the parent knew it
    delegation: str
    subject: str
    acted: str  # the parent's login that acts for the child


Question = Callable[[World], Awaitable[Reply]]


async def world(live: Live, *, protected: bool) -> World:
    """Build the same world twice: in one the child is protected, in the other nothing is held about it."""
    child = await live.register("kotaro", **CHILD)
    await live.register("hanako", **PARENT)
    made = (await grant(live)).json["delegation"]
    own = (await live.get("/me/represented", by=await live.resident("hanako"))).json["represented"][0][
        "resident"
    ]
    acted = await act_for_child(live)
    await service(live, "shelter", "allergies", "care-needs")
    await agree(live, child, "shelter", "allergies")
    counter = await live.staff("counter")
    found = await live.post("/residents/search", CHILD, by=counter)
    handle = found.json["residents"][0]["resident"]
    proposed = await live.post(
        "/emergencies", {**FLOOD, "items": ["allergies", "care-needs"]}, by=await live.staff("emergency")
    )
    await live.post(f"/proposals/{proposed.json['id']}/approve", None, by=await live.staff("emergency2"))
    event = str(proposed.json["body"]["emergency"])
    subject = await name(live, child, "shelter")
    peer = exchange.Peer("000000", "どこか", "http://127.0.0.1:9", "", {"keys": []}, {})
    await live.town.store.write(lambda db: exchange.put(db, peer))
    if protected:
        await hold(live, child, allergies=ALLERGIES, care_needs={"mobility": "alone"})
        await live.town.store.write(
            lambda db: exchange.link(db, "000000", "x1." + "y" * 22, child, clock.now())
        )
        cleared = await live.staff("protection")
        seen = (await live.post("/residents/search", CHILD, by=cleared)).json["residents"][0]["resident"]
        await live.post("/residents/protection", {"resident": seen, "protected": True}, by=cleared)
    else:
        await live.ask("DELETE", f"/delegations/{made}", by=counter)
        await live.post("/residents/terms", {"resident": handle, **ELSEWHERE}, by=counter)
    return World(live, child, event, handle if protected else "nobody", own, made, subject, acted)


def by_staff(path: str, login: str = "counter", **body: object) -> Question:
    async def ask(there: World) -> Reply:
        told = {key: there.handle if value == "HANDLE" else value for key, value in body.items()}
        return await there.live.post(path, told, by=await there.live.staff(login))

    return ask


def by_service(path: str, event: bool = False, **body: object) -> Question:
    async def ask(there: World) -> Reply:
        told = {"subject": there.subject, "purpose": PURPOSE, "items": ["allergies", "care-needs"], **body}
        if event:
            told["event"] = there.event
        return await there.live.post(path, told, by=await there.live.service_token("shelter"))

    return ask


def by_bulk() -> Question:
    async def ask(there: World) -> Reply:
        told = {"subjects": [there.subject], "purpose": PURPOSE, "items": ["allergies", "care-needs"]}
        reply = await there.live.post("/disclosures/bulk", told, by=await there.live.service_token("shelter"))
        return replace(reply, raw=reply.raw.replace(there.subject.encode(), b"SUBJECT"))

    return ask


def by_parent(method: str, path: str, body: object = None, *, anew: bool = True) -> Question:
    async def ask(there: World) -> Reply:
        live = there.live
        if anew:
            live.tokens.pop((live.town.id, "resident/hanako/3"), None)
        by = await live.resident("hanako") if anew else there.acted
        told = {"resident": there.own} if body == "OWN" else body
        return await live.ask(method, path.replace("DELEGATION", there.delegation), told, by=by)

    return ask


QUESTIONS: dict[str, Question] = {
    "search by name and birth date": by_staff("/residents/search", **CHILD),
    "search by birth date": by_staff("/residents/search", birthDate=CHILD["birthDate"]),
    "search in an emergency": by_staff("/residents/search", "emergency", **CHILD),
    "read by a handle from before": by_staff("/residents/read", resident="HANDLE"),
    "records by a handle from before": by_staff("/records/find", resident="HANDLE"),
    "delegations by a handle from before": by_staff("/delegations/find", resident="HANDLE"),
    "emergencies by a handle from before": by_staff("/emergencies/find", resident="HANDLE"),
    "districts by a handle from before": by_staff("/residents/districts", resident="HANDLE", districts=["oya"]),
    "a request on paper": by_staff("/rights", resident="HANDLE", right="stop", text="x", evidence="s"),
    "a link on paper": by_staff("/exchange/links", resident="HANDLE", peer="000000", evidence="s"),
    "those an incident is about": by_staff(
        "/reports/affected", "privacy", service="shelter", **{"from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}
    ),
    "a disclosure": by_service("/disclosures"),
    "a bulk disclosure": by_bulk(),
    "a disclosure in an emergency": by_service("/disclosures", event=True),
    "an exchange": by_service("/exchange/disclosures", peer="000000"),
    "the session that acted": by_parent("GET", "/me/items", anew=False),
    "the export of the session that acted": by_parent("GET", "/me/export", anew=False),
    "whom one represents": by_parent("GET", "/me/represented"),
    "acting again": by_parent("POST", "/me/acting-for", "OWN"),
    "giving it up": by_parent("DELETE", "/me/represented/DELEGATION"),
    "what one has oneself": by_parent("GET", "/me/items"),
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
async def test_two_worlds_answer_alike(tmp_path: Path, seed: int) -> None:
    """Ask everything in both worlds, forwards and backwards; whatever is not random or a moment is the same."""
    async with live_module(tmp_path / "data", (YABU, ASAGO)) as live:
        hidden, nothing = await world(live, protected=True), await world(live.at("asago"), protected=False)
        names = list(QUESTIONS) if seed == 1 else list(reversed(QUESTIONS))
        for asked in names:
            one, other = await QUESTIONS[asked](hidden), await QUESTIONS[asked](nothing)
            assert one.status == other.status, asked
            assert VOLATILE.sub(b"", one.raw) == VOLATILE.sub(b"", other.raw), asked
            assert one.headers.keys() == other.headers.keys(), asked
            if not re.search(rb'"(position|at)":', one.raw):
                assert abs(len(one.raw) - len(other.raw)) <= 8, asked
