"""Made-up residents and staff of 養父市, and a service that asks about them, in a personal-data module."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import aiohttp

from base.admin import ask
from engawa.demo.talk import Talk
from personal import towns
from personal.commands.services import new_key, public_keys
from personal.towns import Listed

FILE: Final = Path(__file__).parent / "residents.json"
TOWN: Final = Listed("yabu", "養父市", "282227")


def key_file(data: Path) -> Path:
    """Say where the secret key of the demo service lies: outside the module's own folder."""
    return data.parent / "demo" / "shelter.jwk"


def prepare(data: Path) -> None:
    """Make the data folder of the demonstration; SettingError if real residents may be in it."""
    towns.check_made_up(data, demo=True)
    if not towns.listed(data):
        towns.add(data, TOWN)


async def load_personal(url: str, data: Path) -> None:
    """Add what is not there yet of the demonstration's staff, service and residents."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    known = {row["login"] for row in await ask(data, "staff.list", municipality=TOWN.id)}
    for member in content["staff"]:
        if member["login"] not in known:
            await ask(data, "staff.add", municipality=TOWN.id, **member)
    async with aiohttp.ClientSession(base_url=url) as session:
        talk = Talk(session)
        await _put_service(talk, content["service"], key_file(data))
        for resident in content["residents"]:
            await _put_resident(talk, resident)
        first, folder = content["residents"][0], key_file(data).parent
        if not await asyncio.to_thread((folder / first["login"]).exists):
            await _name_resident(talk, first, content["service"]["id"], folder)


async def _put_service(talk: Talk, service: dict[str, Any], file: Path) -> None:
    """Have one member of staff propose the service and its key, a second one approve it."""
    listed = await talk.staff("catalogue", "GET", "/catalogue/services")
    present = any(one["id"] == service["id"] for one in listed["services"])
    keys, made = _keys(service["id"], file)
    if present and not made:
        return
    body = {"service": service["id"], "keys": keys}
    if not present:
        body["description"] = service["description"]
    proposal = {"kind": "service-keys" if present else "service", "body": body}
    proposed = await talk.staff("catalogue", "POST", "/proposals", proposal)
    await talk.staff("catalogue2", "POST", f"/proposals/{proposed['id']}/approve")


def _keys(service: str, file: Path) -> tuple[dict[str, Any], bool]:
    """Give the public key of the service, and whether it is new."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.exists():
        return public_keys(file), False
    return new_key(service, file), True


async def _put_resident(talk: Talk, resident: dict[str, Any]) -> None:
    if await talk.login("resident", resident["login"]) is not None:
        return
    basic = resident["items"]["basic-four"]
    body = {
        "login": resident["login"],
        "nameKana": basic["nameKana"],
        "birthDate": basic["birthDate"],
        "cards": [{"issuer": "sample", "serial": resident["login"]}],
    }
    made = await talk.staff("counter", "POST", "/residents", body)
    for item, value in resident["items"].items():
        record = {"resident": made["resident"], "item": item, "value": value, "expectedVersion": 0}
        await talk.staff("counter", "POST", "/records/write", record)


async def _name_resident(talk: Talk, resident: dict[str, Any], service: str, folder: Path) -> None:
    """Hand the name by which the service knows a resident over in a file, as a city hands it to a service."""
    basic = resident["items"]["basic-four"]
    body = {"nameKana": basic["nameKana"], "birthDate": basic["birthDate"]}
    found = (await talk.staff("counter", "POST", "/residents/search", body))["residents"]
    asked = {"resident": found[0]["resident"], "service": service}
    given = await talk.staff("counter", "POST", "/pseudonyms", asked)
    (folder / resident["login"]).write_text(given["subject"], encoding="ascii")
