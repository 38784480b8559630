"""What residents do in the portal, step by step as its forms lead them."""

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from joserfc.jwk import ECKey

from engawa.demo.personal import key_file
from tests.personal.live import Live
from tests.personal.pages.reading import NOTHING, Reader

SHELTER = {"service": "shelter", "purpose": "reception"}
ASK = "/me/ask?service=shelter&purpose=reception"


def hidden(page: str, name: str) -> str:
    """Give the value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return html.unescape(found.group(1))


async def check(reader: Reader, items: str) -> str:
    """Choose items to agree to, up to the page that shows what is signed."""
    await reader.get(ASK)
    return await reader.send("/me/ask/check", NOTHING, **SHELTER, kind="share", agree=items)


async def agree(reader: Reader, items: str) -> str:
    """Agree to items with the login as evidence."""
    page = await check(reader, items)
    assert reader.status == 200, page
    return await reader.send(
        "/me/ask/decide", NOTHING, **SHELTER, kind="share", prepared=hidden(page, "prepared")
    )


def be_shelter(reader: Reader) -> str:
    """Let the module's tests speak as the demonstration's service; give its name for 花子."""
    folder = key_file(reader.live.module.settings.data).parent
    key = ECKey.import_key(json.loads((folder / "shelter.jwk").read_text(encoding="utf-8")))
    reader.live.keys["shelter"] = key
    return (folder / "hanako").read_text(encoding="ascii")


async def ask_for(reader: Reader, *items: str, kind: str = "share") -> None:
    """Have the shelter ask 花子 for consent."""
    body = {"subject": be_shelter(reader), "purpose": "reception", "items": list(items), "kind": kind}
    token = await reader.live.service_token("shelter")
    reply = await reader.live.post("/consents/requests", body, by=token)
    assert reply.status == 202, reply.raw


async def disclosed(reader: Reader, *items: str) -> Any:
    """Have the shelter ask what it may see of 花子."""
    body = {"subject": be_shelter(reader), "purpose": "reception", "items": list(items)}
    token = await reader.live.service_token("shelter")
    reply = await reader.live.post("/disclosures", body, by=token)
    assert reply.status == 200, reply.raw
    return reply.json


async def widen(live: Live, more: Mapping[str, object] = NOTHING, **changed: object) -> None:
    """Put a version of the shelter's description in force in which the first item is asked for otherwise."""
    service = (await live.get("/services/shelter")).json
    told = {name: service[name] for name in ("name", "description", "operator", "purposes")}
    told |= more
    told["purposes"][0]["items"][0].update(changed)
    proposed = {"kind": "service", "body": {"service": "shelter", "description": told}}
    made = await live.post("/proposals", proposed, by=await live.staff("catalogue"))
    second = await live.staff("catalogue2")
    approved = await live.post(f"/proposals/{made.json['id']}/approve", None, by=second)
    assert approved.status == 204, approved.raw
