"""A passkey made and used in a real Chromium, by its virtual authenticator. (WebAuthn 2; CDP WebAuthn)"""

from pathlib import Path

from tests.personal.life.browsers import MARKS, PATIENCE, chromium
from tests.personal.live import live_module
from tests.personal.login.entering import enrolment, enter_staff
from tests.ports import free_port

pytestmark = MARKS


async def test_a_passkey_is_made_and_used_in_a_browser(tmp_path: Path) -> None:
    port = free_port()  # passkeys are bound to names of hosts, not to addresses
    here, folder = f"http://localhost:{port}", tmp_path / "data"
    async with live_module(folder, port=port, public_url=here) as live, chromium() as browser:
        context = await browser.new_context(locale="en")
        context.set_default_timeout(PATIENCE)
        page = await context.new_page()
        device = await context.new_cdp_session(page)
        await device.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        await device.send("WebAuthn.addVirtualAuthenticator", {"options": options})

        async def log_in() -> None:
            value = f"yabu.{await enter_staff(live, 'auditor')}"
            await context.add_cookies([{"name": "engawa-personal", "value": value, "url": here}])

        await log_in()
        await page.goto(here + "/staff")
        await page.fill("#enrolment", await enrolment(live, "auditor"))
        await page.check("#kind-passkey")
        await page.click("main form[action^='/staff/factors/new'] button")
        await page.fill("#name", "Laptop")
        await page.click("form[data-passkey] button")
        await page.wait_for_url("**/staff/factors?done=factor_made")
        assert "Laptop" in await page.inner_text("main")
        await log_in()
        await page.goto(here + "/staff/audit")
        await page.click("form[data-passkey] button")
        await page.wait_for_url("**/staff/audit")
        await context.close()
