"""Forms that came before the login they need: kept sealed for their browser for a while, shown to whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from personal.operations.actors import Actor, Who
from personal.operations.town import Town
from personal.pages.visitor import CSRF, KEPT
from personal.store import attempts
from personal.store.attempts import LONGEST, Attempt

KIND = "form"
Owner = tuple[str, Who, str, str]
"""Whose form it is: municipality, staff or resident, their id, and for whom they act."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed in, for which address, in which login."""

    path: str
    fields: Mapping[str, str] = field(repr=False)
    session: bytes = field(repr=False)


def owner_of(town: Town, actor: Actor) -> Owner:
    """Say whose forms those of a login are; staff are the same ones before their second factor."""
    who = Who.STAFF if actor.who is Who.ENTRANT else actor.who
    return town.id, who, actor.id, actor.subject or ""


async def keep(town: Town, form: Form, owner: Owner, binding: bytes, now: int) -> str:
    """Keep a form for its owner in the browser it came from; gives its name."""
    key = await town.keys.named(attempts.KEY)
    fields = {name: text for name, text in form.fields.items() if name not in (CSRF, KEPT)}
    body = {"path": form.path, "fields": fields, "session": form.session.hex(), "owner": list(owner)}
    attempt = Attempt(KIND, binding, body, now + LONGEST)
    return await town.store.write(lambda db: attempts.keep(db, key, attempt, now))


async def peek(town: Town, id: str, owner: Owner, binding: bytes, now: int) -> Form | None:
    """Look at a form that was kept; None if it is somebody else's, of another browser, or forgotten."""
    key = await town.keys.named(attempts.KEY)
    kept = town.store.read(lambda db: attempts.peek(db, key, id, KIND, binding, now))
    if kept is None or tuple(kept["owner"]) != owner:
        return None
    return Form(kept["path"], kept["fields"], bytes.fromhex(kept["session"]))


async def forget(town: Town, id: str, binding: bytes, now: int) -> None:
    """Forget a form that is back in its page."""
    key = await town.keys.named(attempts.KEY)
    await town.store.write(lambda db: attempts.take(db, key, id, KIND, binding, now))
