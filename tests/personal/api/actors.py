"""One of each kind of actors in a town where something has happened, and what each can name in a request."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey

from base import clock
from personal.operations.actors import Actor, Who
from personal.operations.call import Operation
from personal.operations.handles import handles
from personal.rules.identifiers import fresh
from personal.store import agent_orders, desks, exchange, services, sessions
from personal.store import staff as members
from personal.store.desks import DeskDevice
from personal.store.exchange import Peer
from personal.store.sessions import Session
from tests.personal.consents.deciding import SESSION, decide
from tests.personal.disclosure.sharing import ALLERGIES, PHONE, PURPOSE, hold, name, service
from tests.personal.live import ASAGO, STAFF, Live

NOBODY = "nobody"


@dataclass(frozen=True)
class Actors:
    """Tokens by actor, and by actor what may stand under a name in a request."""

    tokens: dict[str, str]
    names: dict[str, Mapping[str, tuple[Any, ...]]]


async def actors(live: Live) -> Actors:
    """Log everybody in, and let there be something of everything."""
    shelter = await service(live, "shelter", "allergies", "contact")
    login = fresh("login-")
    person = await live.register(login)
    await hold(live, person, allergies=ALLERGIES, contact=PHONE)
    subject, hanako = await name(live, person, "shelter"), await live.resident(login)
    tokens = {"resident": hanako, "service": shelter}
    tokens |= {login: await live.staff(login) for login in STAFF}
    tokens |= {
        "peer": await session(live, Who.PEER, ASAGO.code),
        "agent": await session(live, Who.AGENT, "agent"),
        "desk": await session(live, Who.DESK, "counter-1"),
    }
    ids = await made(live, hanako, subject)
    common = {
        "subject": (subject,),
        "subjects": ([subject],),
        "service": ("shelter",),
        "purpose": (PURPOSE,),
        "item": ("allergies", "contact"),
        "items": (["allergies"], ["contact", "allergies"]),
        "peer": (ASAGO.code,),
        "evidence": (SESSION,),
        "entities": ([{"id": f"urn:ngsi-ld:Person:{subject}", "type": "Person"}],),
        "pick": (["allergies"],),
        "wait": (0,),
        "first": ("1",),
        "second": ("5",),
        "size": ("9",),
        "version": ("1",),
        "position": ("4", await about(live, hanako)),
        "municipality": (live.town.id,),
        **ids,
    }
    known = {who: {**common, **await own(live, who, person)} for who in [*tokens, NOBODY]}
    return Actors(tokens, known)


async def revive(live: Live, held: Actors) -> None:
    """Let everybody be there and logged in again, whatever was asked before."""
    tokens = held.tokens.values()
    if all(live.town.store.read(lambda db: [sessions.find(db, one, clock.now()) for one in tokens])):
        return
    await live.town.store.write(lambda db: services.set_active(db, "shelter", True))
    live.tokens.clear()
    again = await actors(live)
    held.tokens.update(again.tokens)
    held.names.update(again.names)


async def session(live: Live, who: Who, id: str) -> str:
    """Give the token of who proves itself by a key that only its own process has."""
    secret = fresh("st_")

    def work(db: Any) -> None:
        exchange.put(db, Peer(ASAGO.code, ASAGO.name, "https://asago.example", "asago", {"keys": []}, {}))
        now = clock.now()
        desks.remove(db, "counter-1")
        desks.add(db, DeskDevice("counter-1", "窓口", "本庁舎", "shelter", {"keys": []}, now, "test"))
        agent_orders.set_agent(db, {"signing": new_key(), "reading": new_key()}, now)
        until = now + 600 * clock.SECOND
        sessions.keep(db, secret, Session(who, id, None, (), 0, now, now, until))

    await live.town.store.write(work)
    return secret


def new_key() -> dict[str, Any]:
    """Make a key of the agent inside; give the public one."""
    key = ECKey.generate_key("P-256")
    return {**key.as_dict(private=False), "kid": key.thumbprint()}


async def made(live: Live, hanako: str, subject: str) -> dict[str, tuple[Any, ...]]:
    """Let there be a decision, a proposal, a request and a code; give by which names they are asked for."""
    decided = await decide(live, hanako, agree=["allergies", "contact"])
    assert decided.status == 201, decided.raw
    right = {"right": "disclosure", "text": "すべて見たい。"}
    request = await live.post("/me/rights", right, by=hanako)
    keys = {"service": "shelter", "keys": {"keys": [live.new_key("shelter")]}}
    proposal = await live.post(
        "/proposals", {"kind": "service-keys", "body": keys}, by=await live.staff("catalogue")
    )
    code = await live.post("/me/sharing-codes", {"items": ["allergies"], "minutes": 5}, by=hanako)
    open_ones = [proposal.json["id"]] if proposal.status == 201 else []
    ids = (decided.json["receipt"], request.json["id"], *open_ones, "shelter")
    return {"id": ids, "code": (code.json["code"],)}


async def about(live: Live, hanako: str) -> str:
    """Give the position of an entry about the resident."""
    found = (await live.get("/me/accesses", by=hanako)).json["accesses"]
    return str(found[0]["position"])


async def own(live: Live, who: str, person: str) -> dict[str, tuple[Any, ...]]:
    """Give how an actor names the resident."""
    found = next((one for one in live.town.store.read(members.listed) if one.login == who), None)
    actor = Actor(Who.RESIDENT, person, person) if found is None else Actor(Who.STAFF, found.id)
    return {"resident": ((await handles(live.town, actor)).show(person),)}


def holders(row: Operation) -> Iterator[str]:
    """Name everybody who may call an operation, and one who may not."""
    for who in (Who.RESIDENT, Who.SERVICE, Who.PEER, Who.AGENT, Who.DESK):
        if who in row.who:
            yield who.value
    if Who.STAFF in row.who:
        yield from (login for login, roles in STAFF.items() if not row.roles or set(roles) & row.roles)
    yield NOBODY


def sown(given: Any, names: Mapping[str, tuple[Any, ...]], pick: int) -> Any:
    """Put what there is in the place of what was made up, wherever it has a name that is known."""
    if not isinstance(given, dict):
        return given
    found = dict(given)
    for key, value in given.items():
        known = names.get(key, ())
        found[key] = known[pick % len(known)] if known else sown(value, names, pick)
    return found
