"""What an answer of a source means: usable or not, and in the names of the request that made us ask. (6.3.17)"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urljoin

import orjson

from base.errors import BadGateway, GatewayTimeout, LoopDetected, Problem
from base.jsonld import TermTable
from broker.contexts import Contexts
from broker.federation import answer, via
from broker.federation.answer import Unusable
from broker.federation.asking import ERROR_RESPONSE, Asking, Failure, Outcome
from broker.federation.beside import Beside
from broker.federation.kept import Received
from broker.federation.memory import Room
from broker.federation.outgoing import Outgoing
from broker.federation.wording import Wording
from broker.language.sources import Source

_NOT_FOUND: Final = 404
_MOST_CONTEXTS: Final = 8
_LONGEST_CONTEXTS: Final = 1_000_000
_LONGEST_SAID: Final = 1_000_000  # bytes of what goes with an error, or with a change
_WITHOUT_NAMES: Final = ("/entityMaps", "/temporal/entityMaps", "/info", "/subscriptions")


class Interpreter:
    """Judges answers for one broker."""

    def __init__(
        self, contexts: Contexts, core: frozenset[str], nesting: int, heaviest: int, beside: Beside
    ) -> None:
        self._contexts = contexts
        self._core = core
        self._nesting = nesting
        self._heaviest = heaviest
        self._beside = beside

    async def outcome(
        self,
        asking: Asking,
        source: Source,
        outgoing: Outgoing,
        received: Received,
        room: Room,
        *,
        stale: bool,
    ) -> Outcome:
        """Say what came of a request; Unusable if the answer to a read is no NGSI-LD. (6.3.17)"""
        status, headers = received.status, received.headers
        if status // 100 == 2 and outgoing.reads:
            weight = await self._beside.run(len(received.content), answer.weight, received.content)
            if weight > self._heaviest:
                raise Unusable("The context source answers with too much; ask for less of it.")
            await room.grow(weight)
            body = await self._data(asking, outgoing, received, weight)
            return Outcome(source, status, body, headers, stale=stale, weight=weight)
        body = await self._said(outgoing, received)
        failure = _failure(status, reads=outgoing.reads)
        return Outcome(source, status, body, headers, failure)

    async def _said(self, outgoing: Outgoing, received: Received) -> Any:
        """Read what goes with a status, if anything can be read."""
        if not received.content or len(received.content) > _LONGEST_SAID:
            return None
        try:
            hidden = outgoing.conveyed.hidden
            return await answer.json(
                received.content, _kind(received.headers), self._nesting, self._beside, hidden
            )
        except Unusable:
            return None

    async def _data(self, asking: Asking, outgoing: Outgoing, received: Received, weight: int) -> Any:
        """Read the data that were asked for."""
        body = await answer.json(received.content, _kind(received.headers), self._nesting, self._beside)
        if not isinstance(body, dict | list):
            raise Unusable("The context source answered with JSON that is neither an object nor a list.")
        if outgoing.path.startswith(_WITHOUT_NAMES):
            return body
        own = await self._table(asking, outgoing, received)
        contexts = await self._beside.run(weight, _embedded, body)
        if len(contexts) > _MOST_CONTEXTS or sum(map(len, contexts)) > _LONGEST_CONTEXTS:
            raise Unusable(
                f"The context source answered with more than {_MOST_CONTEXTS} different @contexts, or very long ones."
            )
        tables = {key: await self._resolved(asking, one) for key, one in contexts.items()}
        wanted = asking.context.table
        if own.key == wanted.key and not tables:
            return body
        return await self._beside.run(weight, self._told, body, own, tables, wanted)

    def _told(self, body: Any, own: TermTable, tables: Mapping[bytes, TermTable], wanted: TermTable) -> Any:
        """Write data with the names of the request that made us ask."""
        if isinstance(body, list):
            return [self._told(one, own, tables, wanted) for one in body]
        if not isinstance(body, dict):
            return body
        table = tables.get(orjson.dumps(body["@context"]), own) if "@context" in body else own
        bare = {name: value for name, value in body.items() if name != "@context"}
        wording = Wording(table, wanted, self._core)
        return bare if wording.same else wording.body(bare)

    async def _table(self, asking: Asking, outgoing: Outgoing, received: Received) -> TermTable:
        """Say in whose names an answer is that holds no @context itself: those its Link says, else as it was asked."""
        link = via.linked(received.headers.get("Link"))
        if link is None or link == outgoing.context.link:
            return outgoing.context.table
        return await self._resolved(asking, urljoin(str(outgoing.url), link))

    async def _resolved(self, asking: Asking, context: Any) -> TermTable:
        try:
            return (await self._contexts.resolve(context, asking.tenant)).table
        except Problem as problem:
            raise Unusable("The context source answered with an @context that cannot be used.") from problem


def _embedded(body: Any) -> dict[bytes, Any]:
    """Give the @contexts that stand in an answer."""
    elements = body if isinstance(body, list) else [body]
    found = [one["@context"] for one in elements if isinstance(one, dict) and "@context" in one]
    return {orjson.dumps(one): one for one in found}


def _kind(headers: Mapping[str, str]) -> str:
    """Name the media type of an answer; '' if it does not say."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _failure(status: int, *, reads: bool) -> Failure | None:
    """Say whether a status is abnormal: redirects always, errors of reads unless nothing is there. (6.3.17)

    What an error of a change means depends on the others that were changed; that is judged with the whole."""
    if 300 <= status < 400:
        problem: Problem = BadGateway(
            f"The context source answered {status}, a redirect, which is not followed; "
            "register the endpoint it leads to."
        )
    elif status < 400 or status == _NOT_FOUND or not reads:
        return None
    elif status == GatewayTimeout.status:
        problem = GatewayTimeout(
            "The context source, or one behind it, answered that it got no answer in time."
        )
    elif status == LoopDetected.status:
        problem = LoopDetected("The context source answered that the request would come back to it.")
    else:
        problem = BadGateway(f"The context source answered {status}.")
    return Failure(problem, ERROR_RESPONSE)
