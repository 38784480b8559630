"""Tenants for cases: a few names used again and again, since a tenant made by the way cannot be deleted. (4.14, 6.3.14)

A name is claimed by an entity in the tenant in which the run works, so that runs side by side do not meet in one.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from conformance.asking import Asking
from conformance.exchange import Exchange
from conformance.holdings import is_empty
from conformance.verdict import Failure, NotApplicable

MOST: Final = 60
MOST_UNFIT: Final = 10
"""After so many the fault is the broker's: perhaps it mixes its tenants."""
STALE: Final = timedelta(hours=1)
"""After so long a claim is one that an interrupted run left behind."""
_REFUSALS: Final = (403, 429, 503, 507)
_CLAIM: Final = "urn:ngsi-ld:TenantInUse:"


class Tenants:
    """The names that a run takes its tenants from."""

    def __init__(self) -> None:
        self._unfit: set[str] = set()
        self._taken: set[str] = set()

    async def take(self, broker: Asking) -> str:
        """Give a name whose tenant is empty or absent; one never used before where claims are of no use."""
        for number in range(1, MOST + 1):
            name = f"conformance{number}"
            if name in self._taken | self._unfit:
                continue
            self._taken.add(name)
            code = await _claim(broker, name)
            if code == 201:
                if await is_empty(broker, name):
                    return name
                self._unfit.add(name)  # an interrupted run left something in it
                await _release(broker, name)
            self._taken.discard(name)
            if code not in (201, 409) or len(self._unfit) == MOST_UNFIT:
                break
        return broker.unknown_tenant()

    async def give_back(self, broker: Asking, name: str) -> None:
        """Let others take the name."""
        if name in self._taken:
            await _release(broker, name)
            self._taken.discard(name)

    async def confirm(self, broker: Asking, name: str, refused: Exchange) -> None:
        """Raise NotApplicable if the broker takes nothing at all in the tenant: it has as many as it wants."""
        body = {"id": broker.id("Probe"), "type": "Probe"}
        answer = await broker.send("POST", "/entities", body, tenant=name, record=False)
        if answer.code == refused.status:
            raise NotApplicable(
                f"the broker takes no more tenants: it answers {answer.code} {answer.text[:300]}"
            )


def refuses_tenants(exchange: Exchange) -> bool:
    """Say whether an answer may mean that the tenant cannot be made."""
    return exchange.method == "POST" and exchange.status in _REFUSALS


async def _claim(broker: Asking, name: str) -> int:
    until = (datetime.now(UTC) + STALE).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"id": _CLAIM + name, "type": "TenantInUse", "until": {"type": "Property", "value": until}}
    try:
        code = (await broker.send("POST", "/entities", body, record=False)).code
        if code == 409 and await _is_stale(broker, name):
            await _release(broker, name)  # whoever asks next gets it
    except Failure:
        return 0
    return code


async def _is_stale(broker: Asking, name: str) -> bool:
    try:
        held = (await broker.send("GET", f"/entities/{_CLAIM}{name}", record=False)).json["until"]["value"]
        return datetime.fromisoformat(held) < datetime.now(UTC)
    except (Failure, LookupError, TypeError, ValueError):
        return False


async def _release(broker: Asking, name: str) -> None:
    try:
        await broker.send("DELETE", f"/entities/{_CLAIM}{name}", record=False)
        await broker.send("DELETE", f"/temporal/entities/{_CLAIM}{name}", record=False)
    except Failure:
        return  # it becomes stale by itself
