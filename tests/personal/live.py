"""A real personal-data module in this process on a free port, with staff, services and residents, for tests over HTTP."""

import contextlib
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import trustme
from joserfc import jwt
from joserfc.jwk import ECKey

from base import clock
from personal import towns
from personal.audit import log
from personal.operations import staff
from personal.operations.call import Module
from personal.operations.town import Town
from personal.server import served
from personal.settings import PersonalSettings
from personal.store import services, sessions
from personal.towns import Listed
from tests.personal import describing

YABU = Listed("yabu", "養父市", "282227")
ASAGO = Listed("asago", "朝来市", "282251")
STAFF = {
    "admin": ["admin"],
    "counter": ["counter"],
    "counter2": ["counter"],
    "catalogue": ["catalogue"],
    "catalogue2": ["catalogue"],
    "emergency": ["emergency"],
    "emergency2": ["emergency"],
    "protection": ["protection", "counter"],
    "privacy": ["privacy"],
    "auditor": ["auditor"],
}
"""Members of staff of every town, login → roles; protection works at the counter, too."""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    json: Any
    headers: Any
    raw: bytes


@dataclass(frozen=True)
class Named:
    """A municipality of which only the name is known here: its module is another process."""

    id: str


@dataclass
class Live:
    """A running module and a session that speaks to it; `town` is the one asked unless another is named."""

    url: str
    session: aiohttp.ClientSession
    module: Module
    town: Town
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    keys: dict[str, ECKey] = field(default_factory=dict)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> Reply:
        """Send one request below /personal/v1 (or to an absolute path that begins with //), with a token if `by` is one."""
        url = self.url + (path[1:] if path.startswith("//") else f"/personal/v1{path}")
        told = {"Engawa-Municipality": self.town.id, **(headers or {})}
        if by is not None:
            told["Authorization"] = f"Bearer {by}"
        data = None if body is None else orjson.dumps(body)
        if data is not None:
            told.setdefault("Content-Type", "application/json")
        async with self.session.request(method, url, data=data, headers=told, params=params) as reply:
            raw = await reply.read()
            kind = reply.headers.get("Content-Type", "")
            json = orjson.loads(raw) if raw and "json" in kind and "ndjson" not in kind else None
            describing.check(method, reply.url.path, reply.status, kind, json)
            return Reply(reply.status, json, reply.headers, raw)

    async def post(self, path: str, body: Any, **more: Any) -> Reply:
        """POST a body."""
        return await self.ask("POST", path, body, **more)

    async def get(self, path: str, **more: Any) -> Reply:
        """GET."""
        return await self.ask("GET", path, **more)

    async def staff(self, login: str) -> str:
        """Log a member of staff in; give the token, the same at every call."""
        return await self._login("staff", login, 3)

    async def resident(self, login: str, level: int = 3) -> str:
        """Log a resident in by the subject of their login; give the token, the same at every call."""
        return await self._login("resident", login, level)

    async def register(self, login: str, **more: Any) -> str:
        """Register a resident who logs in by a name; give their internal id."""
        body = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01", "login": login, **more}
        reply = await self.post("/residents", body, by=await self.staff("counter"))
        assert reply.status == 201, reply.raw
        return await self.person(login)

    async def person(self, login: str) -> str:
        """Give the internal id of a resident by the subject of their login."""
        token = await self.resident(login)
        found = self.town.store.read(lambda db: sessions.find(db, token, clock.now()))
        assert found is not None
        return found.actor

    async def service(self, id: str, description: dict[str, Any] | None = None) -> None:
        """Put a service in force at once, with a key of its own; again: a new version of its description."""
        public = {"keys": [self.new_key(id)]}
        told = description or described()

        def work(db: Any) -> None:
            services.put_version(db, id, told, wider=True, proposal="", now=clock.now())
            services.set_keys(db, id, public, None)

        await self.town.store.write(work)

    def new_key(self, id: str) -> dict[str, Any]:
        """Make a key of a service, unless it has one; give the public one."""
        self.keys.setdefault(
            id, ECKey.generate_key("P-256", {"kid": f"{id}-1", "use": "sig", "alg": "ES256"})
        )
        return self.keys[id].as_dict(private=False)

    async def service_token(self, id: str) -> str:
        """Give an access token of a service, the same at every call."""
        if (self.town.id, id) not in self.tokens:
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": self.assertion(id),
            }
            headers = {"Engawa-Municipality": self.town.id}
            async with self.session.post(
                f"{self.url}/personal/v1/token", data=form, headers=headers
            ) as reply:
                assert reply.status == 200, await reply.read()
                self.tokens[self.town.id, id] = (await reply.json())["access_token"]
        return self.tokens[self.town.id, id]

    def assertion(self, id: str, **claims: Any) -> str:
        """Sign a client assertion of a service."""
        now = int(time.time())
        told = {
            "iss": id,
            "sub": id,
            "aud": self.url,
            "exp": now + 60,
            "iat": now,
            "jti": secrets.token_hex(8),
        }
        key = self.keys[id]
        return jwt.encode({"alg": "ES256", "kid": key.kid}, {**told, **claims}, key)

    async def come_back(self) -> None:
        """Let the log go on now, after something was done at a later moment."""
        await self.town.store.write(lambda db: log.accept_clock(db, "test", clock.now()))

    def at(self, town: str) -> "Live":
        """Give the same for another municipality."""
        return Live(self.url, self.session, self.module, self.module.towns[town], self.tokens, self.keys)

    async def _login(self, kind: str, name: str, level: int) -> str:
        key = (self.town.id, f"{kind}/{name}/{level}")
        if key not in self.tokens:
            reply = await self.post("/demo/sessions", {kind: name, "level": level})
            assert reply.status == 201, reply.raw
            self.tokens[key] = reply.json["token"]
        return self.tokens[key]


def described(*purposes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Describe a service; without purposes: one that asks for name and allergies, by consent."""
    return {
        "name": {"ja": "避難所受付", "en": "Shelter reception"},
        "operator": {
            "name": "養父市 危機管理室",
            "contact": "079-000-0000",
            "address": "養父市八鹿町八鹿1675",
        },
        "purposes": list(purposes)
        or [purpose("reception", asked("basic-four"), asked("allergies", need="optional"))],
        **more,
    }


def purpose(id: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Describe a purpose."""
    return {
        "id": id,
        "name": {"ja": f"目的 {id}", "en": f"Purpose {id}"},
        "registeredPurpose": "避難者の受付及び支援",
        "legalClass": "personal",
        "basis": "consent",
        "items": list(items),
        **more,
    }


def asked(item: str, **more: Any) -> dict[str, Any]:
    """Describe an item that is asked for."""
    return {"item": item, "need": "required", "retentionDays": 30, "recipients": [], **more}


@contextlib.asynccontextmanager
async def live_module(
    folder: Path,
    towns_there: Iterable[Listed] = (YABU,),
    *,
    trust: trustme.CA | None = None,
    **settings: Any,
) -> AsyncIterator[Live]:
    """Run a module with demonstration logins on a data folder until the block ends; new towns get their staff.

    trust: who issued the module's certificate, if it has one.
    """
    wanted = list(towns_there)
    new = _added(folder, wanted)
    made = PersonalSettings(**{"data": folder, "port": 0, "demo": True, **settings})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # what the system trusts takes long to read
    if trust is not None:
        trust.configure_trust(context)
    connector = aiohttp.TCPConnector(ssl=context)
    async with served(made) as (module, url), aiohttp.ClientSession(connector=connector) as session:
        for one in new:
            await _join(module.towns[one.id])
        yield Live(url, session, module, module.towns[wanted[0].id])


def _added(folder: Path, wanted: list[Listed]) -> list[Listed]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = [one for one in wanted if one not in towns.listed(folder)]
    for one in new:
        towns.add(folder, one)
    return new


async def _join(town: Town) -> None:
    def work(db: Any) -> None:
        for login, roles in STAFF.items():
            staff.join(db, login, f"{login} さん", roles, by=staff.AT_MACHINE, now=clock.now())

    await town.store.write(work)
