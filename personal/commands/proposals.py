"""The commands about what two members of staff decide together, each with their own login."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp
import click
import orjson

from base.console import Failure, json_option, show_json, show_table, tell

TOWN_HEADER: Final = "Engawa-Municipality"
TOKEN: Final = "ENGAWA_STAFF_TOKEN"  # noqa: S105  # the name of a variable
_ANSWER_SECONDS: Final = 20
F = TypeVar("F", bound=Callable[..., Any])


def _as_staff(command: F) -> F:
    """Add the options by which a member of staff speaks to the module."""
    for option in (
        click.option(
            "--authorities",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="PEM file of the authorities that vouch for the module; none: those of the system.",
        ),
        click.option(
            "--municipality", default="", metavar="ID", help="Which one, if several share the module."
        ),
        click.option(
            "--url", default="http://127.0.0.1:8026", show_default=True, help="Where the module is."
        ),
        click.option(
            "--token", envvar=TOKEN, required=True, help=f"Your login; better in {TOKEN} than here."
        ),
    ):
        command = option(command)
    return command


@click.group()
def proposals() -> None:
    """Propose, approve and refuse what needs two members of staff.

    Everybody comes with the token of their own login, as `POST /personal/v1/demo/sessions` gives it in a
    demonstration; nobody approves what they proposed themselves.

    \b
    Example:
      engawa proposals list
    """


@proposals.command("list")
@click.option(
    "--state",
    type=click.Choice(["open", "approved", "refused", "withdrawn"]),
    default="open",
    show_default=True,
    help="Which ones.",
)
@_as_staff
@json_option
def list_proposals(state: str, as_json: bool, **reach: Any) -> None:
    """List the proposals that you may decide.

    \b
    Example:
      engawa proposals list --state approved
    """
    found = _ask(reach, "GET", f"/proposals?state={state}")["proposals"]
    if as_json:
        show_json(found)
    else:
        columns = ("id", "kind", "proposedBy", "until")
        show_table(columns, [tuple(str(one[name]) for name in columns) for one in found])


@proposals.command("show")
@click.argument("id")
@_as_staff
def show_proposal(id: str, **reach: Any) -> None:
    """Show a proposal with what it would change, as JSON.

    \b
    Example:
      engawa proposals show q_0123
    """
    show_json(_ask(reach, "GET", f"/proposals/{quote(id, safe='')}"))


@proposals.command("make")
@click.argument("kind")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_as_staff
@json_option
def make_proposal(kind: str, file: Path, as_json: bool, **reach: Any) -> None:
    """Propose what a file of JSON says.

    The kinds are service, service-keys, item, item-location, peer and agent-keys.

    \b
    Example:
      engawa proposals make service shelter.json
    """
    try:
        body = orjson.loads(file.read_bytes())
    except ValueError as error:
        raise Failure(f"{file} is no JSON") from error
    made = _ask(reach, "POST", "/proposals", {"kind": kind, "body": body})
    tell(made, as_json, f"{made['id']} is proposed. A second person has to approve it until {made['until']}.")


@proposals.command("approve")
@click.argument("id")
@_as_staff
@json_option
def approve(id: str, as_json: bool, **reach: Any) -> None:
    """Approve what somebody else proposed. It takes effect at once.

    \b
    Example:
      engawa proposals approve q_0123
    """
    _ask(reach, "POST", f"/proposals/{quote(id, safe='')}/approve")
    tell({"id": id, "state": "approved"}, as_json, f"{id} is approved.")


@proposals.command("refuse")
@click.argument("id")
@click.option("--reason", default="", help="Why; whoever proposed it sees this.")
@_as_staff
@json_option
def refuse(id: str, reason: str, as_json: bool, **reach: Any) -> None:
    """Refuse a proposal.

    \b
    Example:
      engawa proposals refuse q_0123 --reason 'no such purpose'
    """
    _ask(reach, "POST", f"/proposals/{quote(id, safe='')}/refuse", {"reason": reason} if reason else {})
    tell({"id": id, "state": "refused"}, as_json, f"{id} is refused.")


@proposals.command("withdraw")
@click.argument("id")
@_as_staff
@json_option
def withdraw(id: str, as_json: bool, **reach: Any) -> None:
    """Take back what you proposed.

    \b
    Example:
      engawa proposals withdraw q_0123
    """
    _ask(reach, "POST", f"/proposals/{quote(id, safe='')}/withdraw")
    tell({"id": id, "state": "withdrawn"}, as_json, f"{id} is taken back.")


def _ask(reach: dict[str, Any], method: str, path: str, body: Any = None) -> Any:
    return asyncio.run(_asked(reach, method, path, body))


async def _asked(reach: dict[str, Any], method: str, path: str, body: Any) -> Any:
    url: str = reach["url"].rstrip("/")
    headers = {"Authorization": f"Bearer {reach['token']}"}
    if reach["municipality"]:
        headers[TOWN_HEADER] = reach["municipality"]
    trust = ssl.create_default_context(cafile=reach["authorities"]) if url.startswith("https:") else False
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(method, f"{url}/personal/v1{path}", json=body, headers=headers, ssl=trust) as reply,
    ):
        raw = await reply.read()
    try:
        answer = orjson.loads(raw) if raw else None
    except ValueError as error:
        raise Failure(f"{url} is no personal-data module: it answers {reply.status}") from error
    if reply.status >= 400:
        told = answer.get("detail") if isinstance(answer, dict) else None
        raise Failure(str(told or f"the module answers {reply.status}"))
    return answer
