"""The commands for whoever runs a service that asks the module: a key of its own, access tokens got with it."""

import asyncio
import os
import secrets
import ssl
import time
from pathlib import Path
from typing import Any, Final

import aiohttp
import click
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, import_key

from base.console import Failure, json_option, tell
from personal.commands.service_login import Visit, log_in
from personal.rules.assertion import LONGEST_LIFE

TOWN_HEADER: Final = "Engawa-Municipality"
_ANSWER_SECONDS: Final = 20


@click.group()
def service() -> None:
    """Make the key of a service, and get its access tokens.

    \b
    Example:
      engawa service token shelter --key var/demo/shelter.jwk
    """


@service.command("key")
@click.argument("id")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="New file for it."
)
def make_key(id: str, out: Path) -> None:
    """Make a secret key for a service, and print the public one. The municipality approves that.

    \b
    Example:
      engawa service key shelter --out shelter.jwk > shelter.public.json
    """
    click.echo(orjson.dumps(new_key(id, out), option=orjson.OPT_INDENT_2).decode())


@service.command("token")
@click.argument("id")
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="File with the secret key (JWK).",
)
@click.option("--url", default="http://127.0.0.1:8026", show_default=True, help="Where the module is.")
@click.option(
    "--municipality", default="", metavar="ID", help="Which municipality, if several share the module."
)
@click.option(
    "--authorities",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of the authorities that vouch for the module; none: those of the system.",
)
@json_option
def get_token(
    id: str, key: Path, url: str, municipality: str, authorities: Path | None, as_json: bool
) -> None:
    """Get an access token for a service and print it, for use in scripts.

    \b
    Example:
      TOKEN=$(engawa service token shelter --key var/demo/shelter.jwk)
    """
    proof = assertion(id, _read(key), url.rstrip("/"))
    answer = asyncio.run(_ask(url.rstrip("/"), municipality, proof, authorities))
    tell(answer, as_json, answer["access_token"])


@service.command("login")
@click.argument("id")
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="File with the secret key (JWK).",
)
@click.option(
    "--issuer",
    default="http://127.0.0.1:8026/oidc/yabu",
    show_default=True,
    help="The common login of the municipality.",
)
@click.option(
    "--back",
    default="http://127.0.0.1:8109/back",
    show_default=True,
    help="Registered address on this machine to which the browser comes back.",
)
@click.option("--scope", default="openid", show_default=True, help="What is asked for.")
@click.option("--level", default="", metavar="ACR", help="How sure the login has to be: aal1, aal2, aal3.")
@click.option("--seconds", default=300.0, show_default=True, help="How long to wait for the browser.")
@json_option
def try_login(
    id: str, key: Path, issuer: str, back: str, scope: str, level: str, seconds: float, as_json: bool
) -> None:
    """Log a resident in by the common login, as a service would. The browser goes to the address printed.

    \b
    Example:
      engawa service login shelter --key var/demo/shelter.jwk
    """
    visit = Visit(id, _read(key), issuer.rstrip("/"), back, tuple(scope.split()), level, seconds)
    found = asyncio.run(log_in(visit, lambda url: click.echo(url, err=True)))
    tell(found, as_json, "\n".join(f"{name}: {value}" for name, value in found.items()))


def new_key(id: str, file: Path) -> dict[str, Any]:
    """Make a secret key in a file that only its owner reads; give the set with its public key."""
    kid = f"{id}-{time.strftime('%Y%m%d', time.gmtime())}-{secrets.token_hex(3)}"
    key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError as error:
        raise Failure(f"{file} is there already", "Name another file: a key is never overwritten.") from error
    with os.fdopen(handle, "wb") as out:
        out.write(orjson.dumps(key.as_dict(private=True), option=orjson.OPT_INDENT_2))
        out.flush()
        os.fsync(handle)
    return public_keys(file)


def public_keys(file: Path) -> dict[str, Any]:
    """Give the set with the public half of the key in a file."""
    return {"keys": [_read(file).as_dict(private=False)]}


def assertion(id: str, key: Any, audience: str) -> str:
    """Sign that a service is the one that asks. (RFC 7523 3)"""
    now = int(time.time())
    claims = {
        "iss": id,
        "sub": id,
        "aud": audience,
        "iat": now,
        "exp": now + LONGEST_LIFE // 5,
        "jti": secrets.token_urlsafe(16),
    }
    told = key.as_dict(private=False)
    try:
        return jwt.encode({"alg": told.get("alg", "ES256"), "kid": told.get("kid", "")}, claims, key)
    except JoseError as error:
        raise Failure("the key cannot sign", "Make one with: engawa service key") from error


def _read(file: Path) -> Any:
    try:
        return import_key(orjson.loads(file.read_bytes()))
    except (OSError, ValueError, JoseError, AttributeError) as error:
        raise Failure(f"{file} holds no key", "Make one with: engawa service key") from error


async def _ask(url: str, municipality: str, proof: str, authorities: Path | None) -> dict[str, Any]:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": proof,
    }
    headers = {TOWN_HEADER: municipality} if municipality else {}
    trust = ssl.create_default_context(cafile=authorities) if url.startswith("https:") else False
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(f"{url}/personal/v1/token", data=form, headers=headers, ssl=trust) as reply,
    ):
        body = await reply.read()
    try:
        answer = orjson.loads(body)
    except ValueError as error:
        raise Failure(f"{url} is no personal-data module: it answers {reply.status}") from error
    if reply.status != 200:
        raise Failure(str(answer.get("detail", f"the module answers {reply.status}")))
    return dict(answer)
