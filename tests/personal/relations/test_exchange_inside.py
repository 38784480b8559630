"""Exchange with a town that has the personal base only, its data inside LGWAN: the agent there decides, too. (seed 004)"""

from pathlib import Path
from typing import Any

from tests.personal.agent import insiders
from tests.personal.disclosure.sharing import name, reasons, service
from tests.personal.live import ASAGO, YABU, Live, Reply, live_module
from tests.personal.relations.test_exchange import HANAKO, begun, finished, register


async def ask(asago: Live, subject: str) -> Reply:
    body: dict[str, Any] = {
        "subject": subject,
        "purpose": "reception",
        "items": ["contact"],
        "peer": YABU.code,
    }
    return await asago.post("/exchange/disclosures", body, by=await asago.service_token("office"))


async def test_what_lives_inside_lgwan_goes_out_as_the_agent_there_allows(tmp_path: Path) -> None:
    async with insiders.town(tmp_path) as town, live_module(tmp_path / "asago", (ASAGO,)) as asago:
        yabu = town.live
        await town.approve_service()
        await town.resident("hanako")
        await service(asago, "office", "contact")
        await register(yabu, asago, {"office": "shelter"})
        await register(asago, yabu, {})
        here = await asago.register("hanako", **HANAKO)
        code = await begun(asago, yabu, "hanako")
        assert (await finished(asago, yabu, "hanako", code)).status == 204
        subject = await name(asago, here, "office")
        before = await ask(asago, subject)
        assert (before.json["items"], reasons(before)) == ({}, {"contact": "no-consent"})
        await town.agree("hanako")
        told = await ask(asago, subject)
        assert told.json["items"] == {"contact": insiders.PHONE}
