"""The broker as an importer sees it: what it holds of some entities, and writing what differs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from base.errors import Problem

Entity = dict[str, Any]
_ATTEMPTS: Final = 4
_BUSY: Final = frozenset({429, 500, 502, 503})
_NGSI_LD: Final = "https://uri.etsi.org/ngsi-ld/"
_JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}


class Refused(Problem):
    """The broker does not take what was sent."""

    status = 400
    title = "Refused by the broker"


class TooLarge(Problem):
    """The broker takes only smaller batches."""

    status = 413
    title = "Payload too large"


@dataclass(frozen=True, slots=True)
class Destination:
    """One tenant of one broker, and how to talk to it."""

    session: aiohttp.ClientSession
    url: str
    tenant: str = ""

    async def held(self, ids: Sequence[str], type: str) -> dict[str, Entity]:
        """Fetch those of the entities that the broker itself holds, by id. (6.23.3.1)"""
        query = {"type": "Query", "entities": [{"id": list(ids), "type": type}]}
        status, body = await self._post(f"entityOperations/query?local=true&limit={len(ids)}", query)
        if status == 404:  # the tenant is not there yet
            return {}
        if not isinstance(body, list):
            raise Refused(_said(status, body, "asked what it holds"))
        return {entity["id"]: entity for entity in body}

    async def upsert(self, entities: Sequence[Entity]) -> dict[str, str]:
        """Create entities and overwrite the attributes given of those that are there; gives id → refusal. (6.15.3.1)"""
        return await self._write("entityOperations/upsert?options=update", entities)

    async def merge(self, fragments: Sequence[Entity]) -> dict[str, str]:
        """Merge fragments into entities, which is how attributes are removed; gives id → refusal. (6.31.3.1)"""
        return await self._write("entityOperations/merge", fragments)

    async def _write(self, operation: str, entities: Sequence[Entity]) -> dict[str, str]:
        if not entities:
            return {}
        try:
            status, body = await self._post(operation, entities)
        except TooLarge:
            if len(entities) == 1:
                return {entities[0]["id"]: "the entity is larger than the broker takes"}
            half = len(entities) // 2
            return await self._write(operation, entities[:half]) | await self._write(
                operation, entities[half:]
            )
        if status in (200, 201, 204):
            return {}
        errors = body.get("errors") if isinstance(body, dict) else None
        if not isinstance(errors, list):
            raise Refused(_said(status, body, "sent a batch"))
        return {error["entityId"]: _reason(error.get("error")) for error in errors}

    async def _post(self, operation: str, content: Any) -> tuple[int, Any]:
        """Send a request that may be repeated; the broker gets a few seconds to come back."""
        headers = {**_JSON, "NGSILD-Tenant": self.tenant} if self.tenant else _JSON
        data = orjson.dumps(content)
        for attempt in range(1, _ATTEMPTS + 1):
            with contextlib.ExitStack() as last:
                if attempt < _ATTEMPTS:
                    last.enter_context(contextlib.suppress(aiohttp.ClientConnectionError, TimeoutError))
                async with self.session.post(
                    f"{self.url}/ngsi-ld/v1/{operation}", data=data, headers=headers
                ) as response:
                    if response.status == 413:
                        raise TooLarge("the batch is larger than the broker takes")
                    if response.status not in _BUSY or attempt == _ATTEMPTS:
                        return response.status, _json(await response.read())
            await asyncio.sleep(0.2 * 4 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")


@contextlib.asynccontextmanager
async def connected(
    url: str, tenant: str = "", *, key: str = "", seconds: float = 120.0
) -> AsyncIterator[Destination]:
    """Open connections to a broker until the block ends; `key`: an API key or token to send."""
    timeout = aiohttp.ClientTimeout(total=seconds, connect=10.0)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    connector = aiohttp.TCPConnector(limit=8)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, headers=headers) as session:
        yield Destination(session, url.rstrip("/"), tenant)


def attribute(entity: Entity, iri: str) -> dict[str, Any] | None:
    """Find the default instance of an attribute in what a broker answered under the core @context alone."""
    short = iri.removeprefix(_NGSI_LD)
    names = (iri, short, f"ngsi-ld:{short}") if short != iri else (iri, iri.rpartition("/")[2])
    for name in names:
        found = entity.get(name)
        if isinstance(found, list):
            found = next((one for one in found if "datasetId" not in one), None)
        if found is not None:
            return found if isinstance(found, dict) else None
    return None


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None


def _said(status: int, body: Any, what: str) -> str:
    hint = "; --key or ENGAWA_KEY gives one" if status == 401 else ""
    return f"the broker was {what} and answered {status}: {_reason(body).rstrip('.')}{hint}"


def _reason(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("detail") or error.get("title") or "no reason given")[:300]
    return str(error or "no reason given")[:300]
