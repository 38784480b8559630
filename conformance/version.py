"""What a broker says of itself, and that there is one."""

from importlib.metadata import version
from typing import Any

import aiohttp

from base.console import Unreachable
from conformance.answer import Answer
from conformance.subject import Subject
from conformance.surroundings import Surroundings
from conformance.verdict import Failure


class NoBroker(Unreachable):
    """Nothing answers at the URL."""


async def environment(around: Surroundings) -> dict[str, str]:
    """Find what the broker says of itself; without any answer there is no broker."""
    subject = Subject(around)
    try:
        first = await subject.get("/types")
    except Failure as failure:
        raise NoBroker(
            f"no broker answers at {around.asked.root}: {failure.seen}",
            "Is it running, and is its address right?",
        ) from failure
    found = {"broker": around.asked.root, "tool": f"engawa conformance {version('engawa')}"}
    if around.asked.tenant:
        found["tenant"] = around.asked.tenant
    if server := first.headers.get("Server"):
        found["Server header"] = server
    identity = _object(await _try(subject, "/info/sourceIdentity"))
    for name in ("contextSourceAlias", "contextSourceUptime", "contextSourceExtras"):
        if name in identity:
            found[name] = str(identity[name])
    found.update(await _told_version(around))
    await subject.close()
    return found


async def still_answers(around: Surroundings) -> bool:
    """Say whether the broker answers at all."""
    return await _try(Subject(around), "/types") is not None


async def _told_version(around: Surroundings) -> dict[str, str]:
    """Read what several brokers tell at /version, beside the API."""
    origin = around.asked.root.removesuffix("/ngsi-ld/v1")
    try:
        async with around.session.get(f"{origin}/version") as answer:
            body = await answer.json(content_type=None) if answer.status == 200 else {}
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return {}
    return {f"/version: {k}": str(v)[:100] for k, v in body.items()} if isinstance(body, dict) else {}


async def _try(subject: Subject, path: str) -> Answer | None:
    try:
        return await subject.get(path)
    except Failure:
        return None


def _object(answer: Answer | None) -> dict[str, Any]:
    try:
        body = answer.json if answer is not None and answer.code == 200 else {}
    except Failure:
        return {}
    return body if isinstance(body, dict) else {}
