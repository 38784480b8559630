"""How every command speaks: tables for people, JSON for machines, one red sentence for an error."""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from base.settings import Setting, SettingError, listed, load

FAILED, USAGE, UNREACHABLE = 1, 2, 3
UNBROKEN = 10_000
WANTS_JSON = "engawa.json"

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class Failure(click.ClickException):
    """The command could not do its work: one sentence on what is wrong, one on what to do."""

    exit_code = FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def show(self, file: Any = None) -> None:
        """Print the sentence in red and the hint below it."""
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"Error: {self.message}", style="red", markup=False)
        if self.hint:
            console.print(self.hint, markup=False)


class JsonFailure(click.ClickException):
    """An error of a command that was asked for JSON, as JSON on stderr."""

    def __init__(self, error: click.ClickException) -> None:
        super().__init__(error.format_message())
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads that of the instance
        self.hint = getattr(error, "hint", "")

    def show(self, file: Any = None) -> None:
        """Print the error for a machine."""
        told = {
            "error": self.message,
            "exitCode": self.exit_code,
            **({"hint": self.hint} if self.hint else {}),
        }
        click.echo(orjson.dumps(told), err=True)


class Unreachable(Failure):
    """The command cannot reach what it must speak to."""

    exit_code = UNREACHABLE


def tell(result: Any, as_json: bool, sentence: str) -> None:
    """Say what was done: as JSON to programs, in a sentence to people."""
    if as_json:
        show_json(result)
    else:
        click.echo(sentence)


def show_json(value: Any) -> None:
    """Print a value for a machine."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows for a person."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console = Console(highlight=False, markup=False, emoji=False)  # cells are data
    if not console.is_terminal:
        console.width = UNBROKEN  # what another program reads has a row on each line
    console.print(table)


def counted(number: int, one: str, several: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def progress() -> Progress:
    """Give a progress bar on stderr, silent unless that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


def json_option(command: F) -> F:
    """Add --json to a command."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        is_eager=True,
        callback=_note_json,
        help="Print JSON for a machine, errors too.",
    )(command)


def _note_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    """Remember it before anything else of the command can be wrong."""
    if value:
        ctx.meta[WANTS_JSON] = True
    return value


def config_option(command: F) -> F:
    """Add --config to a command."""
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option(
        "--config", type=kind, envvar="ENGAWA_CONFIG", help="TOML file of settings. [env: ENGAWA_CONFIG]"
    )(command)


def setting_options(part: type[Any], prefix: str, *, only: Sequence[str] = ()) -> Callable[[F], F]:
    """Add one option for each setting of a part, or for the named ones, and --config."""

    def add(command: F) -> F:
        for s in reversed([s for s in listed(part, prefix) if not only or s.name in only]):
            command = _option(s)(command)
        return config_option(command)

    return add


def read_settings(
    part: type[T], *, prefix: str, section: str, given: dict[str, Any], config: Path | None
) -> T:
    """Build the settings of a part for a command; a wrong value is a usage error."""
    try:
        return load(part, prefix=prefix, section=section, given=given, file=config)
    except SettingError as error:
        raise click.UsageError(str(error)) from error


def option_name(s: Setting) -> str:
    """Name the command line option of a setting."""
    return "--" + s.name.replace("_", "-")


def show_default(s: Setting) -> str:
    """Write the default of a setting as a person would give it."""
    if isinstance(s.default, bool):
        return "true" if s.default else "false"
    if isinstance(s.default, tuple):
        return " ".join(s.default)
    return "" if s.default is None else str(s.default)


def _option(s: Setting) -> Callable[[F], F]:
    default = show_default(s)
    shown = f"default: {default}; " if default and len(default) <= 40 else ""
    help = f"{s.help} [{shown}env: {s.variable}]"
    name = option_name(s)
    if s.kind is bool:
        return click.option(f"{name}/--no-{name[2:]}", s.name, default=None, help=help)
    return click.option(name, s.name, default=None, type=_kind(s.kind), metavar=_metavar(s.kind), help=help)


def _plain(kind: Any) -> Any:
    options = [k for k in get_args(kind) if k is not type(None)]
    return str if get_origin(kind) is tuple else options[0] if options else kind


def _kind(kind: Any) -> Any:
    return {int: click.INT, float: click.FLOAT}.get(_plain(kind), click.STRING)


def _metavar(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "WORDS"
    return {int: "NUMBER", float: "SECONDS", Path: "PATH"}.get(_plain(kind), "TEXT")
