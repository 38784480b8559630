"""The commands about the audit log: whoever keeps its heads can prove that nothing was changed. (RFC 9162)"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import click
import orjson

from base.access.reach import is_loopback
from base.admin import ask
from base.console import Failure, Unreachable, counted, json_option, show_json, show_table
from base.errors import BadRequestData
from personal.command import at_module, of_municipality, settings_of
from personal.commands.receipts import TOWN_HEADER, read_keys
from personal.rules import heads
from personal.rules.heads import Head

_SECONDS: Final = 3_600.0
_ANSWER_SECONDS: Final = 60
_LONGEST: Final = 1 << 20
_LEAVE: Final = "Keep the file of heads as it is: it proves this. Ask the municipality, and an auditor."


@dataclass
class Known:
    """What the file of heads holds: keys and heads as they were seen, the latest last, and heads that contradict."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    contradicting: list[str] = field(default_factory=list)


@click.group()
def audit() -> None:
    """Verify the audit log of a municipality.

    \b
    Example:
      engawa audit verify https://personal.example.jp --heads heads.json
    """


@audit.command("verify")
@click.argument("url", required=False)
@click.option(
    "--heads",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the heads seen so far; what is seen now is added.",
)
@click.option("--keys", metavar="FILE", help="Public keys of the municipality (JWKS) that you trust.")
@of_municipality
@at_module
@json_option
def verify(
    url: str | None,
    file: Path | None,
    keys: str | None,
    as_json: bool,
    municipality: str,
    config: Path | None,
    **given: Any,
) -> None:
    """Verify that the log has only grown. With a URL from outside, without one at the machine itself.

    \b
    Example:
      engawa audit verify https://personal.example.jp --municipality yabu --heads heads.json
      engawa audit verify --data var/personal
    """
    known = Known() if file is None else _read(file)
    trusted = None if keys is None else read_keys(keys)
    if url is None:
        told = _at_machine(settings_of(given, config).data, municipality, _opened(known, trusted))
    else:
        told = _from_outside(url, municipality, known, trusted, file)
    if as_json:
        show_json(told)
    else:
        show_table(("what", "value"), [(name, str(value)) for name, value in told.items()])


@audit.command("accept-clock")
@of_municipality
@at_module
def accept_clock(municipality: str, config: Path | None, **given: Any) -> None:
    """Say that the clock is right although the log ends later. Nothing is done until then.

    \b
    Example:
      engawa audit accept-clock
    """
    data = settings_of(given, config).data
    told = asyncio.run(ask(data, "audit.accept-clock", municipality=municipality))
    click.echo(f"The log goes on with the clock as it is: {told['at']}.")


def _at_machine(data: Path, municipality: str, seen: list[Head]) -> dict[str, Any]:
    asked = [{"size": head.size, "root": head.root.hex()} for head in seen]
    told: dict[str, Any] = asyncio.run(
        ask(data, "audit.verify", seconds=_SECONDS, municipality=municipality, heads=asked)
    )
    if told["faults"]:
        first, *others = (fault["fault"] for fault in told["faults"])
        more = f"; {counted(len(others), 'fault')} more with it" if others else ""
        raise Failure(
            f"The log of {told['municipality']} does not hold: {first}{more}.",
            "\n".join([*others, "Stop the module, keep its folder as it is, and compare with a back-up."]),
        )
    back = told.pop("clockSetBack")
    return {
        **{name: value for name, value in told.items() if name != "faults"},
        "holds": "every entry, the whole tree, and every signed head",
        **({"clock": f"was set back before the entries {', '.join(map(str, back))}"} if back else {}),
    }


def _from_outside(
    url: str, municipality: str, known: Known, trusted: dict[str, Any] | None, file: Path | None
) -> dict[str, Any]:
    place = urlsplit(url)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise click.UsageError(f"{url} is no URL of a module, such as https://personal.example.jp")
    if place.scheme == "http" and not is_loopback(place.hostname):
        raise Failure(f"What {url} says could be anybody's.", "Give https.")
    seen = _opened(known, trusted)
    headers = {TOWN_HEADER: municipality} if municipality else {}
    signed, keys, head, proof = asyncio.run(_asked(url.rstrip("/"), headers, trusted, seen[-1:]))
    if municipality not in ("", head.municipality):
        raise Failure(f"The head is one of {head.municipality}, not of {municipality}.", _LEAVE)
    against = heads.contradiction(seen[-1], head, proof) if seen else None
    if against is not None:
        if file is not None:
            known.contradicting.append(signed)
            _write(file, known)
        raise Failure(against, _LEAVE)
    new = [key for key in keys["keys"] if key not in known.keys]
    told = {
        "municipality": head.municipality,
        "size": head.size,
        "at": head.at,
        "root": head.root.hex(),
        "proven": _proven(seen, head),
    }
    if known.keys and new:
        told["keys"] = f"{counted(len(new), 'key')} not seen before; is that as the municipality says?"
    if file is not None:
        known.keys += new
        known.heads += [] if seen and seen[-1].size == head.size else [signed]
        _write(file, known)
    return told


def _proven(seen: list[Head], head: Head) -> str:
    if not seen:
        return "the signature; keep the head (--heads) to prove later that the log has only grown"
    first, last = seen[0], seen[-1]
    if last.size == head.size:
        return f"nothing was added or changed since {last.at}"
    return f"begins with the {counted(last.size, 'entry', 'entries')} of {last.at}, first seen {first.at}"


async def _asked(
    url: str, headers: Mapping[str, str], trusted: dict[str, Any] | None, last: list[Head]
) -> tuple[str, dict[str, Any], Head, list[bytes]]:
    limit = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=limit, headers=headers) as session:
        try:
            keys = trusted or await _got(session, f"{url}/personal/v1/keys")
            told = await _got(session, f"{url}/personal/v1/audit/head")
            head = heads.opened(str(told["signed"]), keys)
            if (told["size"], told["at"], told["root"]) != (head.size, head.at, head.root.hex()):
                raise Failure("The head is not the one that was signed.", _LEAVE)
            proof: list[bytes] = []
            if last and 0 < last[0].size < head.size:
                sizes = f"first={last[0].size}&second={head.size}"
                found = await _got(session, f"{url}/personal/v1/audit/consistency?{sizes}")
                proof = [bytes.fromhex(step) for step in found["proof"]]
        except BadRequestData as problem:
            raise Failure(f"The head of the log: {problem.detail}", _LEAVE) from None
        except (ValueError, TypeError, KeyError):
            raise Failure(f"What {url} answers is not what a module answers.") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{url} cannot be reached: {type(error).__name__}.") from None
    return str(told["signed"]), keys, head, proof


async def _got(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url, allow_redirects=False) as reply:
        told = orjson.loads(await reply.content.read(_LONGEST))
        if reply.status != 200:
            raise Failure(str(told["detail"]), "Name the municipality with --municipality.")
        if not isinstance(told, dict):
            raise TypeError
        return told


def _opened(known: Known, trusted: dict[str, Any] | None) -> list[Head]:
    """Verify the heads that were kept, under the keys that are trusted, or that were seen with them."""
    try:
        return [heads.opened(text, trusted or {"keys": known.keys}) for text in known.heads]
    except BadRequestData as problem:
        raise Failure(
            f"The file of heads: {problem.detail}", "Use another copy of it, or begin a new one."
        ) from None


def _read(file: Path) -> Known:
    try:
        told = orjson.loads(file.read_bytes())
        known = Known(list(told["keys"]), list(told["heads"]), list(told["contradicting"]))
    except FileNotFoundError:
        return Known()
    except (ValueError, TypeError, KeyError):
        raise Failure(f"{file} is no file of heads.", "Use another copy of it, or begin a new one.") from None
    return known


def _write(file: Path, known: Known) -> None:
    """Write the file whole or not at all."""
    told = {"keys": known.keys, "heads": known.heads, "contradicting": known.contradicting}
    fresh = file.with_name(f".{file.name}.new")
    with fresh.open("wb") as handle:
        handle.write(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(file)
