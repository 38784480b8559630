"""Identifiers, made in one place."""

import itertools
import os
import uuid

_START = os.urandom(4).hex()
_COUNT = itertools.count(1)


def urn(kind: str) -> str:
    """Make an identifier of an NGSI-LD element, such as urn:ngsi-ld:Subscription:…"""
    return f"urn:ngsi-ld:{kind}:{uuid.uuid4()}"


def request() -> str:
    """Number a request; unique among restarts, cheap, and without meaning to others."""
    return f"{_START}-{next(_COUNT):x}"
