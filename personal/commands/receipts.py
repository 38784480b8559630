"""The command for whoever holds a receipt of consent: is it as the municipality signed it, and in the log."""

import asyncio
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import click
import orjson

from base import forms
from base.access.reach import is_loopback
from base.console import Failure, json_option, show_json, show_table
from base.errors import Problem
from personal.rules import receipts
from schemas.personal import catalogue

TOWN_HEADER: Final = "Engawa-Municipality"
_ANSWER_SECONDS: Final = 20
_LONGEST: Final = 1 << 20


@click.group()
def receipt() -> None:
    """Verify receipts of consent.

    \b
    Example:
      engawa receipt verify receipt.jsonld --keys keys.json
    """


@receipt.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--keys",
    metavar="FILE|URL",
    help="Public keys of the municipality (JWKS); without it they are asked of the module that the receipt names.",
)
@json_option
def verify(file: Path, keys: str | None, as_json: bool) -> None:
    """Verify that a receipt is as it was signed. The municipality's log must tell of it, too.

    \b
    Example:
      engawa receipt verify receipt.jsonld
      engawa receipt verify receipt.jsonld --keys keys.json
    """
    found = read(file.read_bytes())
    where = keys or _address(found)
    try:
        head = receipts.verified(found, _keys(where, found))
    except Problem as problem:
        raise Failure(
            problem.detail, "Do not rely on this receipt; ask the municipality for it again."
        ) from None
    told = _told(found, head, where)
    if as_json:
        show_json(told)
    else:
        show_table(("what", "value"), [(name, str(value)) for name, value in told.items()])


def read(text: bytes) -> dict[str, Any]:
    """Read a receipt; Failure if it does not look like one."""
    if len(text) > _LONGEST:
        raise Failure("The file is too long for a receipt.")
    try:
        found: dict[str, Any] = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Failure("The file is not JSON.", "Give the receipt as it was downloaded.") from None
    fault = forms.fault(forms.validator(catalogue.schema("receipt")), found)
    if fault is not None:
        raise Failure(f"The file is no receipt: {fault}", "Give the receipt as it was downloaded.")
    return found


def _address(found: dict[str, Any]) -> str:
    records = found["dpv:hasRecordOfActivity"]
    if not records:
        raise Failure("The receipt names no module.", "Give the keys of the municipality with --keys.")
    place = urlsplit(records[0]["dpv:hasConsentControl"]["dpv:isExercisedAt"])
    return f"{place.scheme}://{place.netloc}/personal/v1/keys"


def _keys(where: str, found: dict[str, Any]) -> dict[str, Any]:
    if not where.startswith(("http://", "https://")):
        return read_keys(where)
    place = urlsplit(where)
    if place.scheme != "https" and not is_loopback(place.hostname or ""):
        raise Failure(
            f"Keys from {where} could be anybody's.", "Give https, or a file you trust, with --keys."
        )
    town = found.get(receipts.DECISION, {}).get("municipality", "")
    try:
        return asyncio.run(_fetched(where, {TOWN_HEADER: town} if town else {}))
    except (OSError, TimeoutError, aiohttp.ClientError, ValueError):
        raise Failure(f"No keys can be had from {where}.", "Give a file with --keys.") from None


def read_keys(where: str) -> dict[str, Any]:
    """Read a JWKS from a file; Failure if it is none."""
    try:
        keys: dict[str, Any] = orjson.loads(Path(where).read_bytes())
    except (OSError, ValueError):
        raise Failure(f"{where} is no JWKS that can be read.") from None
    return keys


async def _fetched(url: str, headers: dict[str, str]) -> dict[str, Any]:
    limit = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=limit) as session,
        session.get(url, headers=headers, allow_redirects=False) as reply,
    ):
        reply.raise_for_status()
        keys: dict[str, Any] = orjson.loads(await reply.content.read(_LONGEST))
        return keys


def _told(found: dict[str, Any], head: Any, where: str) -> dict[str, Any]:
    publisher = found["dct:publisher"]
    told = {
        "receipt": found["dct:identifier"],
        "municipality": f"{publisher['dpv:hasName']} ({publisher['@id'].rpartition(':')[2]})",
        "keys": where,
    }
    for record in found["dpv:hasRecordOfActivity"]:
        process, state = record["dpv:hasProcess"], record["dpv:hasConsentStatus"]["@type"]
        items = ", ".join(one["dct:identifier"] for one in process["dpv:hasPersonalData"])
        about = f"{record['dpv:hasService']['dct:identifier']}, {process['dpv:hasPurpose']['dct:identifier']}"
        told[state.removeprefix("dpv:")] = f"{items} ({about})"
    if head:
        told["log"] = f"entry {found[receipts.LOG]['position']} of {head['size']}, signed {head['at']}"
    return told
