"""The command that makes the key by which login providers know this installation."""

from pathlib import Path

import click
import orjson

from personal.commands.services import new_key


@click.command("login-keys")
@click.argument("name")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="New file for it."
)
def login_keys(name: str, out: Path) -> None:
    """Make a key for login providers, and print its public half.

    The provider gets that half, or the address where the module publishes it: /login/oidc/jwks. The file with the key
    is named in the file of the setting logins. (docs/personal-login.md)

    \b
    Example:
      engawa login-keys digital --out digital.jwk > digital.public.json
    """
    click.echo(orjson.dumps(new_key(name, out), option=orjson.OPT_INDENT_2).decode())
