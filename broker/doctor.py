"""What `engawa doctor` looks at in a broker: folder, disk, port, databases, preloaded contexts."""

import os
import shutil
import socket
from pathlib import Path

import apsw
import orjson

from base import clock
from base.access import issuers
from base.access.certificates import Tls, ends
from base.access.reach import is_loopback
from base.admin import NotRunning, Refused, ask
from base.checks import Finding
from base.console import counted
from base.errors import Problem
from base.settings import SettingError
from broker.access import policy_file
from broker.api import callers
from broker.settings import BrokerSettings, check_reach

ENOUGH_BYTES = 500_000_000
ENOUGH_DAYS = 14
DAY = 86_400 * clock.SECOND


async def examine(settings: BrokerSettings) -> list[Finding]:
    """Look at everything this broker needs; asks the running broker for what only it can say."""
    try:
        running = await ask(settings.data, "stats")
    except (NotRunning, Refused):
        running = None
    return [
        _folder(settings.data),
        _disk(settings.data),
        _port(settings, running is not None),
        await _databases(settings, running is not None),
        *_contexts(settings.context_folder),
        *_policy(settings.policy),
        *_doors(settings),
    ]


def _folder(folder: Path) -> Finding:
    existing = _existing(folder)
    good = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    seen = f"{folder} {'can be written' if good else 'cannot be written'}"
    if existing != folder.absolute() and good:
        seen = f"{folder} is made at the first start"
    return Finding(
        "broker",
        "data folder",
        good,
        seen,
        f"let this user write to {existing}, or choose another folder with --data",
    )


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(_existing(folder)).free
    return Finding(
        "broker",
        "disk",
        free > ENOUGH_BYTES,
        f"{free / 1e9:.1f} GB free",
        "make room: the broker stops taking changes when the disk is full",
    )


def _port(settings: BrokerSettings, running: bool) -> Finding:
    fix = "stop the other program, or give the broker another port with --port"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if running:
                return Finding("broker", "port", True, f"{settings.port}: the broker listens")
            return Finding("broker", "port", False, f"{settings.port}: {error.strerror}", fix)
    if running:
        return Finding("broker", "port", True, f"{settings.port} is free; the running broker has another one")
    return Finding("broker", "port", True, f"{settings.port} is free")


async def _databases(settings: BrokerSettings, running: bool) -> Finding:
    fix = "restore the tenant's file from a back-up, and report this with what 'engawa version' prints"
    try:
        if running:
            faults = await ask(settings.data, "check", seconds=3600)
            seen = "no fault; asked the running broker"
        else:
            faults = await _read_databases(settings)
            seen = "no fault; read the files, the broker does not run"
    except (Problem, OSError, apsw.Error) as error:
        return Finding("broker", "databases", False, f"cannot be read: {error}", fix)
    if faults:
        seen = f"{counted(len(faults), 'fault')}; the first: {faults[0]}"
    return Finding("broker", "databases", not faults, seen, fix)


async def _read_databases(settings: BrokerSettings) -> list[str]:
    from broker.store.sqlite.catalogue import SqliteCatalogue

    if not (settings.data / "catalogue.db").exists():
        return []
    catalogue = SqliteCatalogue(settings)
    try:
        return [fault for name in catalogue.databases() for fault in catalogue.open(name).check()]
    finally:
        await catalogue.close()


def _policy(file: Path | None) -> list[Finding]:
    if file is None:
        return []
    try:
        rules = policy_file.load(file).rules
    except SettingError as error:
        fix = "mend the file as docs/access.md says; until then the broker does not start with it"
        return [Finding("broker", "policy", False, str(error), fix)]
    others = bool(file.stat().st_mode & 0o022)
    seen = f"{counted(len(rules), 'rule')} in {file}" + (", which others may write" if others else "")
    return [Finding("broker", "policy", not others, seen, f"chmod go-w {file}" if others else "")]


def _reach(settings: BrokerSettings) -> Finding:
    """Look at whom the broker lets in. (docs/security.md)"""
    try:
        check_reach(settings)
    except SettingError as error:
        fix = "name a policy with --policy, or stay on 127.0.0.1; until then the broker does not start"
        return Finding("broker", "reach", False, str(error), fix)
    if settings.policy is not None:
        return Finding("broker", "reach", True, f"{settings.host}, with a policy")
    seen = "this machine only" if is_loopback(settings.host) else "anybody may read and write (--open)"
    return Finding("broker", "reach", True, f"{settings.host}: {seen}")


def _doors(settings: BrokerSettings) -> list[Finding]:
    """Look at the certificate, and at the files that say who callers are."""
    findings = [_reach(settings)]
    if settings.tls_certificate is not None:
        fix = "put a new certificate there; the running broker takes it by itself"
        try:
            Tls(callers.tls_files(settings, settings.tls_certificate))
            days = (ends(settings.tls_certificate) - clock.now()) // DAY
        except (SettingError, ValueError) as error:
            findings.append(Finding("broker", "certificate", False, str(error), fix))
        else:
            seen = f"{settings.tls_certificate} holds for {counted(days, 'day')}"
            findings.append(Finding("broker", "certificate", days >= ENOUGH_DAYS, seen, fix))
    if settings.issuers is not None:
        fix = "mend the file as docs/security.md says; until then the broker does not start with it"
        try:
            names = ", ".join(issuer.name for issuer in issuers.read(settings.issuers))
        except SettingError as error:
            findings.append(Finding("broker", "issuers", False, str(error), fix))
        else:
            findings.append(Finding("broker", "issuers", True, names))
    return findings


def _contexts(folder: Path | None) -> list[Finding]:
    if folder is None:
        return []
    try:
        index = orjson.loads((folder / "index.json").read_bytes())
        for url, name in index.items():
            if not isinstance(orjson.loads((folder / name).read_bytes()), dict):
                raise ValueError(f"the file for {url} holds no JSON object")
    except (OSError, ValueError, AttributeError, TypeError) as error:
        fix = "give the folder an index.json that maps URLs to files with JSON-LD contexts"
        return [Finding("broker", "contexts", False, f"{folder}: {error}", fix)]
    return [Finding("broker", "contexts", True, f"{len(index)} in {folder}")]
