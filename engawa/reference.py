"""`python -m engawa.reference` writes the settings, the commands and both HTTP interfaces down from the code itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import click

from adapters.desk import settings as desk
from adapters.desk.settings import DeskSettings
from base.console import option_name, show_default
from base.errors import ENGAWA_ERRORS, Problem
from base.settings import listed
from broker import settings as broker
from broker.app import OPERATIONS
from broker.settings import BrokerSettings
from engawa.command import cli
from personal import app
from personal import settings as personal
from personal.agent import settings as agent
from personal.agent.settings import AgentSettings
from personal.api.front import path_of
from personal.cloud import settings as vault
from personal.cloud.settings import VaultSettings
from personal.operations.actors import Who
from personal.operations.call import Operation
from personal.rules.levels import Level
from personal.settings import PersonalSettings

DOCS = Path(__file__).parent.parent / "docs"
_WIDTH = 100
PARTS: tuple[tuple[str, str, str, type[Any]], ...] = (
    ("The broker", broker.SECTION, broker.PREFIX, BrokerSettings),
    ("The personal-data module", personal.SECTION, personal.PREFIX, PersonalSettings),
    ("A vault", vault.SECTION, vault.PREFIX, VaultSettings),
    ("The agent inside LGWAN", agent.SECTION, agent.PREFIX, AgentSettings),
    ("A desk with a card reader", desk.SECTION, desk.PREFIX, DeskSettings),
)
"""Every part: what it is called, its section in a file, its prefix in the environment, its settings."""

_SETTINGS = """# Settings

A setting is taken from the first of these places that has it:

1. the command line: `engawa run broker --page-default 50`
2. the environment: `ENGAWA_BROKER_PAGE_DEFAULT=50`
3. a TOML file, given with `--config FILE` or `ENGAWA_CONFIG`: `page_default = 50` under `[broker]`
4. the default below

Lists are words separated by blanks or commas; in TOML they are arrays. An unknown name in the file is an error.
This page is written by `python -m engawa.reference`.
"""

_PART = """
## {name}: `[{section}]`, `{prefix}…`

| Setting | Default | Meaning |
|---|---|---|
"""

_CLI = """# The engawa command

    engawa --help

- `--json` where it stands prints JSON for a machine; otherwise tables for people. `NO_COLOR` is honoured.
- Progress goes to stderr, and only to a terminal. Nothing asks a question unless stdin is a terminal.
- Exit codes: 0 done, 1 failed, 2 wrong usage, 3 cannot reach the broker. `engawa --debug …` shows tracebacks.
  1 is also the answer of `conformance` when a case fails, of `conformance compare` when something got worse, of
  `doctor` when it finds a fault, of `federation status` when a neighbour is silent, of `import` when lines are left
  over, of `audit verify` and `receipt verify` when something does not hold, and of
  `access explain` when the request is refused.
- With `--json` an error is one JSON object on stderr: `error`, `exitCode`, perhaps `hint`.
- `tenants`, `outbox`, `history`, `keys`, `schema`, `export` and `import` speak to the broker that runs on the data
  folder, through its admin socket; `municipalities`, `staff`, `residents`, `vault-keys` and `audit` to the
  personal-data module in the same way.
- Each setting of a part is an option of `engawa run PART`: see [settings](settings.md).

This page is written by `python -m engawa.reference`.
"""

_API = """# The HTTP interface of the broker

Below `/ngsi-ld/v1`, as ETSI GS CIM 009 V1.9.1 says; the broker's `GET /openapi.json` tells machines the same.
Every operation also takes the headers `NGSILD-Tenant` and `Link` (the `@context`), and a credential in
`Authorization` or `X-API-Key` ([security](security.md)). A parameter not listed is refused.
This page is written by `python -m engawa.reference`.

Every resource answers OPTIONS (204 with `Allow`, `Accept-Patch`, `Accept-Post`), and HEAD wherever GET is listed.

An operation whose clause is `NGSI-LD 2.0` is taken over from that successor of the specification: an extension. So is
RDF on the reads of /entities and /temporal: `Accept: text/turtle`, `application/n-triples`, or
`application/ld+json` with `profile="http://www.w3.org/ns/json-ld#expanded"`
give the normalized representation as RDF. Only who names one of
them gets it, and for at most 500,000 bytes of JSON-LD at once. A third: `asOf` (with `timeproperty`) on the reads of
/entities, [entities as they were at a time](history.md).

Beside it: `/` (pages for people), `/health/live`, `/health/ready` (asks the store), `/metrics` (Prometheus).

## Operations

| Method | Path | Clause | Parameters | Values of `options` |
|---|---|---|---|---|
"""

_PERSONAL = """# The HTTP interface of the personal-data module

`GET /personal/v1/openapi.json` tells machines the same, with the schemas of all bodies. With several municipalities
the header `Engawa-Municipality` names the one that is meant. A credential stands in `Authorization: Bearer …`: the
access token of a service (`POST /token`, private_key_jwt; its client certificate does instead), or the login of a
resident or of staff. Identifiers of residents stand in bodies only. A parameter that is not listed is refused; errors
are those of [the broker](api.md#errors). This page is written by `python -m engawa.reference`.

| Method | Path | Who | Given | What it does |
|---|---|---|---|---|
"""

_ERRORS = """
## Errors

A refusal is JSON as RFC 7807 defines (`type`, `title`, `detail`, `status`); 411 and 415 have no body. `type` is
`https://uri.etsi.org/ngsi-ld/errors/` and the name below for the errors of the specification,
`urn:engawa:errors:` and the name for our own.

| Name | Status | When | Specification |
|---|---:|---|---|
"""


def settings_page() -> str:
    """Write the page of all settings."""
    parts = [
        _PART.format(name=name, section=section, prefix=prefix) + "".join(_setting_rows(kind, prefix))
        for name, section, prefix, kind in PARTS
    ]
    return _SETTINGS + "".join(parts)


def _setting_rows(part: type[Any], prefix: str) -> Iterator[str]:
    for s in listed(part, prefix):
        default = f"`{show_default(s)}`" if show_default(s) else "none"
        help = s.help.replace("|", "\\|")
        yield f"| `{s.name}`<br>{_kind(s.kind)} | {default} | {help} |\n"


def _kind(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "list"
    plain = next((k for k in get_args(kind) if k is not type(None)), kind)
    return {int: "integer", float: "number", bool: "true or false", Path: "path"}.get(plain, "text")


def commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """List all commands below a group with the words that call them."""
    ctx = click.Context(group, info_name=path[-1])
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def help_of(path: tuple[str, ...], command: click.Command) -> str:
    """Give what --help prints, at a fixed width."""
    parent = click.Context(click.Command(" ".join(path[:-1])), info_name=" ".join(path[:-1]))
    ctx = click.Context(command, info_name=path[-1], parent=parent, terminal_width=_WIDTH)
    ctx.help_option_names = ["-h", "--help"]
    return command.get_help(ctx)


def cli_page() -> str:
    """Write the page of all commands."""
    parts = [_CLI]
    for path, command in commands(cli, ("engawa",)):
        parts.append(f"\n## {' '.join(path)}\n\n```text\n{_shortened(path, help_of(path, command))}\n```\n")
    return "".join(parts)


def api_page() -> str:
    """Write the page of all operations and errors."""
    return _API + "".join(_operation_rows()) + _ERRORS + "".join(_error_rows())


def _operation_rows() -> Iterator[str]:
    for o in OPERATIONS:
        params, options = (
            ", ".join(f"`{name}`" for name in sorted(names)) for names in (o.params, o.options)
        )
        yield f"| {o.method} | `{o.path}` | {o.clause} | {params} | {options} |\n"


def personal_api_page() -> str:
    """Write the page of all operations of the personal-data module."""
    return _PERSONAL + "".join(map(_personal_row, app.operations(PersonalSettings(demo=True))))


def _personal_row(o: Operation) -> str:
    what = (o.run.__doc__ or "").strip().partition("\n")[0].replace("|", "\\|")
    given = [f"`{name}`" for name in sorted(o.params)] + (["body"] if o.schema is not None else [])
    return f"| {o.method} | `{path_of(o)}` | {_who(o)} | {', '.join(given)} | {what} |\n"


_LEVELS: Final = {
    Level.NONE: "",
    Level.CONTACTLESS: " (card)",
    Level.CITY_CARD: " (city card)",
    Level.CARD: " (card and PIN)",
}


def _who(o: Operation) -> str:
    if Who.NOBODY in o.who:
        return "anybody"
    told = {Who.STAFF: f" ({', '.join(sorted(o.roles))})" if o.roles else ""}
    told[Who.RESIDENT] = _LEVELS[o.level] if Who.RESIDENT in o.who else ""
    return ", ".join(f"{who}{told.get(who, '')}" for who in sorted(o.who))


def _error_rows() -> Iterator[str]:
    for e in sorted(errors(), key=lambda e: (e.status, e.__name__)):
        own = "" if e.namespace == ENGAWA_ERRORS else "yes"
        yield f"| `{e.__name__}` | {e.status} | {(e.__doc__ or '').strip()} | {own} |\n"


def errors() -> list[type[Problem]]:
    """List the error classes of base/errors.py."""
    return [e for e in Problem.__subclasses__() if e.__module__ == Problem.__module__]


def _shortened(path: tuple[str, ...], text: str) -> str:
    """Leave the settings to their own page."""
    for _, section, prefix, part in PARTS:
        if path in (("engawa", "run", section), ("engawa", section, "run")):
            some = _some(part, prefix)
            return (
                text.partition("Options:")[0]
                + f"Options: --config FILE, and one for each setting, such as {some}"
            )
    return text


def _some(part: type[Any], prefix: str) -> str:
    return ", ".join(option_name(s) for s in listed(part, prefix) if s.name in ("host", "port", "data"))


def main() -> None:
    """Write the pages."""
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")
    (DOCS / "api.md").write_text(api_page(), encoding="utf-8")
    (DOCS / "personal-api.md").write_text(personal_api_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
