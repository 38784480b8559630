"""What `engawa doctor` looks at in the personal-data module: who may read its folder, port, databases, clock, doors."""

import socket
from pathlib import Path
from typing import Final

import aiosmtplib
import apsw

from base import clock
from base.access.certificates import ends
from base.access.reach import is_loopback
from base.admin import NotRunning, Refused, ask
from base.checks import Finding
from base.egress import AddressPolicy
from base.errors import Problem
from base.oidc.faults import LoginFailed
from base.settings import SettingError
from personal import providers, towns
from personal.audit import checking
from personal.operations import carriers
from personal.rules import clocks
from personal.settings import PersonalSettings, check
from personal.store import town

PART: Final = "personal"
ENOUGH_DAYS: Final = 14
_DAY: Final = 86_400 * clock.SECOND
_OTHERS: Final = 0o077


async def examine(settings: PersonalSettings) -> list[Finding]:
    """Look at everything the module needs; one finding only where it has no municipality."""
    try:
        known = towns.listed(settings.data)
    except SettingError as error:
        return [Finding(PART, "municipalities", False, str(error), "restore the data folder from a back-up")]
    if not known:
        return [Finding(PART, "municipalities", True, f"none in {settings.data}: the module is not used")]
    try:
        await ask(settings.data, "municipalities.list")
        running = True
    except (NotRunning, Refused):
        running = False
    names = ", ".join(one.name for one in known)
    return [
        Finding(PART, "municipalities", True, f"{names}; the module {'runs' if running else 'does not run'}"),
        _private(settings.data),
        _port(settings, running),
        _databases([settings.data / one.id for one in known]),
        _clock([settings.data / one.id / town.FILE for one in known]),
        *_doors(settings),
        *([await mail(settings)] if settings.smtp_host else []),
        *(await logins(settings) if settings.logins is not None else []),
    ]


def _private(folder: Path) -> Finding:
    """Look whether others on this machine may read databases or keys."""
    open_ones = [
        path
        for path in (folder, *sorted(folder.rglob("*")))
        if not path.is_symlink() and path.stat().st_mode & _OTHERS and (path.is_dir() or _secret(path))
    ]
    seen = f"{folder} is this user's only" if not open_ones else f"others may read {open_ones[0]}"
    return Finding(PART, "data folder", not open_ones, seen, f"chmod -R go-rwx {folder}")


def _secret(path: Path) -> bool:
    """Leave out what lies in a folder nobody else may enter anyway."""
    return path.parent.stat().st_mode & _OTHERS != 0


def _port(settings: PersonalSettings, running: bool) -> Finding:
    fix = "stop the other program, or give the module another port: ENGAWA_PERSONAL_PORT"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            seen = f"{settings.port}: {'the module listens' if running else error.strerror}"
            return Finding(PART, "port", running, seen, fix)
    more = "; the running module has another one" if running else ""
    return Finding(PART, "port", True, f"{settings.port} is free{more}")


def _databases(folders: list[Path]) -> Finding:
    fix = "restore the municipality's folder from a back-up, as docs/personal.md says"
    try:
        faults = [fault for folder in folders for fault in town.faults(folder)]
    except (Problem, OSError, apsw.Error) as error:
        return Finding(PART, "databases", False, f"cannot be read: {type(error).__name__}", fix)
    seen = f"{len(faults)} faults; the first: {faults[0]}" if faults else "no fault"
    return Finding(PART, "databases", not faults, seen, fix)


def _clock(files: list[Path]) -> Finding:
    """Look whether the clock is behind the audit logs: nothing is done then."""
    fix = "set the clock; if it is right and was ahead before: engawa audit accept-clock"
    now = clock.now()
    try:
        last = max(map(checking.last_entry, files))
    except apsw.Error as error:
        return Finding(PART, "clock", False, f"the log cannot be read: {type(error).__name__}", fix)
    if clocks.behind(now, last):
        seen = f"it shows {clock.show(now)}, but the audit log ends at {clock.show(last)}"
        return Finding(PART, "clock", False, seen, fix)
    return Finding(PART, "clock", True, "it is not behind the audit log")


async def mail(settings: PersonalSettings) -> Finding:
    """Look whether the mail server lets this module in; no mail is sent."""
    fix = "see smtp_host, smtp_tls, smtp_user and the files they name; until then residents' mail waits"
    try:
        async with carriers.client(settings) as server:
            await server.noop()
    except (aiosmtplib.SMTPException, OSError, SettingError) as error:
        return Finding(PART, "mail", False, f"{settings.smtp_host}: {type(error).__name__}", fix)
    secure = "in the clear" if settings.smtp_tls == "none" else "encrypted"
    return Finding(PART, "mail", True, f"{settings.smtp_host} takes mail, {secure}")


async def logins(settings: PersonalSettings) -> list[Finding]:
    """Look whether the login providers can be reached and used; nobody logs in."""
    fix = "see the file of the setting logins, and outgoing; docs/personal-login.md says what a provider has to offer"
    policy = AddressPolicy(settings.outgoing, loopback=is_loopback(settings.host))
    try:
        known = providers.read(settings.logins, policy)
    except SettingError as error:
        return [Finding(PART, "login providers", False, str(error), fix)]
    found = []
    for one in known.listed:
        issuer = one.client.registration.issuer
        try:
            await one.client.provider()
        except LoginFailed as failed:
            found.append(Finding(PART, "login provider", False, f"{one.name}, {issuer}: {failed.fault}", fix))
        else:
            found.append(Finding(PART, "login provider", True, f"{one.name}, {issuer}, can be used"))
    await known.close()
    return found


def _doors(settings: PersonalSettings) -> list[Finding]:
    try:
        check(settings)
    except SettingError as error:
        return [Finding(PART, "reach", False, str(error), "until then the module does not start")]
    found = [
        Finding(PART, "reach", True, f"{settings.host}{', over TLS' if settings.tls_certificate else ''}")
    ]
    if settings.tls_certificate is not None:
        fix = "put a new certificate there, and start the module again"
        try:
            days = (ends(settings.tls_certificate) - clock.now()) // _DAY
        except (SettingError, ValueError) as error:
            return [*found, Finding(PART, "certificate", False, str(error), fix)]
        seen = f"{settings.tls_certificate} holds for {days} days"
        found.append(Finding(PART, "certificate", days >= ENOUGH_DAYS, seen, fix))
    return found
