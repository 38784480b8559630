"""The one line of the agent: it calls one address, and no answer can send it elsewhere. (personal-data.md 4.2)"""

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any, Final

import aiohttp
import orjson
import structlog

from base import clock
from base.access.certificates import pins
from base.clock import SECOND
from base.errors import BadGateway
from base.settings import SettingError
from personal.agent import store as kept
from personal.agent.inside import Given, Inside
from personal.agent.settings import AgentSettings
from personal.rules.identifiers import fresh
from personal.vault.signing import Signer

CLIENT: Final = "lgwan.agent"
BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MOST: Final = 50
LONGEST: Final = 64 << 20
TOGETHER: Final = 512 << 10
"""About how many bytes of answers go into one request."""
_EARLY: Final = 60
_AWAY: Final = (BadGateway, aiohttp.ClientError, TimeoutError, OSError)
log = structlog.get_logger("engawa.agent")


class _Pinned(ssl.SSLObject):
    """A connection on which nothing is said to whom is not pinned."""

    def do_handshake(self) -> None:
        super().do_handshake()
        context, shown = self.context, self.getpeercert(True)
        known = context.pinned if isinstance(context, _Context) else frozenset()
        if known is not None and (shown is None or hashlib.sha256(shown).digest() not in known):
            raise ssl.SSLCertVerificationError(
                "the module outside shows another certificate than those pinned"
            )


class _Context(ssl.SSLContext):
    """How the agent knows the outside; `pinned`: by which certificates only."""

    sslobject_class = _Pinned
    pinned: frozenset[bytes] | None


class Line:
    """Fetches orders, brings answers and alarms; one call after another."""

    def __init__(self, settings: AgentSettings, inside: Inside, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._inside = inside
        self._session = session
        self._url = settings.url.rstrip("/")
        self._token = ""
        self._until = 0.0
        self.begin = True
        self.connected = False

    async def run(self) -> None:
        """Do rounds for ever; after a failure wait a while."""
        while True:
            try:
                await self.round(self._settings.wait_seconds)
                self.connected = True
            except Exception as error:  # noqa: BLE001  # whatever it is, the agent goes on calling
                if self.connected or not isinstance(error, _AWAY):
                    log.warning("the module outside cannot be reached", reason=type(error).__name__)
                self.connected = False
                self.begin = True  # what was on its way here is given again, in its order
                await asyncio.sleep(self._settings.retry_seconds)

    async def round(self, wait: float) -> int:
        """Bring what waits here, fetch orders, do them, bring the answers; say how many orders there were."""
        await self.bring()
        asked = {"wait": wait, "most": MOST, "begin": self.begin}
        found = await self._ask("/agent/claim", asked, wait + 30.0)
        self.begin = False
        orders = found.get("orders")
        if not isinstance(orders, list):
            raise BadGateway("The module outside answers something else than orders.")
        for one in orders:
            try:
                await self._inside.obey(_given(one), clock.now())
            except Exception as error:  # noqa: BLE001  # one order that fails holds up no other; it is given again
                log.error("an order failed", error=type(error).__name__)
        await self.bring()
        return len(orders)

    async def bring(self) -> None:
        """Bring answers and alarms until the outside has all of them on disk."""
        store = self._inside.store
        while waiting := _some(store.read(lambda db: kept.unanswered(db, MOST))):
            taken = await self._ask("/agent/answers", {"answers": [answer for _, answer in waiting]}, 60.0)
            ids = [id for id, _ in waiting if id in taken["taken"]]
            if not ids:
                raise BadGateway("The module outside does not take answers.")
            await store.write(lambda db, ids=ids: kept.acknowledge(db, ids))  # type: ignore[misc]  # bound now
        while alarms := store.read(kept.untold):
            told = [{"id": id, "why": why, "task": task, "at": at} for id, why, task, at in alarms]
            await self._ask("/agent/alarms", {"alarms": told}, 60.0)
            ids = [one[0] for one in alarms]
            await store.write(lambda db, ids=ids: kept.told(db, ids, clock.now()))  # type: ignore[misc]  # bound now

    async def _ask(self, path: str, body: Any, seconds: float) -> Any:
        if monotonic() > self._until:
            await self._log_in()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        status, found = await self._post(path, orjson.dumps(body), headers, seconds)
        if status == 401:
            self._until = 0.0
        if status != 200:
            raise BadGateway(f"The module outside answers {status}.")
        return found

    async def _log_in(self) -> None:
        """Get a token by whichever of the agent's keys the outside knows."""
        status = 0
        for signer in self._inside.own.proofs():
            status, found = await self._post("/token", self._assertion(signer), {}, 30.0)
            if status == 200:
                self._token = str(found["access_token"])
                self._until = monotonic() + max(0, int(found["expires_in"]) - _EARLY)
                return
        raise BadGateway(f"The module outside does not know this agent: {status}.")

    def _assertion(self, signer: Signer) -> aiohttp.FormData:
        now = clock.now() // SECOND
        claims = {
            "iss": CLIENT,
            "sub": CLIENT,
            "aud": self._url,
            "iat": now,
            "exp": now + _EARLY,
            "jti": fresh(),
        }
        return aiohttp.FormData(
            {
                "grant_type": "client_credentials",
                "client_assertion_type": BEARER,
                "client_assertion": signer.sign(claims, "JWT"),
            }
        )

    async def _post(
        self, path: str, body: Any, headers: dict[str, str], seconds: float
    ) -> tuple[int, dict[str, Any]]:
        told = {"Engawa-Municipality": self._inside.municipality, **headers}
        timeout = aiohttp.ClientTimeout(total=seconds, connect=10.0)
        async with self._session.post(
            f"{self._url}/personal/v1{path}",
            data=body,
            headers=told,
            allow_redirects=False,
            timeout=timeout,
        ) as answer:
            found = bytearray()
            async for piece in answer.content.iter_chunked(1 << 16):
                found += piece
                if len(found) > LONGEST:
                    raise BadGateway("The module outside answers more than it may.")
            status = answer.status
        try:
            value = orjson.loads(found)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise BadGateway("The module outside answers something else than JSON.")
        return status, value


def _some(answers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Take as many answers as go into one request, one at least."""
    room = TOGETHER
    found: list[tuple[str, str]] = []
    for id, answer in answers:
        room -= len(answer)
        if room < 0 and found:
            break
        found.append((id, answer))
    return found


def _given(one: Any) -> Given:
    """Take an order as it came; what is no text is no order."""
    text, content = (one.get("order"), one.get("content")) if isinstance(one, dict) else (None, None)
    return Given(text if isinstance(text, str) else "", content if isinstance(content, str) else None)


@contextlib.asynccontextmanager
async def opened(settings: AgentSettings, inside: Inside) -> AsyncIterator[Line]:
    """Open the line while the block runs; no proxy, no cookie, one connection."""
    connector = aiohttp.TCPConnector(limit=1, ssl=tls(settings) or True)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    ) as session:
        yield Line(settings, inside, session)


def tls(settings: AgentSettings) -> ssl.SSLContext | None:
    """Say by what the agent knows the outside, and shows who it is; SettingError if a file cannot be used."""
    if not settings.url.startswith("https:"):
        return None
    try:
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.pinned = None if settings.pins is None else pins(settings.pins)
        trusted = settings.authorities or settings.pins
        if trusted is None:
            context.load_default_certs()
        else:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # what is pinned may be all there is
            context.load_verify_locations(trusted)
        if settings.certificate is not None:
            context.load_cert_chain(settings.certificate)
    except (OSError, ssl.SSLError) as error:
        raise SettingError("the agent's certificate or authorities cannot be used; are they PEM?") from error
    return context
