"""The commands of the agent inside LGWAN: run it, look after it, enter with two officials what it may let out."""

import asyncio
from pathlib import Path
from typing import Any

import click
import orjson
from cryptography import x509

from base import clock
from base.admin import ask
from base.clock import SECOND
from base.console import Failure, json_option, read_settings, setting_options, show_json, show_table
from personal.agent import kinds, officials
from personal.agent.settings import PREFIX, SECTION, AgentSettings
from personal.rules import release
from personal.rules.evidence import Credential, CredentialKind, card_of
from personal.rules.identifiers import fresh
from personal.vault import top
from personal.vault.envelope import new_key
from personal.vault.signing import Signer

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_new = click.Path(dir_okay=False, path_type=Path)
_at_agent = setting_options(AgentSettings, PREFIX, only=("data",))
_key = click.option("--key", type=_file, required=True, help="File of your own key, as official-key made it.")


@click.command("agent")
@setting_options(AgentSettings, PREFIX)
def run(config: Path | None, **given: object) -> None:
    """Run the store inside LGWAN and its agent. It calls out and listens to nobody.

    \b
    Example:
      engawa run agent --municipality yabu --url https://personal.example:8026 --certificate agent.pem
    """
    import uvloop

    from personal.agent import server

    uvloop.run(server.run(_settings(given, config)))


@click.group()
def agent() -> None:
    """Look after the running agent inside LGWAN.

    \b
    Example:
      engawa agent status
    """


@agent.command("keys")
@_at_agent
def keys(**place: Any) -> None:
    """Print the agent's public keys. The proposal agent-keys outside takes them.

    \b
    Example:
      engawa agent keys > agent-keys.json
    """
    show_json(_ask(place, "keys"))


@agent.command("status")
@_at_agent
@json_option
def status(as_json: bool, **place: Any) -> None:
    """Show what the agent keeps. Whether it reaches the outside, and what waits, too.

    \b
    Example:
      engawa agent status
    """
    _show(_ask(place, "status"), as_json)


@agent.command("limits")
@_at_agent
@json_option
def limits(as_json: bool, **place: Any) -> None:
    """Show how many records may go out or be changed in an hour.

    \b
    Example:
      engawa agent limits
    """
    _show(_ask(place, "limits"), as_json)


@agent.command("alarms")
@_at_agent
@json_option
def alarms(as_json: bool, **place: Any) -> None:
    """List the orders that were refused. They were forged, altered, repeated, too late or not agreed to.

    \b
    Example:
      engawa agent alarms
    """
    rows = _ask(place, "alarms")
    if as_json:
        show_json(rows)
    else:
        show_table(("at", "why", "task"), [(row["at"], row["why"], row["task"]) for row in rows])


@agent.command("services")
@_at_agent
def services(**place: Any) -> None:
    """Show the services that are approved inside. Their keys and purposes, too.

    \b
    Example:
      engawa agent services
    """
    show_json(_ask(place, "services"))


@agent.command("wishes")
@_at_agent
def wishes(**place: Any) -> None:
    """Show what one official wants and a second one has to approve.

    \b
    Example:
      engawa agent wishes
    """
    show_json(_ask(place, "wishes"))


@agent.command("official-key")
@click.argument("file", type=_new)
def official_key(file: Path) -> None:
    """Make a key of your own in a new file. Prints its public part.

    \b
    Example:
      engawa agent official-key sato.key > sato.jwk
    """
    if file.exists():
        raise Failure(f"{file} is there already", "Give a new name: a key is never overwritten.")
    seed = new_key()
    top.write(file, seed)
    public = Signer(seed).public()
    show_json({name: public[name] for name in ("kty", "crv", "x", "y")})


@agent.command("begin")
@click.argument("name")
@click.argument("key", type=_file)
@_at_agent
def begin(name: str, key: Path, **place: Any) -> None:
    """Add one of the first two officials. Takes the public part of their key; they add all others.

    \b
    Example:
      engawa agent begin sato sato.jwk
    """
    found = _ask(place, "officials.begin", official=name, key=_json(key))
    click.echo(f"The officials are {', '.join(found)}.")


@agent.command("wish")
@click.argument("kind", type=click.Choice(sorted(kinds.KINDS)))
@click.argument("file", type=_file)
@_key
@_at_agent
def wish(kind: str, file: Path, key: Path, **place: Any) -> None:
    """Want something that a JSON file says. Services, keys, authorities, residents or limits.

    What lets more out takes effect when a second official approves it; what lets less out, at once.

    \b
    Example:
      engawa agent wish service shelter.json --key sato.key
    """
    signed = _signed(key, officials.WISH, kind=kind, body=_json(file))
    done = _ask(place, "wish", signed=signed)
    click.echo("It is done." if done["done"] else f"Have a second official look at it: {done['wish']}")


@agent.command("approve")
@click.argument("id")
@_key
@_at_agent
def approve(id: str, key: Path, **place: Any) -> None:
    """Approve what another official wants. `engawa agent wishes` shows it.

    \b
    Example:
      engawa agent approve w_… --key tanaka.key
    """
    found = next((one for one in _ask(place, "wishes") if one["wish"] == id), None)
    if found is None:
        raise Failure(f"there is no wish {id}", "engawa agent wishes shows them.")
    _ask(place, "approve", signed=_signed(key, officials.APPROVAL, wish=id, body=found["body"]))
    click.echo("It is done.")


@agent.command("drop")
@click.argument("id")
@_key
@_at_agent
def drop(id: str, key: Path, **place: Any) -> None:
    """Drop what an official wants.

    \b
    Example:
      engawa agent drop w_… --key tanaka.key
    """
    _ask(place, "drop", signed=_signed(key, officials.APPROVAL, wish=id))
    click.echo("It is dropped.")


@agent.command("holder")
@click.option("--card", type=_file, help="PEM file of the certificate of a card.")
@click.option("--login", nargs=2, metavar="ISSUER SUBJECT", help="A login at an outside provider.")
@click.option(
    "--subject", nargs=2, metavar="MUNICIPALITY NAME", help="The subject of decisions about somebody."
)
def holder(card: Path | None, login: tuple[str, str] | None, subject: tuple[str, str] | None) -> None:
    """Print the name of a credential. The enrolment of residents (wish enroll) takes it.

    \b
    Example:
      engawa agent holder --card hanako.pem
    """
    if card is not None:
        found = card_of(x509.load_pem_x509_certificate(card.read_bytes()))
        click.echo(release.holder(Credential(CredentialKind.CARD, *found)))
    if login is not None:
        click.echo(release.holder(Credential(CredentialKind.LOGIN, *login)))
    if subject is not None:
        click.echo(release.about(*subject))


@agent.group("bundle")
def bundle() -> None:
    """Take orders in and answers out as files.

    \b
    Example:
      engawa agent bundle in orders.bundle
    """


@bundle.command("in")
@click.argument("file", type=_file)
@_at_agent
def bundle_in(file: Path, **place: Any) -> None:
    """Do the orders of a bundle that was carried in; each bundle once.

    \b
    Example:
      engawa agent bundle in orders.bundle
    """
    done = _ask(place, "bundle.in", bundle=file.read_text("ascii"))
    click.echo(f"{done['orders']} orders were read, {done['alarms']} of them raised an alarm.")


@bundle.command("out")
@click.argument("file", type=_new)
@_at_agent
def bundle_out(file: Path, **place: Any) -> None:
    """Write answers and alarms into a bundle to carry out.

    \b
    Example:
      engawa agent bundle out answers.bundle
    """
    made = _ask(place, "bundle.out")
    file.write_text(made["bundle"], "ascii")
    click.echo(f"{made['answers']} answers and {made['alarms']} alarms are in {file}.")


def _signed(file: Path, typ: str, /, **claims: Any) -> str:
    told = {**claims, "iat": clock.now() // SECOND, "nonce": fresh("n_")}
    return Signer(top.read(file)).sign(told, typ)


def _json(file: Path) -> Any:
    try:
        return orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Failure(f"{file} is no JSON") from error


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(found)
    else:
        show_table(("", ""), list(found.items()))


def _ask(place: dict[str, Any], name: str, **arguments: Any) -> Any:
    settings = _settings({"data": place["data"]}, place["config"])
    return asyncio.run(ask(settings.data, name, seconds=600.0, **arguments))


def _settings(given: Any, config: Path | None) -> AgentSettings:
    return read_settings(AgentSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
