"""`engawa federation`: joining neighbouring brokers, and how they are. (docs/federation.md)"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import aiohttp
import click

from base import clock
from base.console import Failure, Unreachable, json_option, show_json, show_table
from broker.neighbours import joining, status
from broker.neighbours.joining import SHELTERS, Neighbour
from broker.neighbours.talk import Talk, Unusable, address, connections

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_OURS = "http://127.0.0.1:1026"


@click.group()
def federation() -> None:
    """Join neighbouring brokers and see how they are.

    \b
    Example:
      engawa federation join http://broker.toyooka.example:1026
    """


def _at_broker(command: F) -> F:
    command = click.option(
        "--tenant", default="", help="Tenant of our broker. [default: the default tenant]"
    )(command)
    return click.option(
        "--broker",
        "--url",
        "url",
        default=_OURS,
        show_default=True,
        help="URL of our broker.",
    )(command)


def _run(work: Callable[[aiohttp.ClientSession], Awaitable[T]], seconds: float) -> T:
    async def connected() -> T:
        async with connections(seconds=seconds) as session:
            return await work(session)

    return asyncio.run(connected())


async def _ours(here: Talk, ask: Callable[[Talk], Awaitable[T]]) -> T:
    try:
        return await ask(here)
    except Unusable as error:
        raise Unreachable(
            f"our broker at {here.url} cannot be asked: {error}",
            "Is it running (engawa run broker), and is --broker right?",
        ) from error


@federation.command("status")
@_at_broker
@click.option("--seconds", default=5.0, show_default=True, help="How long a neighbour may take to answer.")
@json_option
@click.pass_context
def status_command(context: click.Context, url: str, tenant: str, seconds: float, as_json: bool) -> None:
    """Show each neighbour: whether it answers now, how fast, and how it answered before.

    Ends with 1 when a neighbour does not answer, with 3 when our own broker does not.

    \b
    Example:
      engawa federation status
      engawa federation status --broker http://127.0.0.1:11026 --json
    """

    async def work(session: aiohttp.ClientSession) -> list[status.Health]:
        bodies = await _ours(Talk(session, address(url), tenant), status.registrations)
        return await status.look(session, bodies, clock.now())

    found = _run(work, seconds)
    if as_json:
        show_json([one.told() for one in found])
    elif found:
        _show(found)
    else:
        click.echo("No neighbour is registered; 'engawa federation join URL' registers one.")
    context.exit(0 if all(one.answers for one in found) else 1)


def _show(found: Sequence[status.Health]) -> None:
    columns = (
        *("neighbour", "endpoint", "mode", "answers", "ms"),
        *("sent", "failed", "last success", "last failure", "in cooldown until", "error"),
    )
    show_table(
        columns,
        [
            (
                *(h.name or h.registration, h.endpoint, h.mode, "yes" if h.answers else "NO"),
                *("" if h.milliseconds is None else h.milliseconds, h.sent, h.failed),
                *(h.last_success, h.last_failure, h.cooldown_ends, h.error),
            )
            for h in found
        ],
    )


@federation.command("join")
@click.argument("neighbour", metavar="URL")
@_at_broker
@click.option(
    "--type",
    "types",
    multiple=True,
    default=SHELTERS,
    show_default=True,
    help="Entity type to ask the neighbour for: a term of the city's @context, or an IRI. May be repeated.",
)
@click.option(
    "--name",
    default="",
    help="Name of the neighbour for people, such as 豊岡市. Otherwise its alias is shown.",
)
@click.option("--their-tenant", default="", help="Tenant of the neighbour's broker to ask.")
@click.option(
    "--timeout", default=joining.TIMEOUT, show_default=True, help="Milliseconds it may take to answer."
)
@click.option(
    "--cooldown",
    default=joining.COOLDOWN,
    show_default=True,
    help="Milliseconds it is left alone after it failed.",
)
@click.option(
    "--cascade",
    is_flag=True,
    help="Let the neighbour ask its own neighbours in turn (without localOnly).",
)
@json_option
def join_command(
    neighbour: str, url: str, tenant: str, types: tuple[str, ...], as_json: bool, **said: Any
) -> None:
    """Register the broker of a neighbour with ours, so that queries here find what it holds too.

    Asks the neighbour who it is first. Joining again brings the registration up to date.

    \b
    Example:
      engawa federation join https://broker.toyooka.example --name 豊岡市
      engawa federation join http://127.0.0.1:11026 --type EvacuationShelter
    """
    endpoint = address(neighbour)

    async def work(session: aiohttp.ClientSession) -> tuple[Neighbour, str]:
        try:
            alias = await joining.identity(Talk(session, endpoint, said["their_tenant"]))
        except Unusable as error:
            raise Failure(
                f"the neighbour at {endpoint} cannot be joined: {error}",
                "Is its address right, and does it let this machine in?",
            ) from error
        described = Neighbour(
            endpoint,
            types,
            alias=alias,
            name=said["name"],
            tenant=said["their_tenant"],
            timeout=said["timeout"],
            cooldown=said["cooldown"],
            local_only=not said["cascade"],
        )
        return described, await _ours(
            Talk(session, address(url), tenant), lambda here: joining.join(here, described)
        )

    described, done = _run(work, 10.0)
    if as_json:
        show_json({"registration": described.id, "alias": described.alias, "outcome": done})
        return
    click.echo(f"{described.name or described.alias or endpoint}: {done} ({described.id})")
    click.echo(f"asked for: {', '.join(types)}")
    click.echo("\nOn their side, so that they find what is held here too:")
    click.echo("  engawa federation join URL-OF-THIS-BROKER")
    click.echo("\nHow it goes:\n  engawa federation status" + (f" --broker {url}" if url != _OURS else ""))
