"""`engawa federation`: joining neighbouring brokers, and how they are. (docs/federation.md)"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import aiohttp
import click

from base import clock
from base.console import (
    Failure,
    Unreachable,
    json_option,
    read_settings,
    setting_options,
    show_json,
    show_table,
)
from base.credentials import Credentials
from broker.neighbours import joining, status
from broker.neighbours.joining import SHELTERS, Neighbour
from broker.neighbours.means import means, named
from broker.neighbours.talk import Refused, Talk, Unusable, address, connections
from broker.settings import PREFIX, SECTION, BrokerSettings, local_address

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_KEY = "Give a key with --key, or in ENGAWA_KEY; 'engawa keys add' makes one."
_RUNNING = "Is it running (engawa run broker), and is --broker right?"


@click.group()
def federation() -> None:
    """Join neighbouring brokers and see how they are.

    \b
    Example:
      engawa federation join http://broker.toyooka.example:1026
    """


def _web_address(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"'{url}' does not begin with http:// or https://")
    return url


def _at_broker(command: F) -> F:
    for option in (
        click.option(
            *("--broker", "--url", "url"),
            callback=_web_address,
            help="URL of our broker. [default: this machine, at the port of the broker's settings]",
        ),
        click.option("--tenant", default="", help="Tenant of our broker. [default: the default tenant]"),
        click.option(
            "--key",
            default="",
            envvar="ENGAWA_KEY",
            show_envvar=True,
            help="API key or token for our broker.",
        ),
        setting_options(BrokerSettings, PREFIX, only=("federation_credentials", "federation_authorities")),
    ):
        command = option(command)
    return command


def _credentials(place: dict[str, Any]) -> Credentials:
    """Read what the broker itself reads, so that a neighbour sees the same caller; find where the broker is."""
    names = ("federation_credentials", "federation_authorities")
    given = {name: place.pop(name) for name in names}
    config = place.pop("config")
    settings = read_settings(BrokerSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
    place["url"] = place["url"] or local_address(settings)
    return Credentials(settings.federation_credentials, settings.federation_authorities)


def _run(work: Callable[[aiohttp.ClientSession], Awaitable[T]], seconds: float) -> T:
    async def connected() -> T:
        async with connections(seconds=seconds) as session:
            return await work(session)

    return asyncio.run(connected())


async def _ours(here: Talk, ask: Callable[[Talk], Awaitable[T]]) -> T:
    try:
        return await ask(here)
    except Refused as error:
        hint = _KEY if "it answered 401" in str(error) else ""
        raise Failure(f"our broker at {here.url} refuses: {error}", hint) from error
    except Unusable as error:
        raise Unreachable(
            f"our broker at {here.url} cannot be asked: {error}", error.advice or _RUNNING
        ) from error


def _here(session: aiohttp.ClientSession, place: dict[str, Any], credentials: Credentials) -> Talk:
    headers = {"Authorization": f"Bearer {place['key']}"} if place["key"] else {}
    return Talk(session, address(place["url"]), place["tenant"], headers, credentials.trusted)


@federation.command("status")
@_at_broker
@click.option("--seconds", default=5.0, show_default=True, help="How long a neighbour may take to answer.")
@json_option
@click.pass_context
def status_command(context: click.Context, /, seconds: float, as_json: bool, **place: Any) -> None:
    """Show each neighbour: does it answer, how fast, what failed.

    Shows how it answers now and how it answered before.

    Ends with 1 when a neighbour does not answer, with 3 when our own broker does not.

    \b
    Example:
      engawa federation status
      engawa federation status --broker http://127.0.0.1:11026 --json
    """

    credentials = _credentials(place)

    async def work(session: aiohttp.ClientSession) -> list[status.Health]:
        bodies = await _ours(_here(session, place, credentials), status.registrations)
        return await status.look(session, bodies, credentials, clock.now())

    found = _run(work, seconds)
    if as_json:
        show_json([one.told() for one in found])
    elif found:
        _show(found)
    else:
        at = address(place["url"])
        click.echo(f"No neighbour is registered at {at}; 'engawa federation join URL' registers one.")
    context.exit(0 if all(one.answers for one in found) else 1)


def _to_the_second(time: str) -> str:
    whole, dot, _ = time.partition(".")
    return f"{whole}Z" if dot else time


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
                *(_to_the_second(time) for time in (h.last_success, h.last_failure, h.cooldown_ends)),
                h.error,
            )
            for h in found
        ],
    )


@federation.command("join")
@click.argument("neighbour", metavar="URL", callback=_web_address)
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
@click.option(
    "--certificate", default="", help="Name of the client certificate to show, in federation_credentials."
)
@click.option(
    "--secret", default="", help="Name of the secret to send as Authorization, in federation_credentials."
)
@click.option(
    "--context",
    default="",
    help="URL of the @context to ask in, if the neighbour cannot get those of requests.",
)
@json_option
def join_command(neighbour: str, as_json: bool, **said: Any) -> None:
    """Register the broker of a neighbour with ours.

    Queries here then find what it holds, too. Asks the neighbour who it is first. Joining again
    brings the registration up to date.

    \b
    Example:
      engawa federation join https://broker.toyooka.example --name 豊岡市 --certificate yabu
      engawa federation join http://127.0.0.1:11026 --type EvacuationShelter
    """
    config, told = said["config"], said["url"]
    credentials = _credentials(said)
    endpoint = address(neighbour)
    info = named(certificate=said["certificate"], secret=said["secret"], context=said["context"])
    described = Neighbour(
        endpoint,
        said["types"],
        name=said["name"],
        tenant=said["their_tenant"],
        timeout=said["timeout"],
        cooldown=said["cooldown"],
        local_only=not said["cascade"],
        info=info,
    )

    async def work(session: aiohttp.ClientSession) -> tuple[Neighbour, str]:
        try:
            how = means(info, endpoint, credentials)
            there = Talk(session, endpoint, described.tenant, how.headers, how.tls)
            known = replace(described, alias=await joining.identity(there))
        except Unusable as error:
            raise Failure(
                f"the neighbour at {endpoint} cannot be joined: {error}",
                error.advice or "Is its address right, and does it let this machine in?",
            ) from error
        here = _here(session, said, credentials)
        return known, await _ours(here, lambda ours: joining.join(ours, known))

    known, done = _run(work, 10.0)
    if as_json:
        show_json({"registration": known.id, "alias": known.alias, "outcome": done})
        return
    click.echo(f"{known.name or known.alias or endpoint}: {done} ({known.id})")
    click.echo(f"asked for: {', '.join(known.types)}")
    click.echo("\nOn their side, so that they find what is held here too:")
    click.echo("  engawa federation join URL-OF-THIS-BROKER")
    at = f" --broker {told}" if told else ""
    at += f" --config {config}" if config else ""
    click.echo(f"\nHow it goes:\n  engawa federation status{at}")
