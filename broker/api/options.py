"""What a resource offers, for OPTIONS and refusals; which other origins may read it. (RFC 9110, Fetch)"""

from collections.abc import Iterable, Mapping

from broker.api.request import MERGE_PATCH
from broker.operations.call import JSON, LD_JSON, Operation

READABLE = (
    "Link, Location, NGSILD-Tenant, NGSILD-Snapshot, NGSILD-Results-Count, NGSILD-EntityMap, NGSILD-Warning, "
    "Content-Range, Retry-After, WWW-Authenticate"
)
"""Headers of an answer that a script of another origin may read."""
SENDABLE = (
    "Accept, Authorization, Content-Type, Link, NGSILD-Tenant, NGSILD-Snapshot, NGSILD-EntityMap, Prefer, "
    "X-API-Key"
)
REMEMBERED = "600"  # seconds a browser keeps what it was told


def allow(methods: Iterable[str]) -> str:
    """Write the Allow header of a resource. (RFC 9110 10.2.1)"""
    return ", ".join([*methods, "OPTIONS"])


def describe(methods: Mapping[str, Operation]) -> dict[str, str]:
    """Give the headers that answer OPTIONS. (RFC 9110 9.3.7, RFC 5789 3.1, LDP 7.1)"""
    headers = {"Allow": allow(methods)}
    patch, post = methods.get("PATCH"), methods.get("POST")
    if patch is not None and patch.body:
        headers["Accept-Patch"] = ", ".join([JSON, LD_JSON, *([MERGE_PATCH] if patch.merge_patch else [])])
    if post is not None and post.body:
        headers["Accept-Post"] = f"{JSON}, {LD_JSON}"
    return headers


def shared(origin: str | None, origins: tuple[str, ...]) -> dict[str, str]:
    """Give the headers that let pages of an allowed origin read an answer; never with credentials. (Fetch 3.2)"""
    if origin is None or not origins:
        return {}
    if "*" in origins:
        return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": READABLE}
    if origin not in origins:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": READABLE,
        "Vary": "Origin",
    }


def preflight(methods: Iterable[str]) -> dict[str, str]:
    """Give what a browser asks before it sends a request of an allowed origin. (Fetch 3.2.3)"""
    return {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": SENDABLE,
        "Access-Control-Max-Age": REMEMBERED,
    }
