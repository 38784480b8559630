"""`engawa load`: open data into a broker."""

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from base.console import Failure, Unreachable, counted, json_option, progress, show_json, show_table
from broker.load import shelters
from broker.load.client import connected
from broker.load.rejects import Rejects

_TOTALS = ("read", "new", "changed", "unchanged", "rejected", "remarked", "blank")
_LISTED = 20


@click.group()
def load() -> None:
    """Load open data into a broker.

    \b
    Example:
      engawa load shelters 282227_1.csv 282227_2.csv
    """


@load.command("shelters")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE…",
)
@click.option(
    "--broker", "url", default="http://127.0.0.1:1026", show_default=True, help="URL of the broker."
)
@click.option("--tenant", default="", help="Tenant to load into; the default one if not given.")
@click.option(
    "--key", default="", envvar="ENGAWA_KEY", show_envvar=True, help="API key or token for the broker."
)
@click.option(
    "--rejects",
    "rejected",
    default=Path("rejected-rows.csv"),
    show_default=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File for rows that cannot be used, with line and reason; made when there is one.",
)
@json_option
def shelters_command(
    files: Sequence[Path], url: str, tenant: str, key: str, rejected: Path, as_json: bool
) -> None:
    """Load lists of evacuation sites and shelters.

    Reads 指定緊急避難場所 and 指定避難所 of 国土地理院 (CSV, CSV.gz, GeoJSON) and sheet 03 of the
    自治体標準オープンデータセット, in UTF-8 or Shift_JIS; the form is told by the header. Loading again
    writes only what differs.

    \b
    Example:
      engawa load shelters mergeFromCity_1.csv.gz mergeFromCity_2.csv.gz --rejects rejects.csv
    """
    _examine(url, rejected)
    started = time.monotonic()
    summaries, refused = asyncio.run(_load(files, url, tenant, key, rejected))
    seconds = time.monotonic() - started
    totals = {name: sum(getattr(s, name) for s in summaries) for name in _TOTALS}
    if as_json:
        show_json(
            {
                **totals,
                "rejects": str(rejected) if refused else None,
                "seconds": round(seconds, 3),
                "files": [dataclasses.asdict(s) for s in summaries],
            }
        )
    else:
        _show(summaries, totals, rejected if refused else None, seconds)
    if failed := [s.failure for s in summaries if s.failure]:
        raise Failure("; ".join(failed), "What was read before that is loaded; loading again is harmless.")


def _examine(url: str, rejected: Path) -> None:
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"'{url}' does not begin with http:// or https://", param_hint="'--broker'")
    if not rejected.absolute().parent.is_dir():
        raise click.BadParameter(f"the folder '{rejected.parent}' does not exist", param_hint="'--rejects'")


async def _load(
    files: Sequence[Path], url: str, tenant: str, key: str, rejected: Path
) -> tuple[list[shelters.Summary], int]:
    headers = shelters.headers(files)
    with Rejects(rejected, headers) as rejects, _bar() as bar:
        tasks = {path: bar.add_task(path.name, total=path.stat().st_size) for path in files}

        def reached(path: Path, position: int, size: int) -> None:
            bar.update(tasks[path], completed=position, total=size)

        try:
            async with connected(url, tenant, key=key) as destination:
                return await shelters.load(files, destination, rejects, progress=reached), rejects.count
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unreachable(
                f"the certificate of the broker at {url} is refused: {error.certificate_error}",
                "Name the file of its authority: SSL_CERT_FILE=authority.pem engawa load …",
            ) from error
        except (aiohttp.ClientConnectionError, aiohttp.InvalidURL, TimeoutError) as error:
            raise Unreachable(
                f"cannot reach the broker at {url}",
                "Is it running (engawa run broker), and is --broker right? Loading again is harmless.",
            ) from error


def _bar() -> Progress:
    plain = progress()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    return Progress(*columns, console=plain.console, disable=plain.disable)


def _show(
    summaries: list[shelters.Summary], totals: dict[str, Any], rejected: Path | None, seconds: float
) -> None:
    rows = [[s.file, s.form, *(f"{getattr(s, name):,}" for name in _TOTALS[:6])] for s in summaries]
    if len(rows) > 1:
        rows.append(["all", "", *(f"{totals[name]:,}" for name in _TOTALS[:6])])
    show_table(["file", "list", *_TOTALS[:6]], rows)
    for title, member in (("Rejected", "rejections"), ("Loaded with a remark", "remarks")):
        listed = [(s.file, line, text) for s in summaries for line, text in getattr(s, member)]
        if listed:
            click.echo(f"\n{title}:")
            for file, line, text in listed[:_LISTED]:
                click.echo(f"  {file} line {line}: {text}")
            total = totals["rejected" if member == "rejections" else "remarked"]
            if total > _LISTED:
                click.echo(f"  … {total - _LISTED:,} more")
    if rejected:
        click.echo(f"\nThe rejected rows are in {rejected}.")
    loaded = totals["read"] - totals["rejected"]
    click.echo(
        f"\n{counted(loaded, 'entity', 'entities')} in {seconds:.1f} s ({loaded / max(seconds, 0.001):,.0f} a second)."
    )
