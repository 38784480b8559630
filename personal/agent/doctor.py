"""What `engawa doctor` looks at in the agent inside LGWAN: its folder, what officials entered, line, certificates."""

from pathlib import Path
from typing import Any, Final

import apsw

from base import clock
from base.access.certificates import ends, pins
from base.admin import NotRunning, Refused, ask
from base.checks import Finding
from base.database import connect
from base.errors import Problem
from base.settings import SettingError
from personal.agent import revocations
from personal.agent.admin import counted
from personal.agent.settings import AgentSettings, check
from personal.agent.store import FILE, anchors, untold_since

PART: Final = "agent"
ENOUGH_DAYS: Final = 14
_DAY: Final = 86_400 * clock.SECOND
_OTHERS: Final = 0o077


async def examine(settings: AgentSettings) -> list[Finding]:
    """Look at everything the agent needs; nothing where there is none."""
    if not settings.municipality and not (settings.data / FILE).exists():
        return []
    try:
        check(settings)
        pinned = settings.pins and pins(settings.pins)
    except SettingError as error:
        return [Finding(PART, "settings", False, str(error), "until then the agent does not start")]
    known = ", and pins its certificate" if pinned else ""
    where = f"calls {settings.url}{known}" if settings.url else "gets its orders in files"
    return [
        Finding(PART, "settings", True, where),
        _private(settings.data),
        *_store(settings.data, clock.now()),
        await _line(settings),
        *_certificate(settings.certificate),
    ]


def _private(folder: Path) -> Finding:
    good = folder.is_dir() and not folder.stat().st_mode & _OTHERS
    seen = f"{folder} is this user's only" if good else f"{folder} is missing, or others may enter it"
    return Finding(PART, "data folder", good, seen, f"chmod 700 {folder}, or start the agent once")


def _store(folder: Path, now: int) -> list[Finding]:
    fix = "restore the store from a back-up: engawa agent restore"
    try:
        connection = connect(folder / FILE, readonly=True)
    except (apsw.Error, OSError) as error:
        return [Finding(PART, "database", False, f"cannot be read: {type(error).__name__}", fix)]
    try:
        whole = str(connection.pragma("quick_check")) == "ok"
        told = counted(connection, now)
        lists, asked = (
            revocations.ends(connection),
            any("lists" in one.values() for one in anchors(connection)),
        )
        restored = untold_since(connection)
    except (apsw.Error, Problem) as error:
        return [Finding(PART, "database", False, f"cannot be read: {type(error).__name__}", fix)]
    finally:
        connection.close()
    return [
        Finding(PART, "database", whole, f"{told['records']} records" if whole else "damaged", fix),
        _entered(told),
        _revocations(lists, now, asked=asked),
        _alarms(told),
        _told(restored),
    ]


def _entered(told: dict[str, Any]) -> Finding:
    seen = f"{told['officials']} officials, {told['services']} services, {told['devices']} devices"
    good = told["officials"] >= 2 and told["outsidePinned"]
    return Finding(
        PART, "officials", good, seen, "two officials pin the key of the outside: docs/personal-lgwan.md"
    )


def _revocations(lists: list[int], now: int, *, asked: bool) -> Finding:
    if not asked:
        return Finding(PART, "revocations", True, "no authority here wants them asked for")
    good = bool(lists) and min(lists) > now
    seen = f"{len(lists)} lists, the first ends {clock.show(min(lists))}" if lists else "no list"
    fix = "carry a new list in: engawa agent revocations; until then no card of that authority counts"
    return Finding(PART, "revocations", good, seen, fix)


def _alarms(told: dict[str, Any]) -> Finding:
    today = told["alarmsToday"]
    return Finding(PART, "alarms", not today, f"{today} in 24 hours", "look into each: engawa agent alarms")


def _told(restored: int | None) -> Finding:
    seen = (
        "none waits"
        if restored is None
        else f"restored {clock.show(restored * clock.SECOND)}, not told again"
    )
    return Finding(
        PART, "restored store", restored is None, seen, "at the module: engawa personal tell-again"
    )


async def _line(settings: AgentSettings) -> Finding:
    try:
        found = await ask(settings.data, "status")
    except (NotRunning, Refused):
        return Finding(PART, "line", True, "the agent does not run")
    good = found["connected"] is not False
    seen = {None: "there is none", True: "the module answers", False: "the module cannot be reached"}
    fix = "is the module up, does it know the agent's keys and certificate?"
    return Finding(PART, "line", good, seen[found["connected"]], fix)


def _certificate(file: Path | None) -> list[Finding]:
    if file is None:
        return []
    fix = "put a new certificate there, pin it at the module (lgwan_certificates), start the agent again"
    try:
        days = (ends(file) - clock.now()) // _DAY
    except (OSError, ValueError) as error:
        return [Finding(PART, "certificate", False, str(error), fix)]
    return [Finding(PART, "certificate", days >= ENOUGH_DAYS, f"{file} holds for {days} days", fix)]
