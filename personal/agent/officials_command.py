"""The commands of officials inside LGWAN: their keys, what they want and approve, whose credentials are enrolled."""

from pathlib import Path
from typing import Any, Final

import click
import orjson
from cryptography import x509

from base import clock
from base.clock import SECOND
from base.console import Failure, show_json
from personal.agent import kinds, officials
from personal.agent.device import statement
from personal.agent.options import ask_agent, at_agent, file_new, file_there
from personal.rules import release
from personal.rules.evidence import Credential, CredentialKind, card_of
from personal.rules.identifiers import fresh
from personal.vault import top
from personal.vault.envelope import new_key
from personal.vault.signing import Signer

_key = click.option(
    "--key", type=file_there, required=True, help="File of your own key, as official-key made it."
)


@click.command("wishes")
@at_agent
def wishes(**place: Any) -> None:
    """Show what one official wants and a second one has to approve.

    \b
    Example:
      engawa agent wishes
    """
    show_json(ask_agent(place, "wishes"))


@click.command("official-key")
@click.argument("file", type=file_new)
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


@click.command("begin")
@click.argument("name")
@click.argument("key", type=file_there)
@at_agent
def begin(name: str, key: Path, **place: Any) -> None:
    """Add one of the first two officials. Takes the public part of their key; they add all others.

    \b
    Example:
      engawa agent begin sato sato.jwk
    """
    found = ask_agent(place, "officials.begin", official=name, key=_json(key))
    click.echo(f"The officials are {', '.join(found)}.")


@click.command("wish")
@click.argument("kind", type=click.Choice(sorted(kinds.KINDS)))
@click.argument("file", type=file_there)
@_key
@at_agent
def wish(kind: str, file: Path, key: Path, **place: Any) -> None:
    """Want something that a JSON file says. Services, keys, authorities, residents or limits.

    What lets more out takes effect when a second official approves it; what lets less out, at once.

    \b
    Example:
      engawa agent wish service shelter.json --key sato.key
    """
    signed = _signed(key, officials.WISH, kind=kind, body=_json(file))
    done = ask_agent(place, "wish", signed=signed)
    click.echo("It is done." if done["done"] else f"Have a second official look at it: {done['wish']}")


@click.command("approve")
@click.argument("id")
@_key
@at_agent
def approve(id: str, key: Path, **place: Any) -> None:
    """Approve what another official wants. `engawa agent wishes` shows it.

    \b
    Example:
      engawa agent approve w_… --key tanaka.key
    """
    found = next((one for one in ask_agent(place, "wishes") if one["wish"] == id), None)
    if found is None:
        raise Failure(f"there is no wish {id}", "engawa agent wishes shows them.")
    ask_agent(place, "approve", signed=_signed(key, officials.APPROVAL, wish=id, body=found["body"]))
    click.echo("It is done.")


@click.command("drop")
@click.argument("id")
@_key
@at_agent
def drop(id: str, key: Path, **place: Any) -> None:
    """Drop what an official wants.

    \b
    Example:
      engawa agent drop w_… --key tanaka.key
    """
    ask_agent(place, "drop", signed=_signed(key, officials.APPROVAL, wish=id))
    click.echo("It is dropped.")


@click.command("holder")
@click.option("--card", type=file_there, help="PEM file of the certificate of a card.")
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


def _signed(file: Path, typ: str, /, **claims: Any) -> str:
    told = {**claims, "iat": clock.now() // SECOND, "nonce": fresh("n_")}
    return Signer(top.read(file)).sign(told, typ)


def _json(file: Path) -> Any:
    try:
        return orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Failure(f"{file} is no JSON") from error


@click.command("sign-paper")
@click.argument("digest")
@click.argument("scan")
@click.option(
    "--certificate", type=file_there, required=True, help="PEM file of your device's certificate and its key."
)
def sign_paper(digest: str, scan: str, certificate: Path) -> None:
    """Sign with your device what a form on paper says. The pages inside show the digest.

    \b
    Example:
      engawa agent sign-paper 2Cr… scan-2026-118 --certificate device.pem
    """
    try:
        click.echo(statement(certificate.read_bytes(), digest, scan))
    except ValueError as error:
        raise Failure(f"{certificate} holds no certificate with its key", "Both have to be PEM.") from error


COMMANDS: Final = (wishes, official_key, begin, wish, approve, drop, holder, sign_paper)
