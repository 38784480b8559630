"""The commands about residents: take a file of them over."""

import asyncio
import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
import orjson

from base.admin import ask
from base.console import FAILED, Failure, json_option, progress, show_json, show_table
from personal.command import at_module, of_municipality, settings_of
from personal.rules.resident_lines import check_columns, line_of

TOGETHER: Final = 500
COUNTED: Final = ("created", "changed", "unchanged", "refused")
Numbered = tuple[int, Any]


@click.group()
def residents() -> None:
    """Take residents over from files. The personal-data module must run.

    \b
    Example:
      engawa residents import residents.csv
    """


@residents.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), help="Form of the file; none: by its name."
)
@click.option(
    "--encoding", type=click.Choice(["utf-8", "cp932"]), default="utf-8", help="How its text is written."
)
@of_municipality
@at_module
@json_option
def import_residents(
    file: Path,
    form: str | None,
    encoding: str,
    municipality: str,
    as_json: bool,
    config: Path | None,
    **given: Any,
) -> None:
    """Register the residents of a file, or bring them up to date. The same file again changes nothing.

    A line is taken over wholly or not at all. Lines that are refused are listed by number and rule.

    A CSV names its columns in the first line: municipalId (needed), nameKana, birthDate, login, state (here, moved,
    dead), cardIssuer, cardSerial, and of the four basic facts name, nameLatin, formerSurname, alias, postalCode,
    address, sex. A line of JSON may have otherReadings, several cards, and items by their codes.

    \b
    Example:
      engawa residents import residents.csv --encoding cp932
    """
    data = settings_of(given, config).data
    lines = _lines(file, form or _form(file), "utf-8-sig" if encoding == "utf-8" else encoding)
    told = asyncio.run(_import(data, municipality, lines))
    if as_json:
        show_json(told)
    else:
        click.echo(", ".join(f"{told[name]} {name}" for name in COUNTED) + ".")
        if told["refusals"]:
            show_table(("line", "rule"), [(row["line"], row["rule"]) for row in told["refusals"]])
    if told["refused"]:
        raise click.exceptions.Exit(FAILED)


async def _import(data: Path, municipality: str, lines: Iterator[Numbered]) -> dict[str, Any]:
    counted: Counter[str] = Counter()
    refusals: list[dict[str, Any]] = []
    with progress() as bar:
        task = bar.add_task("residents", total=None)
        while batch := list(islice(lines, TOGETHER)):
            asked = {"municipality": municipality, "lines": batch}
            answer = await ask(data, "residents.import", seconds=600.0, **asked)
            counted.update({name: answer[name] for name in COUNTED})
            refusals += answer["refusals"]
            bar.advance(task, len(batch))
    return {**{name: counted[name] for name in COUNTED}, "refusals": refusals}


def _form(file: Path) -> str:
    form = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(file.suffix.lower())
    if form is None:
        raise click.UsageError("the name of the file does not tell its form: give --format csv or jsonl")
    return form


def _lines(file: Path, form: str, encoding: str) -> Iterator[Numbered]:
    """Read the lines of a file; one that is none is passed on as nothing, and refused with its number."""
    try:
        with file.open(encoding=encoding, newline="" if form == "csv" else None) as text:
            yield from _rows(text) if form == "csv" else _objects(text)
    except UnicodeDecodeError as error:
        raise Failure(
            f"the file is not written in {encoding.removesuffix('-sig')}", "Name another --encoding."
        ) from error


def _rows(text: Any) -> Iterator[Numbered]:
    reader = csv.reader(text, strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        check_columns(columns)
        for row in reader:
            if not any(row):
                continue
            fits = len(row) == len(columns)
            yield reader.line_num, line_of(dict(zip(columns, row, strict=True))) if fits else None
    except csv.Error as error:
        raise Failure(f"line {reader.line_num} is no CSV", "Is a quotation mark missing?") from error


def _objects(text: Any) -> Iterator[Numbered]:
    for number, line in enumerate(text, 1):
        if line.strip():
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError:
                yield number, None
