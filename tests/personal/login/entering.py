"""Logins as ways of logging in begin them, without a provider or a card."""

import base64
from typing import Any

from base import clock
from personal.login import factors, totp
from personal.operations import logging_in
from personal.operations.actors import Who
from personal.operations.logging_in import Login
from personal.rules.levels import Level
from personal.store import sessions, staff
from tests.personal.live import Live


async def enter_staff(live: Live, login: str, *, replaces: str = "", now: int = 0) -> str:
    """Let a member of staff prove who they are at a provider; give the token."""
    moment = now or clock.now()

    def work(db: Any) -> str:
        member = staff.by_login(db, login)
        assert member is not None
        made = Login(Who.STAFF, member.id, Level.CARD, "oidc.test", member.roles, moment)
        former = sessions.digest(replaces) if replaces else b""
        return logging_in.begin(db, made, live.module.settings, moment, agent="Firefox", replaces=former)

    return await live.town.store.write(work)


async def enter_resident(live: Live, person: str, level: Level, *, device: str = "", **more: Any) -> str:
    """Let a resident prove who they are; give the token."""
    moment = more.pop("now", 0) or clock.now()
    made = Login(Who.RESIDENT, person, level, "card", (), moment, device, more.pop("outside", None))
    settings = live.module.settings
    return await live.town.store.write(
        lambda db: logging_in.begin(db, made, settings, moment, agent="Chrome", **more)
    )


async def enrolment(live: Live, login: str) -> str:
    """Have an administrator hand out the code for a member's first second factor."""
    settings, moment = live.module.settings, clock.now()

    def work(db: Any) -> str:
        member = staff.by_login(db, login)
        assert member is not None
        return factors.enrol(db, member.id, settings, by="m_other", now=moment)[0]

    return await live.town.store.write(work)


def code(secret: str, steps: int = 1) -> str:
    """Give the code that a device shows some steps of 30 seconds from now; the next is good, whenever a step ends."""
    raw = base64.b32decode(secret.replace(" ", ""))
    return totp.code_at(raw, clock.now() // (totp.STEP * clock.SECOND) + steps)


async def with_codes(live: Live, login: str) -> tuple[str, str]:
    """Let a member of staff log in and make their first second factor; give the token and the device's secret."""
    token, given = await enter_staff(live, login), await enrolment(live, login)
    begun = await live.post("/factors/begin", {"kind": "totp", "enrolment": given}, by=token)
    assert begun.status == 201, begun.raw
    secret = begun.json["secret"]
    body = {"attempt": begun.json["attempt"], "code": code(secret, 0), "name": "机の上"}
    made = await live.post("/factors", body, by=token)
    assert made.status == 201, made.raw
    return made.json["token"], secret
