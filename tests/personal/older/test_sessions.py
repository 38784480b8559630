"""Logins and tokens of a database from before sessions had names stay what they were. (issue 6)"""

from pathlib import Path
from typing import Any

from base import clock
from base.database import connect, migrate
from personal.store import schema, service_logins, sessions
from personal.store.service_logins import Token, TokenKind
from personal.store.sessions import Session

FAMILIES = schema.STEPS.index(schema.FAMILIES)
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


def test_refresh_tokens_from_before_families_stay_good_and_those_that_were_spent_known(
    tmp_path: Path,
) -> None:
    now = clock.now()
    db: Any = connect(tmp_path / "personal.db")
    migrate(db, schema.STEPS[:FAMILIES])
    db.execute("INSERT INTO person (id, state, created, changed) VALUES ('r_1', 'here', 0, 0)")
    db.execute(
        "INSERT INTO service_login VALUES ('g_1', 's', 'library', 'r_1', 'p', 'l_1', '{}', 3, 'card', 0, 1,"
        " ?1, ?2, ?1, ?1, x'00')",
        (now, now + HOUR),
    )
    for secret, used in (("spent", now), ("open", None)):
        token = Token("g_1", TokenKind.REFRESH, "", now, now + HOUR, used)
        service_logins.keep(db, secret, token)
    migrate(db, schema.STEPS)
    for secret, used in (("spent", now), ("open", None)):
        found = service_logins.token(db, secret, now)
        assert found is not None and found.used == used
    made = service_logins.succeed(db, "open", Token("g_1", TokenKind.REFRESH, "", now, now + HOUR))
    last = service_logins.succeed(db, made, Token("g_1", TokenKind.REFRESH, "", now, now + HOUR))
    assert service_logins.relative(db, made, now) == service_logins.find(db, "g_1")
    assert service_logins.relative(db, last, now) is None
    db.close()
