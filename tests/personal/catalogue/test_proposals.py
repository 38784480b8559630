"""Four eyes in any order: what is in force was proposed by one and approved by another. (DESIGN 3)"""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personal.rules import catalogue
from personal.store import proposals, services
from tests.personal.catalogue.test_four_eyes import decide, propose, public_key
from tests.personal.live import Live, asked, described, live_module, purpose

PEOPLE = ("catalogue", "catalogue2", "counter", "admin")
VERSIONS = [
    described(purpose("reception", asked("basic-four", retentionDays=days, need=need), *more))
    for days in (10, 30)
    for need in ("optional", "required")
    for more in ((), (asked("contact"),))
]
steps = st.lists(
    st.tuples(st.just("propose"), st.sampled_from(PEOPLE), st.integers(0, len(VERSIONS) - 1))
    | st.tuples(
        st.sampled_from(("approve", "refuse", "withdraw")), st.sampled_from(PEOPLE), st.integers(0, 3)
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_nothing_is_in_force_without_a_second_person(
    tmp_path_factory: Any, steps: list[tuple[str, str, int]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("town")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story(folder, steps))


async def story(folder: Path, steps: list[tuple[str, str, int]]) -> None:
    async with live_module(folder / "data") as live:
        made: list[tuple[str, str]] = []
        in_force: dict[str, Any] | None = None
        for verb, who, which in steps:
            if verb == "propose":
                keys = {} if in_force else {"keys": public_key()}
                body = {"service": "shelter", "description": VERSIONS[which], **keys}
                reply = await propose(live, "service", body, by=who)
                if reply.status == 201:
                    assert who.startswith("catalogue")
                    made.append((reply.json["id"], who))
            elif made:
                id, proposer = made[-1 - which % len(made)]
                reply = await decide(live, id, verb, by=who, body={} if verb == "refuse" else None)
                if verb == "approve" and reply.status == 204:
                    assert who != proposer
                    assert who.startswith("catalogue")
                    in_force = described_by(live, id)
                if verb == "withdraw" and reply.status == 204:
                    assert who == proposer
            assert_in_force(live, in_force)


def described_by(live: Live, id: str) -> dict[str, Any]:
    found = live.town.store.read(lambda db: proposals.find(db, id))
    assert found is not None
    described: dict[str, Any] = found.body["description"]
    return described


def assert_in_force(live: Live, expected: dict[str, Any] | None) -> None:
    """Compare with what was approved last; every version that asks for more is the least one from then on."""
    service = live.town.store.read(lambda db: services.find(db, "shelter"))
    versions = live.town.store.read(lambda db: services.versions(db, "shelter"))
    assert (None if service is None else service.description) == expected
    for before, after in pairwise(versions):
        assert after.wider is catalogue.wider(before.description, after.description)
    if service is not None:
        assert service.least == max(one.version for one in versions if one.wider)
        for one in versions:
            decided = live.town.store.read(lambda db, id=one.proposal: proposals.find(db, id))  # type: ignore[misc]
            assert decided is not None
            assert decided.decided_by not in (None, decided.proposed_by)


async def test_a_proposal_whose_time_is_over_is_not_approved(live: Live) -> None:
    body = {"service": "shelter", "description": described(), "keys": public_key()}
    made = await propose(live, "service", body)
    await live.town.store.write(lambda db: db.execute("UPDATE proposal SET until = 1"))
    shown = await live.get(f"/proposals/{made.json['id']}", by=await live.staff("catalogue2"))
    assert shown.json["expired"] is True
    late = await decide(live, made.json["id"])
    assert late.status == 409
    assert "over" in late.json["detail"]
    assert (await live.get("/services")).json == {"services": []}


async def test_unknown_kinds_and_proposals_are_refused(live: Live) -> None:
    assert (await propose(live, "horoscope", {})).status == 400
    assert (await propose(live, "service", {"service": "Big Letters", "description": {}})).status == 400
    assert (await decide(live, "q_nothing")).status == 404
    by = await live.staff("catalogue")
    assert (await live.get("/proposals", by=by, params={"state": "expired"})).status == 400
