"""Residents who decide, for tests over HTTP."""

from typing import Any

from tests.personal.live import Live, Reply

SESSION = {"kind": "session"}
RECEPTION = {"service": "shelter", "purpose": "reception"}


async def prepared(live: Live, by: str, **body: Any) -> Reply:
    """Prepare a decision on the purpose reception of the service shelter, unless told otherwise."""
    return await live.post("/me/consents/prepare", {**RECEPTION, **body}, by=by)


async def decide(live: Live, by: str, evidence: Any = SESSION, **body: Any) -> Reply:
    """Prepare and submit a decision."""
    reply = await prepared(live, by, **body)
    assert reply.status == 200, reply.raw
    told = {} if evidence is None else {"evidence": evidence}
    return await live.post("/me/consents", {"prepared": reply.json["prepared"], **told}, by=by)


async def item(live: Live, by: str, code: str, kind: str = "share") -> Any:
    """Give how a consent stands in the resident's list."""
    reply = await live.get("/me/consents", by=by)
    assert reply.status == 200, reply.raw
    for service in reply.json["services"]:
        for purpose in service["purposes"]:
            for one in purpose["items"]:
                if (service["id"], purpose["id"], one["item"]) == ("shelter", "reception", code):
                    return one[kind]
    raise AssertionError(code)
