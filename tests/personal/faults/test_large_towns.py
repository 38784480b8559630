"""However many residents there are, nothing that is asked about one of them looks through all. (issue 5, done when 6)"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from base import clock
from base.admin import ask
from base.database import connect, migrate
from personal.operations import delivery
from personal.store import notices, people, schema
from tests.personal.consents.deciding import SESSION
from tests.personal.disclosure.sharing import PHONE, PURPOSE, agree, hold, name, service
from tests.personal.live import Live, live_module

LARGE = {
    "consent", "consent_event", "blind_index", "decision", "identifier", "leaf", "local_copy", "notice", "opening",
    "person", "personal", "pseudonym", "record",
}  # fmt: skip
"""Tables that have rows for every resident, or more."""
ALLOWED = {
    "SELECT coalesce(max(position) + 1, 0) FROM leaf": "it looks at the end of the index only",
    "SELECT position, at FROM leaf ORDER BY position DESC LIMIT 1": "it looks at the end of the table only",
    "SELECT top FROM named UNION SELECT top FROM personal": "once, at the start, in an index",
}


@pytest.fixture
def said() -> Iterator[dict[str, str]]:
    """Gather every statement that is said to a database, with the file it was said to."""
    found: dict[str, str] = {}

    def watch(connection: apsw.Connection) -> None:
        file = connection.filename

        def told(event: dict[str, Any]) -> None:
            found[event["sql"]] = file

        connection.trace_v2(apsw.SQLITE_TRACE_STMT, told)

    apsw.connection_hooks.append(watch)
    try:
        yield found
    finally:
        apsw.connection_hooks.remove(watch)


async def live_through(live: Live) -> None:
    """Do what residents, services and staff do every day."""
    token = await service(live, "shelter", "contact", "allergies")
    person = await live.register("hanako")
    await hold(live, person, contact=PHONE)
    await agree(live, person, "shelter", "contact")
    subject, by, staff = (
        await name(live, person, "shelter"),
        await live.resident("hanako"),
        await live.staff("counter"),
    )
    asked = {"purpose": PURPOSE, "items": ["contact", "allergies"]}
    code = (await live.post("/me/sharing-codes", {"items": ["contact"], "minutes": 5}, by=by)).json["code"]
    found = await live.post(
        "/residents/search", {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}, by=staff
    )
    prepared = {"service": "shelter", "purpose": PURPOSE, "agree": ["allergies"]}
    made = (await live.post("/me/consents/prepare", prepared, by=by)).json["prepared"]
    query = {
        "type": "Query",
        "entities": [{"id": f"urn:ngsi-ld:Person:{subject}", "type": "Person"}],
        "pick": ["contact"],
        "purpose": PURPOSE,
    }
    handle = found.json["residents"][0]["resident"]
    replies = [
        await live.post("/disclosures", {"subject": subject, **asked}, by=token),
        await live.post("/disclosures/bulk", {"subjects": [subject], **asked}, by=token),
        await live.post("/ngsi-ld/v1/entityOperations/query", query, by=token),
        await live.post("/sharing-codes/redeem", {"code": code, "purpose": PURPOSE}, by=token),
        await live.ask("PUT", "/me/items/contact", {"value": PHONE, "expectedVersion": 1}, by=by),
        await live.get("/me/items/contact", by=by),
        await live.post("/me/consents", {"prepared": made, "evidence": SESSION}, by=by),
        await live.get("/me/consents", by=by),
        await live.get("/me/accesses", by=by),
        await live.get("/me/receipts", by=by),
        await live.get("/me/pseudonyms", by=by),
        await live.post("/pseudonyms/rotate", {"service": "shelter"}, by=by),
        await live.post("/me/consents/withdraw", {"service": "shelter"}, by=by),
        await live.post("/residents/read", {"resident": handle}, by=staff),
        await live.post("/records/read", {"resident": handle, "item": "contact"}, by=staff),
        await live.ask("DELETE", "/me/items/contact", by=by),
        await live.get("/notices", by=token),
        await live.get("/audit/head"),
    ]
    assert all(reply.status < 300 for reply in replies), [
        reply.raw for reply in replies if reply.status >= 300
    ]
    line = {
        "municipalId": "1",
        "nameKana": "ヤブ タロウ",
        "birthDate": "1990-04-01",
        "items": {"contact": PHONE},
    }
    for _ in range(2):
        await ask(live.module.settings.data, "residents.import", municipality="yabu", lines=[(1, line)])
    assert live.module.web is not None
    await delivery.Sender(live.town, live.module.web).round(clock.now())


async def test_nothing_that_is_done_every_day_looks_through_all_residents(
    tmp_path: Path, said: dict[str, str]
) -> None:
    async with live_module(tmp_path / "data") as live:
        await live_through(live)
        plans = {sql: list(_plan(Path(file), sql)) for sql, file in said.items() if _asks(sql)}
    scans = {sql: [step for step in steps if _looks_through(step)] for sql, steps in plans.items()}
    assert len(plans) > 100
    wrong = {sql: steps for sql, steps in scans.items() if steps and sql not in ALLOWED}
    assert not wrong, "\n".join(f"{sql}: {steps}" for sql, steps in wrong.items())


def _asks(sql: str) -> bool:
    return sql.lstrip().split()[0] in ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")


def _plan(file: Path, sql: str) -> Iterator[str]:
    numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    bindings = [None] * max([len(re.findall(r"\?(?!\d)", sql)), *numbered])
    connection = connect(file, readonly=True)
    try:
        for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings):
            yield step
    finally:
        connection.close()


def _looks_through(step: str) -> bool:
    """Say whether a step reads a whole table, or all of a large part of one for a key that all share."""
    words = step.split()
    return (words[0] == "SCAN" and words[1] in LARGE) or "AUTOMATIC" in step


def test_an_outbox_of_an_older_version_goes_on(tmp_path: Path) -> None:
    db = connect(tmp_path / "old.db")
    migrate(db, schema.STEPS[: schema.STEPS.index(schema.OUTBOX)])
    people.add(db, "r_1", 1)
    for number, delivered in enumerate((None, 5, 15)):
        row = (f"n_{number}", "shelter", "r_1", "item-changed", "p1.x", "{}", 1, 0.5, delivered)
        db.execute(
            "INSERT INTO notice (id, service, person, event, subject, facts, due, place, delivered)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
    migrate(db, schema.STEPS)
    notices.forget(db, 10)
    assert [id for (id,) in db.execute("SELECT id FROM notice ORDER BY id")] == ["n_0", "n_2"]
    assert notices.addressees(db, 10) == ["shelter"]
    db.close()
