"""Logins and tokens of a database from before sessions had names stay what they were. (issue 6)"""

from pathlib import Path
from typing import Any

from base import clock
from base.database import connect, migrate
from personal.store import schema, sessions
from personal.store.sessions import Session

BEFORE = schema.STEPS.index(schema.LOGINS)
HOUR = 3_600 * clock.SECOND


def test_logins_from_before_get_names_and_an_end_and_tokens_none(tmp_path: Path) -> None:
    now = clock.now()
    db: Any = connect(tmp_path / "personal.db")
    migrate(db, schema.STEPS[:BEFORE])
    for kind in ("resident", "staff", "service"):
        row = (
            sessions.digest(kind),
            kind,
            "a",
            None,
            "counter" if kind == "staff" else "",
            3,
            now,
            now,
            now + HOUR,
        )
        db.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    migrate(db, schema.STEPS)
    found = {kind: sessions.find(db, kind, now) for kind in ("resident", "staff", "service")}
    assert all(
        one is not None and (one.made, one.until, one.level) == (now, now + HOUR, 3) for one in found.values()
    )
    resident, staff, service = (one for one in found.values() if one is not None)
    assert resident.id != staff.id and resident.id.startswith("l_") and not service.id
    assert staff.roles == ("counter",) and staff.proven == now and not staff.wanted
    assert resident.last == staff.last == now + 12 * HOUR and service.last == now + HOUR
    assert (resident.method, service.method) == ("demo", "")
    sessions.keep(db, "new", Session("resident", "a", "a", (), 3, now, now, now + HOUR, id="l_new"))
    assert [one.id for one in sessions.of_actor(db, "resident", "a", now)] == sorted(["l_new", resident.id])
    assert sessions.end_all(db, "staff", "a") == 1 and sessions.find(db, "staff", now) is None
    db.close()
