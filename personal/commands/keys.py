"""The commands for the keys of a municipality: renew, back up, restore, share out; none of them shows a key."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from base.admin import ask
from base.console import Failure, json_option, read_settings, setting_options, show_json, show_table, tell
from base.database import lock_folder
from personal.settings import PREFIX, SECTION, PersonalSettings

_at_module = setting_options(PersonalSettings, PREFIX, only=("data",))
_with_token = setting_options(
    PersonalSettings, PREFIX, only=("data", "pkcs11_library", "pkcs11_token", "pkcs11_pin")
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("vault-keys")
def vault_keys() -> None:
    """Renew, back up, restore and share out a town's keys.

    \b
    Example:
      engawa vault-keys list yabu
    """


@vault_keys.command("list")
@click.argument("municipality")
@_at_module
@json_option
def list_keys(municipality: str, as_json: bool, **place: Any) -> None:
    """List which keys there are. Shows versions and numbers, never what they are.

    \b
    Example:
      engawa vault-keys list yabu --json
    """
    found = _ask(place, "keys.list", municipality=municipality)
    if as_json:
        show_json(found)
        return
    show_table(("key", "versions"), [(row["name"], row["versions"]) for row in found["named"]])
    click.echo(f"{found['personal']} keys of residents; top key {found['top']}")


@vault_keys.command("public")
@click.argument("municipality")
@click.argument("name", type=click.Choice(["cloud", "signing"]))
@_at_module
def public(municipality: str, name: str, **place: Any) -> None:
    """Print a public key as JSON (JWK). That of the signature, or of the client of a vault.

    \b
    Example:
      engawa vault-keys public yabu cloud > yabu.jwk
    """
    show_json(_ask(place, "keys.public", municipality=municipality, name=name))


@vault_keys.command("renew")
@click.argument("municipality")
@click.argument("name", type=click.Choice(["cloud", "handle", "id-token", "ppid", "residents", "signing"]))
@_at_module
@json_option
def renew(municipality: str, name: str, as_json: bool, **place: Any) -> None:
    """Make a new version of a key. `residents`: each record gets a new one at its next change.

    \b
    Example:
      engawa vault-keys renew yabu residents
    """
    made = _ask(place, "keys.renew", municipality=municipality, name=name)
    again = " Start the module again to sign with it." if name in ("cloud", "signing") else ""
    tell(made, as_json, f"The key '{name}' is renewed.{again}")


@vault_keys.command("prune")
@click.argument("municipality")
@click.option(
    "--days", type=click.IntRange(0, 36_500), default=90, show_default=True, help="Older than so many."
)
@_at_module
@json_option
def prune(municipality: str, days: int, as_json: bool, **place: Any) -> None:
    """Destroy keys of residents that newer ones replaced. Records in older back-ups do not open then.

    \b
    Example:
      engawa vault-keys prune yabu --days 90
    """
    gone = _ask(place, "keys.prune", municipality=municipality, days=days)
    tell(gone, as_json, f"{gone['destroyed']} old keys are destroyed.")


@vault_keys.command("rotate-top")
@click.argument("municipality")
@_at_module
@json_option
def rotate_top(municipality: str, as_json: bool, **place: Any) -> None:
    """Make a new top key, and wrap all keys under it. Destroys the old one; goes on where it was ended.

    \b
    Example:
      engawa vault-keys rotate-top yabu
    """
    done = _ask(place, "keys.rotate-top", municipality=municipality)
    tell(
        done,
        as_json,
        f"{done['keys']} keys are wrapped under the top key {done['top']}. Make a new back-up and new shares now: "
        "those from before need the old top key.",
    )


@vault_keys.command("backup")
@click.argument("municipality")
@click.argument("target", type=click.Path(path_type=Path))
@_at_module
@json_option
def backup(municipality: str, target: Path, as_json: bool, **place: Any) -> None:
    """Write the wrapped keys to a folder. The list of shredded ones goes along; the module may run.

    \b
    Example:
      engawa vault-keys backup yabu /mnt/safe/yabu-2026-11-21
    """
    from personal.vault import backup as backups

    backups.save(_folder(_settings(place), municipality), target)
    tell({"folder": str(target)}, as_json, f"The key store is in {target}. Keep the top key elsewhere.")


@vault_keys.command("restore")
@click.argument("municipality")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_with_token
@json_option
def restore(municipality: str, source: Path, as_json: bool, **place: Any) -> None:
    """Bring back missing keys from a back-up. Shredded ones stay so; the module must not run.

    \b
    Example:
      engawa vault-keys restore yabu /mnt/safe/yabu-2026-11-21
    """
    from personal.vault import backup as backups
    from personal.vault import opening

    settings = _settings(place)
    with _stopped(settings):
        folder = _folder(settings, municipality)
        found = backups.restore(folder, source, opening.top_key(settings, folder, make=False))
    told = {"restored": found.keys, "present": found.present, "shredded": found.kept_away}
    tell(
        told,
        as_json,
        f"{found.keys} keys came back, {found.present} were there, {found.kept_away} are shredded and stay so.",
    )


@vault_keys.command("escrow")
@click.argument("municipality")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--shares", type=int, default=5, show_default=True, help="How many shares to make.")
@click.option("--threshold", type=int, default=3, show_default=True, help="How many of them restore the key.")
@_at_module
@json_option
def escrow(municipality: str, target: Path, shares: int, threshold: int, as_json: bool, **place: Any) -> None:
    """Share out the top key in files. Each holds one line, to be kept by another person.

    \b
    Example:
      engawa vault-keys escrow yabu /run/shares --shares 5 --threshold 3
    """
    from personal.vault import escrow as sharing
    from personal.vault import top

    folder = _folder(_settings(place), municipality)
    if not (folder / top.FILE).exists():
        raise Failure(
            f"{municipality} has no top key in a file",
            "A top key in a token never leaves it: use the token's own back-up.",
        )
    if (folder / top.NEXT).exists():
        raise Failure("the top key is being changed", "Run `engawa vault-keys rotate-top` to its end first.")
    made = sharing.split(top.read(folder / top.FILE), threshold, shares)
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for share in made:
        _write_new(target / f"{municipality}-share-{share.number}", share.text() + "\n")
    tell(
        {"key": made[0].key, "folder": str(target), "shares": shares, "threshold": threshold},
        as_json,
        f"{shares} shares are in {target}; any {threshold} restore the key. Give each to another person, then "
        "delete the files.",
    )


@vault_keys.command("recover")
@click.argument("municipality")
@click.argument("shares", nargs=-1, required=True, type=_FILE)
@_at_module
@json_option
def recover(municipality: str, shares: tuple[Path, ...], as_json: bool, **place: Any) -> None:
    """Restore a top key from enough of its shares. The module must not run.

    \b
    Example:
      engawa vault-keys recover yabu share-1 share-3 share-4
    """
    from personal.vault import escrow as sharing
    from personal.vault import top

    settings = _settings(place)
    with _stopped(settings):
        folder = _folder(settings, municipality)
        if (folder / top.FILE).exists():
            raise Failure(f"{folder / top.FILE} is there already", "Move it away if it is the wrong one.")
        key = sharing.joined(sharing.read(path.read_text(encoding="utf-8")) for path in shares)
        top.write(folder / top.FILE, key)
    tell({"key": top.name(key)}, as_json, f"The top key {top.name(key)} is restored.")


def _write_new(path: Path, text: str) -> None:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _stopped(settings: PersonalSettings) -> Iterator[None]:
    """Take the data folder, which nobody else may use meanwhile."""
    lock = lock_folder(settings.data)
    try:
        yield
    finally:
        os.close(lock)


def _folder(settings: PersonalSettings, municipality: str) -> Path:
    folder = settings.data / municipality
    if not folder.is_dir():
        raise Failure(f"there is no municipality {municipality} in {settings.data}")
    return folder


def _ask(place: dict[str, Any], what: str, /, **arguments: Any) -> Any:
    return asyncio.run(ask(_settings(place).data, what, **arguments, seconds=3_600.0))


def _settings(place: dict[str, Any]) -> PersonalSettings:
    given = {name: value for name, value in place.items() if name != "config"}
    return read_settings(
        PersonalSettings, prefix=PREFIX, section=SECTION, given=given, config=place["config"]
    )
