"""The municipality with which every life begins: residents, a law's roll, two services that know everybody by a name."""

from typing import Any

import orjson

from base import clock
from personal.locations.cloud import KEY
from personal.operations import handles
from personal.operations.actors import Actor, Who
from personal.store import exchange, services
from personal.store.exchange import Peer
from personal.vault import requests
from personal.vault.addressed import Reader
from personal.vault.signing import Signer
from tests.personal.cloud.vaults import Vault
from tests.personal.live import asked, described, purpose
from tests.personal.model.town import START, Prepared, Site, begin, employ, opened, resident
from tests.personal.model.world import (
    GIVEN,
    ITEMS,
    SERVICES,
    Asked,
    Delegation,
    Description,
    Entry,
    Held,
    Name,
    Purpose,
    Service,
    World,
)

BIRTH = "1990-04-01"
KANA = ("ヤブ ハナコ", "ヤブ タロウ", "アサゴ ジロウ", "ヨウカ フミ")
PEER = "282251"
PEER_KEY = Signer(b"p" * 32)
ROLL: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "roll",
    "description": "The entry in the electoral roll.",
    "x-label": {"ja": "選挙人名簿", "en": "Electoral roll"},
    "x-class": "ordinary",
    "x-identifying": False,
    "x-basis": "law:公職選挙法19条",
    "x-schema-version": 1,
    "type": "object",
    "required": ["entry"],
    "properties": {"entry": {"type": "string", "maxLength": 20, "x-label": {"ja": "番号", "en": "Number"}}},
    "additionalProperties": False,
}
FIRST: dict[str, Description] = {
    "clinic": {
        "reception": Purpose("consent", {"allergies": Asked(True, 30), "contact": Asked(False, 30)}),
        "visits": Purpose("law:地方自治法2条", {"care-needs": Asked(True, 30), "roll": Asked(False, 30)}),
    },
    "shelter": {
        "reception": Purpose("consent", {"contact": Asked(False, 30), "care-needs": Asked(False, 30)}),
    },
}
AT_FIRST = len(KANA)


def told(description: Description) -> dict[str, Any]:
    """Write a description as services give it."""
    return described(
        *(
            purpose(
                id,
                *(
                    asked(item, need="required" if one.required else "optional", retentionDays=one.days)
                    for item, one in sorted(of.items.items())
                ),
                basis=of.basis,
            )
            for id, of in sorted(description.items())
        )
    )


async def both(site: Site, logins: tuple[str, str], kind: str, body: dict[str, Any], now: int) -> None:
    """Let one member of staff propose something and another one approve it."""
    first, second = (site.staff[login] for login in logins)
    made = await site.do(first, "POST /proposals", {"kind": kind, "body": body}, now)
    await site.do(second, "POST /proposals/{id}/approve", None, now, id=made.body["id"])


async def prepare(folder: Any, vault: Vault | None = None) -> Prepared:
    """Make the municipality in a folder."""
    more: dict[str, Any] = {"lgwan": True, "lgwan_wait_seconds": 0.001}
    if vault is not None:
        more["vault_url"] = vault.url
    settings = begin(folder / "data", **more)
    async with opened(settings) as bare:
        site = await employ(bare)
        await both(site, ("catalogue", "catalogue2"), "item", {"schema": ROLL}, START)
        agent = {
            "signing": requests.public_key(Signer(b"a" * 32).public()),
            "reading": requests.public_key(Reader(b"b" * 32).public()),
        }
        await both(site, ("catalogue", "catalogue2"), "agent-keys", agent, START)
        if vault is not None:
            key = requests.public_key(Signer(await site.town.keys.named(KEY)).public())
            await vault.store.change_key(site.town.id, key)
        entries = [await _registered(site, number) for number in range(AT_FIRST)]
        await site.town.store.write(lambda db: _written(db, entries))
        world = World(START, entries, {id: Service([FIRST[id]]) for id in SERVICES})
        if vault is None:
            world.gone.add("cloud")
        for id in SERVICES:
            for entry in entries:
                await _named(site, world, entry, id)
        for number in range(AT_FIRST):
            await _settled(site, world, number)
        await _guarded(site, world)
        return Prepared(settings, world)


async def _registered(site: Site, number: int) -> Entry:
    """Register a resident at the counter; those with an even number read alike."""
    login, kana = f"resident-{number}", KANA[number]
    body = {"nameKana": kana, "birthDate": BIRTH, "login": login}
    made = await site.do(site.staff["counter"], "POST /residents", body, START)
    names = await handles.handles(site.town, site.staff["counter"])
    return Entry(names.read(made.body["resident"]), login, kana)


def _written(db: Any, entries: list[Entry]) -> None:
    for id in SERVICES:
        services.put_version(db, id, told(FIRST[id]), wider=True, proposal="", now=START)
    keys = {"keys": [PEER_KEY.public()]}
    exchange.put(db, Peer(PEER, "朝来市", "http://127.0.0.1:9", "", keys, {"office": "shelter"}))
    for number, entry in enumerate(entries):
        entry.link = (f"x1.{number:022d}", 0)
        exchange.link(db, PEER, entry.link[0], entry.id, START)


async def _named(site: Site, world: World, entry: Entry, service: str) -> None:
    counter = site.staff["counter"]
    body = {"resident": (await handles.handles(site.town, counter)).show(entry.id), "service": service}
    given = await site.do(counter, "POST /pseudonyms", body, START)
    entry.names.setdefault(service, []).append(Name(given.body["subject"], world.next()))


async def _settled(site: Site, world: World, number: int) -> None:
    """Let something be held about a resident, who agrees that both services see it."""
    entry, counter = world.entries[number], site.staff["counter"]
    now = world.now = START + number
    handle = (await handles.handles(site.town, counter)).show(entry.id)
    for item in ITEMS:
        body = {"resident": handle, "item": item, "value": value(item, number), "expectedVersion": 0}
        await site.do(counter, "POST /records/write", body, now)
        entry.held[item] = Held(number, 1, "local", world.next())
    for id in SERVICES:
        agree = sorted(FIRST[id]["reception"].items)
        choice = {"service": id, "purpose": "reception", "agree": agree}
        prepared = await site.do(resident(entry.id), "POST /me/consents/prepare", choice, now)
        told = {"prepared": prepared.body["prepared"], "evidence": {"kind": "session"}}
        await site.do(resident(entry.id), "POST /me/consents", told, now)
        for item in agree:
            world.note(
                number, ("share", id, "reception", item), GIVEN, 1, clock.parse(prepared.body["until"])
            )


async def _guarded(site: Site, world: World) -> None:
    """Let the first resident act for the second one."""
    actor = site.staff["counter"]
    names = await handles.handles(site.town, actor)
    acts = frozenset({"consent", "rights", "see", "write"})
    body = {
        "guardian": names.show(world.entries[0].id),
        "resident": names.show(world.entries[1].id),
        "relation": "adult-guardian",
        "acts": sorted(acts),
        "evidence": "S-0",
    }
    given = (await site.do(actor, "POST /delegations", body, START)).body["delegation"]
    world.delegations.append(Delegation(given, 0, 1, acts, None, None, world.next()))


def value(item: str, number: int) -> dict[str, Any]:
    """Give a value of an item; another number is another value, as far as the item has so many."""
    if item == "contact":
        return {"phones": [{"number": f"079-662-{number:04d}", "kind": "home"}]}
    if item == "allergies":
        return {"allergies": [{"to": ("egg", "milk", "wheat", "crab", "soy", "kiwi", "beef")[number % 7]}]}
    if item == "care-needs":
        return {"mobility": ("alone", "helped", "wheelchair")[number % 3]}
    return {"entry": f"{number:08d}"}


def service_of(id: str) -> Actor:
    """Give a service that asks."""
    return Actor(Who.SERVICE, id)


def plain(body: Any) -> str:
    """Write an answer out, to look for what must not stand in it."""
    return body.decode(errors="replace") if isinstance(body, bytes) else orjson.dumps(body).decode()
