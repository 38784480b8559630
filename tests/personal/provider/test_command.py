"""engawa service login: our own client at our own provider, over HTTP."""

import asyncio
from typing import Any

import aiohttp
import pytest

from base.console import Failure
from personal.commands.service_login import Visit, log_in
from tests.personal.live import Live
from tests.personal.provider.visiting import Browser, uses_login
from tests.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def come_back(browser: Browser, url: str, login: str, answer: str) -> None:
    """Go the way of a resident, to the service."""
    landed = await browser.send(await browser.log_in(await browser.open(url), login), answer=answer)
    async with aiohttp.ClientSession() as session, session.get(landed.url) as reply:
        assert reply.status == 200


@pytest.mark.parametrize("answer", ["agree", "refuse"])
async def test_a_service_in_a_terminal_logs_somebody_in(
    live: Live, browser: Browser, login: str, answer: str
) -> None:
    back = f"http://127.0.0.1:{free_port()}/back"
    await live.service("tried", uses_login(redirectUris=[back]))
    visit = Visit("tried", live.keys["tried"], f"{live.url}/oidc/yabu", back, ("openid",), "aal3", 30)
    ways: list[asyncio.Task[Any]] = []

    def say(url: str) -> None:
        ways.append(asyncio.create_task(come_back(browser, url, login, answer)))

    if answer == "agree":
        found = await log_in(visit, say)
        assert found["acr"] == "aal3" and found["sub"].startswith("p1.")
    else:
        with pytest.raises(Failure, match="denied"):
            await log_in(visit, say)
    await asyncio.gather(*ways)


async def test_it_does_not_wait_for_ever_and_says_what_is_wrong(live: Live) -> None:
    back = f"http://127.0.0.1:{free_port()}/back"
    await live.service("tried", uses_login(redirectUris=[back]))
    issuer, key = f"{live.url}/oidc/yabu", live.keys["tried"]
    for visit, why in (
        (Visit("tried", key, issuer, back, ("openid",), "", 0.05), "in time"),
        (Visit("tried", key, issuer, "https://service.example/back", ("openid",), "", 30), "on this machine"),
        (Visit("tried", key, issuer, back + "/other", ("openid",), "", 30), "token-refused"),
        (Visit("tried", key, f"{live.url}/oidc/osaka", back, ("openid",), "", 30), "nobody logged in"),
    ):
        with pytest.raises(Failure, match=why):
            await log_in(visit, lambda _: None)
