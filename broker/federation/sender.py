"""Asks context sources over HTTP, within limits of time, bytes and number. (4.3.6, 5.2.34, 6.3.17)"""

import asyncio
from datetime import UTC
from time import perf_counter
from typing import Final

import structlog
from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientResponseError,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
)

from base import clock
from base.credentials import Credentials
from base.egress import AddressPolicy, Refused, connector
from base.errors import BadGateway, GatewayTimeout, Problem, ServiceUnavailable
from broker.contexts import Contexts
from broker.federation import answer
from broker.federation.answer import Unusable
from broker.federation.asking import ERROR_RESPONSE, INVALID, NO_RESPONSE, Asking, Directed, Failure, Outcome
from broker.federation.beside import LIGHT, Beside
from broker.federation.endpoints import Cooldowns, Endpoints, Place, Resting
from broker.federation.figures import Figures
from broker.federation.interpreting import Interpreter
from broker.federation.kept import KeptAnswers, Key, Received
from broker.federation.memory import Holder, Memory, Room
from broker.federation.outgoing import Composer, Outgoing
from broker.language.sources import Source
from broker.model import duration
from broker.settings import BrokerSettings

IDLE_SECONDS: Final = 4.0
"""How long an unused connection is kept: shorter than servers do, so that none ends one just as it is used."""
_FAULTY: Final = 500
_OK: Final = 200
_PAGES: Final = 16  # answers of the greatest length whose data one request may hold of one source
_SHARE: Final = 4  # part of all memory for answers that one request may hold of one source
_MILLISECOND: Final = 1_000
_LONGEST_REST: Final = 3_600 * clock.SECOND

log = structlog.get_logger("engawa.federation")


class Sender:
    """Asks one source at a time; an answer that does not come or cannot be used is told as a failure."""

    def __init__(
        self, settings: BrokerSettings, policy: AddressPolicy, alias: str, contexts: Contexts
    ) -> None:
        self._settings = settings
        self.alias = alias
        self._credentials = Credentials(settings.federation_credentials, settings.federation_authorities)
        self._composer = Composer(alias, contexts, self._credentials)
        self.heaviest = min(_PAGES * settings.federation_bytes, settings.federation_memory // _SHARE)
        self.beside = Beside()
        self.memory = Memory(settings.federation_memory, settings.federation_waiting)
        self._interpreter = Interpreter(
            contexts, self._composer.core, settings.nesting, self.heaviest, self.beside
        )
        self._endpoints = Endpoints(settings.federation_connections, settings.federation_waiting)
        self._cooldowns = Cooldowns()
        self._kept = KeptAnswers(settings.federation_cache_bytes)
        self.figures = Figures()
        self._session = ClientSession(
            connector=connector(policy, limit=0, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            timeout=ClientTimeout(total=None),
            headers={"Accept-Encoding": "identity", "User-Agent": "Engawa"},
        )

    async def send(self, asking: Asking, directed: Directed) -> Outcome:
        """Send a request and give what came of it; nothing is raised but a cancellation."""
        began = perf_counter()
        try:
            outcome = await self._attempt(asking, directed)
        except BaseException:
            self._cooldowns.undecided(_place(asking, directed.source))
            raise
        self._learn(asking, outcome)
        self.figures.count(outcome, perf_counter() - began)
        return outcome

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        self.beside.close()

    async def _attempt(self, asking: Asking, directed: Directed) -> Outcome:
        source = directed.source
        seconds = self._seconds(asking, directed)
        if seconds <= 0:
            late = GatewayTimeout("The time of this request was over before the context source was asked.")
            return Outcome(source, failure=Failure(late, NO_RESPONSE, blameless=True))
        try:
            async with asyncio.timeout(seconds):
                try:
                    self._credentials.renew()
                    outgoing = await self._composer.compose(asking, directed)
                except Problem as problem:
                    return Outcome(source, failure=Failure(problem, NO_RESPONSE, blameless=True))
                return await self._hold(asking, source, outgoing)
        except TimeoutError:
            silent = GatewayTimeout(f"The context source gave no answer within {seconds:.3g} s.")
            return Outcome(source, failure=Failure(silent, NO_RESPONSE))
        except Unusable as problem:
            return Outcome(source, failure=Failure(problem, INVALID))
        except Problem as problem:
            return Outcome(source, failure=Failure(problem, NO_RESPONSE))
        except Exception:  # a fault with one source must not take the others' answers away
            log.exception("asking a context source failed", registration=source.id)
            unknown = Unusable("The answer of the context source could not be understood.")
            return Outcome(source, failure=Failure(unknown, INVALID))

    def _seconds(self, asking: Asking, directed: Directed) -> float:
        """Say how long an answer may take: as the registration says, within what the whole request may take."""
        said, now = directed.source.body.get("management", {}).get("timeout"), clock.now()
        own = self._settings.federation_seconds if said is None else said / 1_000
        if directed.began is not None:
            own -= (now - directed.began) / clock.SECOND
        left = self._settings.federation_total_seconds - (now - asking.now) / clock.SECOND
        return float(min(own, left))

    def _learn(self, asking: Asking, outcome: Outcome) -> None:
        """Leave an endpoint in peace that failed, if its registration says so. (5.2.34)"""
        source, failure = outcome.source, outcome.failure
        place = _place(asking, source)
        if outcome.stale or (failure is not None and isinstance(failure.problem, Resting)):
            return
        if failure is not None and (failure.blameless or isinstance(failure.problem, ServiceUnavailable)):
            self._cooldowns.undecided(place)
        elif outcome.status >= _FAULTY or (failure is not None and failure.code != ERROR_RESPONSE):
            if cooldown := self._cooldown(source):
                self._cooldowns.failed(place, clock.now(), cooldown)
        else:
            self._cooldowns.passed(place)

    def _cooldown(self, source: Source) -> int:
        """Say how long (µs) an endpoint that failed is not asked by this registration. (5.2.34)"""
        said = source.body.get("management", {}).get("cooldown")
        own = self._settings.federation_cooldown * clock.SECOND
        return int(min(own if said is None else said * _MILLISECOND, _LONGEST_REST))

    async def _hold(self, asking: Asking, source: Source, outgoing: Outgoing) -> Outcome:
        """Ask a source; its answer takes memory until the request ends, or until it turns out to be of no use."""
        holder = asking.holder
        passing = holder is None or holder.ended  # what goes on after its request holds nothing for long
        if holder is None or passing:
            holder = Holder()
        room = self.memory.room(holder, _place(asking, source))
        try:
            outcome = await self._ask(asking, source, outgoing, room)
            if outcome.weight > LIGHT and isinstance(outcome.body, list) and not passing:
                holder.bodies.append(outcome.body)
            return outcome
        except BaseException:
            room.give()
            raise
        finally:
            if passing:
                self.memory.end(holder)

    async def _ask(self, asking: Asking, source: Source, outgoing: Outgoing, room: Room) -> Outcome:
        """Ask a source, unless its last answer may be used again. (5.2.34, 6.3.17)"""
        key = _key(asking, source, outgoing)
        received = self._kept.get(key, clock.now()) if key else None
        stale = received is not None
        if received is None:
            if self._cooldown(source):
                self._cooldowns.check(_place(asking, source), clock.now())
            async with self._endpoints.turn(source.body["endpoint"]):
                received = await self._exchange(outgoing, room)
        outcome = await self._interpreter.outcome(asking, source, outgoing, received, room, stale=stale)
        if key and not stale and outcome.failure is None and outcome.status == _OK:
            self._kept.put(key, received, _until(source))
        if not outgoing.reads:
            self._kept.forget(asking.tenant, source.id)
        return outcome

    async def _exchange(self, outgoing: Outgoing, room: Room) -> Received:
        """Send a request and receive its answer, whatever it says. (6.3.17)"""
        try:
            async with self._session.request(
                outgoing.method,
                outgoing.url,
                data=outgoing.data,
                headers=outgoing.headers,
                allow_redirects=False,
                ssl=outgoing.conveyed.certificate or self._credentials.trusted,
            ) as response:
                content = await answer.raw(response, self._settings.federation_bytes, room)
                return Received(response.status, response.headers, content)
        except ClientSSLError as error:
            raise BadGateway(
                "The context source cannot be reached over TLS: "
                "its certificate is none that the setting federation_authorities or the system trusts."
            ) from error
        except ClientConnectorError as error:
            if isinstance(error.os_error, Refused):
                raise BadGateway(
                    "This broker may not connect to the address of the context source: "
                    "its operator can list it in the setting 'outgoing'."
                ) from error
            raise BadGateway("The context source cannot be reached.") from error
        except (ClientPayloadError, ClientResponseError) as error:
            raise Unusable("The context source broke off its answer, or it is no HTTP.") from error
        except (ClientConnectionError, OSError) as error:
            raise BadGateway("The connection to the context source failed.") from error
        except (ClientError, ValueError) as error:
            raise BadGateway("The request to the context source could not be sent.") from error


def _place(asking: Asking, source: Source) -> Place:
    """Name what is left in peace: an endpoint, for those who registered it. (5.2.34)"""
    return asking.tenant, source.body["endpoint"]


def _key(asking: Asking, source: Source, outgoing: Outgoing) -> Key | None:
    """Name what a kept answer answers; None: it is not to be kept. (6.3.17)"""
    lasts = source.body.get("management", {}).get("cacheDuration")
    if lasts is None or outgoing.method != "GET" or not outgoing.path.startswith("/entities"):
        return None
    headers = (f"{name}:{value}" for name, value in outgoing.headers.items())
    version = str(source.body.get("modifiedAt", 0))
    return asking.tenant, source.id, version, asking.context.table.key, str(outgoing.url), *headers


def _until(source: Source) -> int:
    lasts = duration.parse(source.body["management"]["cacheDuration"], "cacheDuration")
    return duration.later(clock.now(), lasts, 1, UTC)
