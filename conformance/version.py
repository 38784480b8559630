"""What a broker says of itself, and that there is one."""

from importlib.metadata import version
from typing import Any

from base.console import USAGE, Unreachable
from conformance.answer import Answer
from conformance.case import Failure
from conformance.subject import Subject
from conformance.surroundings import Surroundings


class NoBroker(Unreachable):
    """Nothing answers at the URL."""

    exit_code = USAGE


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
    await subject.close()
    return found


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
