"""Settings of a part: one frozen dataclass lists them; command line, environment, file, default win in this order."""

import dataclasses
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


class SettingError(ValueError):
    """A setting has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as documentation and command line see it."""

    name: str
    kind: Any
    default: Any
    help: str
    variable: str
    most: int | None = None
    choices: tuple[str, ...] = ()


def setting(default: Any, help: str, *, most: int | None = None, choices: tuple[str, ...] = ()) -> Any:
    """Declare a setting: its default, one sentence on what it does, what it may be. No number is negative."""
    if isinstance(default, list | dict):
        raise TypeError("defaults are immutable")
    return dataclasses.field(default=default, metadata={"help": help, "most": most, "choices": choices})


def listed(part: type[Any], prefix: str) -> Iterator[Setting]:
    """List the settings of a part; `prefix` begins its environment variables."""
    hints = get_type_hints(part)
    for field in dataclasses.fields(part):
        about = field.metadata
        yield Setting(
            field.name,
            hints[field.name],
            field.default,
            about["help"],
            prefix + field.name.upper(),
            about["most"],
            about["choices"],
        )


def load(
    part: type[T],
    *,
    prefix: str,
    section: str,
    given: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> T:
    """Build the settings of a part; SettingError says which value is wrong and where it came from."""
    environment = os.environ if environment is None else environment
    table = _table(file, section)
    values: dict[str, Any] = {}
    known = {s.name for s in listed(part, prefix)}
    for name in table.keys() - known:
        raise SettingError(
            f"[{section}] in {file} has no setting '{name}'; the list stands in docs/settings.md"
        )
    for s in listed(part, prefix):
        if given.get(s.name) is not None:
            values[s.name] = _read(s, given[s.name], "command line")
        elif s.variable in environment:
            values[s.name] = _read(s, environment[s.variable], s.variable)
        elif s.name in table:
            values[s.name] = _read(s, table[s.name], f"[{section}] in {file}")
    return part(**values)


def _table(file: Path | None, section: str) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get(section, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"the settings file {file} cannot be read: {error}") from error
    if not isinstance(table, dict):
        raise SettingError(f"'{section}' in {file} is not a table")
    return table


def _read(s: Setting, value: Any, where: str) -> Any:
    kind = s.kind
    options = [k for k in get_args(kind) if k is not type(None)]
    if get_origin(kind) is tuple:
        return (
            tuple(value.replace(",", " ").split()) if isinstance(value, str) else tuple(str(v) for v in value)
        )
    kind = options[0] if options else kind
    try:
        return _allowed(s, _boolean(value) if kind is bool else kind(value))
    except (TypeError, ValueError, KeyError) as error:
        raise SettingError(f"{s.name} = '{value}' ({where}) is not {_wanted(s, kind)}: {s.help}") from error


def _allowed(s: Setting, value: Any) -> Any:
    """Give the value back unless it is out of range; not a number is out of any range."""
    if isinstance(value, int | float) and not 0 <= value <= (math.inf if s.most is None else s.most):
        raise ValueError(value)
    if s.choices and value not in s.choices:
        raise ValueError(value)
    return value


def _wanted(s: Setting, kind: Any) -> str:
    if s.choices:
        return "one of " + ", ".join(s.choices)
    words = {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "usable")
    if kind not in (int, float):
        return words
    return f"{words} from 0" + (f" to {s.most}" if s.most is not None else "")


def _boolean(value: Any) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    return value if isinstance(value, bool) else words[str(value).lower()]
