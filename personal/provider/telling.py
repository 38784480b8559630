"""Telling services that a login is over: signed, again and again until they take it. (OIDC Back-Channel Logout 1.0)"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import structlog

from base import clock, egress
from base.access.reach import is_loopback
from base.clock import SECOND
from base.database import Connection
from base.egress import AddressPolicy
from personal.operations.call import FORM, Module
from personal.provider.city import City
from personal.rules.authorization import login_of
from personal.rules.identifiers import fresh
from personal.store import logouts, service_logins, services
from personal.store.leftovers import pause
from personal.store.logouts import Logout

TYPE: Final = "logout+jwt"
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
ROUND: Final = 2.0
AT_ONCE: Final = 50
LONGEST: Final = 24 * 3_600 * SECOND
"""How long a service is told again: by then whatever it kept of the login is over."""
TOKEN_SECONDS: Final = 120
PATIENCE: Final = aiohttp.ClientTimeout(total=10.0)
_TAKEN: Final = frozenset({200, 204})
log = structlog.get_logger("engawa.personal")


async def round_of(city: City, web: aiohttp.ClientSession, now: int) -> None:
    """End at services what ended here, and tell those that want to hear of it."""
    store = city.town.store
    if store.read(lambda db: logouts.anything(db, now)):
        await store.write(lambda db: _end(db, now))
    waiting = store.read(lambda db: logouts.due(db, now, AT_ONCE))
    await asyncio.gather(*(_tell(city, web, one, now) for one in waiting))


@contextlib.asynccontextmanager
async def attended(module: Module, seconds: float = ROUND) -> AsyncIterator[None]:
    """Do this for every municipality, again and again, while the block runs."""
    settings = module.settings
    policy = AddressPolicy(settings.outgoing, loopback=is_loopback(settings.host))
    async with aiohttp.ClientSession(
        connector=egress.connector(policy), trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as web:
        task = asyncio.create_task(_rounds(module, web, seconds))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _rounds(module: Module, web: aiohttp.ClientSession, seconds: float) -> None:
    while True:
        for town in module.towns.values():
            try:
                await round_of(City(module, town), web, clock.now())
            except Exception as error:  # noqa: BLE001  # whatever it is, the next round tries again
                log.error("a round of logouts failed", error=type(error).__name__)
        await asyncio.sleep(seconds)


def _end(db: Connection, now: int) -> None:
    """Let logins at services end with the ones here; what may go on alone goes on, but its session is over."""
    for session, early in logouts.ended(db, now):
        for one in service_logins.of_session(db, session):
            if early:
                logouts.add(db, one.service, one.sid, one.subject, now)
            if not one.offline:
                service_logins.end(db, one.id)
    service_logins.end_over(db, now)


async def _tell(city: City, web: aiohttp.ClientSession, one: Logout, now: int) -> None:
    store = city.town.store
    url = store.read(lambda db: _url(db, one.service))
    if url is None or one.made + LONGEST < now or await _told(city, web, one, url, now):
        await store.write(lambda db: logouts.done(db, one.number))
    else:
        await store.write(functools.partial(logouts.later, number=one.number, due=now + pause(one.tries)))


async def _told(city: City, web: aiohttp.ClientSession, one: Logout, url: str, now: int) -> bool:
    form = {"logout_token": await city.signed(claims_of(one, now), TYPE)}
    try:
        async with web.post(
            url, data=form, headers={"Content-Type": FORM}, allow_redirects=False, timeout=PATIENCE
        ) as answer:
            return answer.status in _TAKEN
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        log.warning("a logout was not taken", service=one.service, reason=type(error).__name__)
        return False


def claims_of(one: Logout, now: int) -> dict[str, Any]:
    """Say that a login is over, as its service knows it; each time under another identifier."""
    return {
        "aud": one.service,
        "iat": now // SECOND,
        "exp": now // SECOND + TOKEN_SECONDS,
        "jti": fresh(),
        "sub": one.subject,
        "sid": one.sid,
        "events": {EVENT: {}},
    }


def _url(db: Connection, service: str) -> str | None:
    found = services.find(db, service)
    login = None if found is None or not found.active else login_of(found.description)
    return None if login is None else login.get("backchannelLogoutUri")
