"""The audit log over HTTP: signed heads and proofs for everybody, entries for auditors. (RFC 9162 5)"""

from typing import Any, Final

from base import clock
from base.errors import BadRequestData
from personal.audit import heads, reading
from personal.operations.call import Answer, Call, Module
from personal.operations.town import Town
from personal.vault import signing
from personal.vault.signing import Signer

MOST: Final = 1_000


async def keys(call: Call, _: Module) -> Answer:
    """Give the public keys under which this municipality signs and has signed, the newest first. (RFC 7517)"""
    return Answer(body=published(call.town), media_type="application/jwk-set+json")


def published(town: Town) -> dict[str, Any]:
    """Give the public keys of a municipality as a JWKS."""
    return {"keys": [Signer(seed).public() for _, seed in town.keys.versions(signing.NAME)]}


async def head(call: Call, _: Module) -> Answer:
    """Give the signed head of the log as it is now."""
    signer, name = call.town.signer, call.town.id
    found = call.town.store.read(heads.latest)
    if found is None:
        found = await call.town.store.write(lambda db: heads.current(db, signer, name, call.now))
    return Answer(body=found.shown())


async def inclusion(call: Call, _: Module) -> Answer:
    """Prove that an entry is in the log of a size."""
    position, size = number(call, "position"), number(call, "size")
    proof = call.town.store.read(lambda db: reading.inclusion(db, position, size))
    return Answer(body={"position": position, "size": size, "proof": proof})


async def consistency(call: Call, _: Module) -> Answer:
    """Prove that the log of a size begins with the log of an older size."""
    first, second = number(call, "first"), number(call, "second")
    proof = call.town.store.read(lambda db: reading.consistency(db, first, second))
    return Answer(body={"first": first, "second": second, "proof": proof})


async def entries(call: Call, _: Module) -> Answer:
    """List entries from a position on, as they were hashed."""
    start, most = number(call, "from", 0), min(number(call, "limit", 100), MOST)
    found = call.town.store.read(lambda db: reading.entries(db, start, most))
    listed = [
        {"position": one.position, "at": clock.show(one.at), "entry": one.body.decode()} for one in found
    ]
    return Answer(body={"entries": listed})


def number(call: Call, name: str, default: int | None = None) -> int:
    """Read a parameter that is a whole number from 0."""
    text = call.params.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 15:
        raise BadRequestData(f"The parameter '{name}' must be a whole number from 0.")
    return int(text)
