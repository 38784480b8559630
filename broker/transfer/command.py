"""The commands that take a tenant out of the running broker and put it into one. (docs/transfer.md)"""

import asyncio
import contextlib
import gzip
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import click
import orjson

from base.admin import ask, ask_for_bytes
from base.console import (
    FAILED,
    Failure,
    counted,
    json_option,
    progress,
    read_settings,
    setting_options,
    show_json,
    tell,
)
from broker.settings import PREFIX, SECTION, BrokerSettings
from broker.transfer.form import check_header

LINES: Final = 200
BYTES: Final = 1 << 20
SHOWN: Final = 20
NOUNS: Final = {
    "entity": ("entity", "entities"),
    "history": ("history", "histories"),
    "instances": ("line of instances", "lines of instances"),
    "context": ("@context",),
}

_at_broker = setting_options(BrokerSettings, PREFIX, only=("data",))
Numbered = tuple[int, Any]


def _folder(place: dict[str, Any]) -> Path:
    config = place.pop("config")
    return read_settings(BrokerSettings, prefix=PREFIX, section=SECTION, given=place, config=config).data


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--tenant", default="", help="Tenant to take out. [default: the default tenant]")
@_at_broker
@json_option
def export_tenant(file: Path, tenant: str, as_json: bool, **place: Any) -> None:
    """Write all that a tenant holds to a file of JSON lines.

    The broker goes on running. FILE ending in .gz is compressed; - is standard output.
    docs/transfer.md describes the form.

    \b
    Example:
      engawa export harbour.jsonl.gz --tenant harbour
    """
    folder = _folder(place)
    if str(file) == "-":
        asyncio.run(_write(folder, tenant, sys.stdout.buffer))
        return
    if not file.absolute().parent.is_dir():
        raise click.BadParameter(f"the folder '{file.parent}' does not exist", param_hint="'FILE'")
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)  # subscriptions hold the credentials of their endpoints
    try:
        with _opened(part, file.suffix, "wb") as out:
            counts = asyncio.run(_write(folder, tenant, out))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    tell({"file": str(file), "counts": counts}, as_json, f"{file}: {_told(counts) or 'an empty tenant'}.")


async def _write(folder: Path, tenant: str, out: IO[bytes]) -> dict[str, int]:
    last = b""
    with progress() as bar:
        task = bar.add_task("lines", total=None)
        async for piece in ask_for_bytes(folder, "transfer.export", tenant=tenant):
            out.write(piece)
            last = (last + piece)[-(1 << 18) :]
            bar.advance(task, piece.count(b"\n"))
    end = orjson.loads(last.rstrip(b"\n").rpartition(b"\n")[2] or b"{}")
    if end.get("kind") != "end":
        raise Failure("the export broke off", "The broker's log says why; the file was not kept.")
    counts: dict[str, int] = end["counts"]
    return counts


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--tenant", default=None, help="Tenant to put it into. [default: that of the file]")
@click.option("--replace", is_flag=True, help="Replace what is there and differs.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_at_broker
@json_option
def import_tenant(
    file: Path, tenant: str | None, replace: bool, dry_run: bool, as_json: bool, **place: Any
) -> None:
    """Put an exported tenant into the running broker.

    Times and identifiers are as they were. What is there already stays, so that an import that was broken off is
    simply called again. Lines that cannot be taken are listed; the exit code is 1 then.

    \b
    Example:
      engawa import harbour.jsonl.gz --tenant harbour --dry-run
    """
    folder = _folder(place)
    with contextlib.ExitStack() as stack:
        lines = (
            sys.stdin.buffer if str(file) == "-" else stack.enter_context(_opened(file, file.suffix, "rb"))
        )
        report = asyncio.run(_read(folder, tenant, lines, {"replace": replace, "write": not dry_run}))
    if as_json:
        show_json({**report, "dryRun": dry_run})
    else:
        _tell(report, dry_run)
    if report["rejected"] or not report["complete"]:
        sys.exit(FAILED)


async def _read(folder: Path, tenant: str | None, lines: IO[bytes], how: dict[str, bool]) -> dict[str, Any]:
    numbered = _numbered(lines)
    first: Numbered = next(numbered, (0, None))
    header: Any = first[1]
    check_header(header)
    into = header["tenant"] if tenant is None else tenant
    await ask(folder, "transfer.begin", tenant=into, header=header)
    fixed = {"tenant": into, "origin": header.get("instances", ""), **how}
    new: Counter[str] = Counter()
    unchanged: Counter[str] = Counter()
    rejected: list[tuple[int, str]] = []
    complete = False
    with progress() as bar:
        task = bar.add_task("lines", total=None)
        for group in _groups(numbered):
            sent = [(number, line) for number, line in group if isinstance(line, dict)]
            rejected += [(number, "The line is no JSON object.") for number, line in group if line is None]
            complete = complete or any(line.get("kind") == "end" for _, line in sent)
            sent = [(number, line) for number, line in sent if line.get("kind") != "end"]
            done = await ask(folder, "transfer.put", seconds=600.0, lines=sent, **fixed)
            new.update(done["new"])
            unchanged.update(done["unchanged"])
            rejected += [(number, reason) for number, reason in done["rejected"]]
            bar.advance(task, len(group))
    if how["write"]:
        await ask(folder, "transfer.finish", seconds=600.0, tenant=into)
    return {
        "tenant": into,
        "new": dict(new),
        "unchanged": dict(unchanged),
        "rejected": [{"line": number, "reason": reason} for number, reason in sorted(rejected)],
        "complete": complete,
    }


def _numbered(lines: IO[bytes]) -> Iterator[Numbered]:
    for number, raw in enumerate(lines, 1):
        if raw.strip():
            try:
                line = orjson.loads(raw)
            except orjson.JSONDecodeError:
                line = None
            yield number, line if isinstance(line, dict) else None


def _groups(numbered: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    group: list[Numbered] = []
    size = 0
    for number, line in numbered:
        group.append((number, line))
        size += len(orjson.dumps(line))
        if len(group) >= LINES or size >= BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _opened(file: Path, suffix: str, mode: str) -> IO[bytes]:
    opened: Any = (gzip.open if suffix == ".gz" else open)(file, mode)
    return opened  # type: ignore[no-any-return]  # both read and write bytes


def _tell(report: dict[str, Any], dry_run: bool) -> None:
    would = "would be put back" if dry_run else "put back"
    tenant = f"Tenant '{report['tenant']}'" if report["tenant"] else "The default tenant"
    click.echo(f"{tenant}: {_told(report['new']) or 'nothing'} {would}.")
    if report["unchanged"]:
        click.echo(f"Already there: {_told(report['unchanged'])}.")
    for one in report["rejected"][:SHOWN]:
        click.echo(f"line {one['line']}: {one['reason']}", err=True)
    if len(report["rejected"]) > SHOWN:
        click.echo(f"… and {len(report['rejected']) - SHOWN} more; --json lists all.", err=True)
    if not report["complete"]:
        click.echo("The file has no end: it was cut off, and what it lacks is missing.", err=True)


def _told(counts: dict[str, int]) -> str:
    return ", ".join(counted(number, *NOUNS.get(kind, (kind,))) for kind, number in counts.items())
