"""Two services with everything the common login told them about residents cannot join them. (DESIGN 3)

Compared is every value that a service receives: parameters of the answer, headers, tokens and what is in them, what
introspection and userinfo say, logout tokens. The moments of a service's own requests are left out: it chooses them.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import aiohttp
import orjson
import pytest
from joserfc.jws import extract_compact

from base import clock
from personal.provider import telling
from personal.provider.city import City
from personal.rules.notice import QUARTER
from personal.store import service_logins
from personal.store.logouts import Logout
from tests.personal.live import Live
from tests.personal.provider.visiting import Browser, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")
RESIDENTS = 8
OWN_MOMENTS = frozenset({"iat", "exp", "auth_time", "date", "expires_in"})


def values(told: Any, name: str = "") -> Iterator[str]:
    """Give every value, with those in tokens that are signed and not only signs."""
    if isinstance(told, dict):
        for key, inner in told.items():
            if key.lower() not in OWN_MOMENTS:
                yield from values(inner, key)
    elif isinstance(told, list):
        for inner in told:
            yield from values(inner, name)
    else:
        yield str(told)
        if isinstance(told, str) and told.count(".") == 2 and told.startswith("ey"):
            found = extract_compact(told.encode())
            yield from values(found.headers())
            yield from values(orjson.loads(found.payload))


async def received(client: Client, browser: Browser, login: str) -> tuple[set[str], int]:
    """Give what a service receives of a login, and the moment of it that it is told."""
    landed = await client.agreed(browser, login, state="s", nonce="n")
    reply = await client.token(landed.told["code"])
    tokens = reply.json
    refreshed = (await client.refresh(tokens["refresh_token"])).json
    told = [
        landed.told,
        tokens,
        dict(reply.headers),
        refreshed,
        await client.introspect(refreshed["access_token"]),
        (await client.userinfo(refreshed["access_token"])).json,
    ]
    return set(values(told)), (await client.told(tokens["id_token"]))["auth_time"]


async def test_nothing_that_two_services_received_joins_residents(
    live: Live, library: Client, shelter: Client
) -> None:
    seen: dict[str, dict[str, set[int]]] = {"library": defaultdict(set), "shelter": defaultdict(set)}
    for number in range(RESIDENTS):
        login = f"unlinked-{number}"
        await live.register(login)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            browser = Browser(live.url, session)
            first, _ = await received(library, browser, login)
            second, moment = await received(shelter, browser, login)
            assert moment * clock.SECOND % QUARTER == 0, "the moment of one login would join both"
        for id, found in (("library", first), ("shelter", second)):
            for value in found:
                seen[id][value].add(number)
    joining = {
        value
        for value in seen["library"].keys() & seen["shelter"].keys()
        if min(len(seen["library"][value]), len(seen["shelter"][value])) < RESIDENTS
    }
    assert joining == set()
    assert all(len(found) > 10 * RESIDENTS for found in seen.values())


async def test_logout_tokens_join_nobody(
    live: Live, library: Client, shelter: Client, browser: Browser, login: str
) -> None:
    await library.entered(browser, login)
    await shelter.entered(browser, login)
    town = City(live.module, live.town)
    person = await live.person(login)
    found = live.town.store.read(lambda db: service_logins.of_person(db, person))
    assert len({one.sid for one in found}) == len({one.subject for one in found}) == len(found) == 2
    assert len({one.session for one in found}) == 1
    logouts = [Logout(0, one.service, one.sid, one.subject, 0, 0) for one in found]
    tokens = [await town.signed(telling.claims_of(one, clock.now()), telling.TYPE) for one in logouts]
    first, second = (set(values(token)) - {token} for token in tokens)
    kid = (await town.keys(clock.now()))["keys"][0]["kid"]
    assert first & second <= {town.issuer, "ES256", telling.TYPE, kid}
