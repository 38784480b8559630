"""Histories as tests write them."""

from typing import Any

from hypothesis import strategies as st

from base import clock
from broker.model.document import Instance
from broker.store.contract import EntityChange
from broker.store.sqlite.tenant import SqliteTenantStore
from tests.store import examples
from tests.store.examples import NOW, VOCAB

ID = "urn:ngsi-ld:Thing:1"
N = VOCAB + "n"
instances = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.one_of(st.integers(-5, 5), st.floats(-1e6, 1e6), st.sampled_from(["x", True, 2**63, [1]])),
        st.sampled_from([None, "urn:d:1"]),
    ),
    max_size=30,
)


def given_as(several: list[tuple[int, Any, str | None]]) -> list[Instance]:
    """Make instances that were observed so many seconds after NOW."""
    return [
        {
            "type": "Property",
            "value": value,
            "observedAt": clock.show(NOW + at * clock.SECOND),
            **({"datasetId": dataset} if dataset else {}),
        }
        for at, value, dataset in several
    ]


async def made(store: SqliteTenantStore, id: str, now: int, **members: Any) -> None:
    """Make or replace an entity."""
    document = {**examples.entity(id, **members), "createdAt": now, "modifiedAt": now}
    document["attrs"] = {
        name: [{**one, "createdAt": now, "modifiedAt": now} for one in held]
        for name, held in document["attrs"].items()
    }
    await store.change([EntityChange(id, lambda _: document)], now)


async def removed(store: SqliteTenantStore, id: str, now: int) -> None:
    """Delete an entity."""
    await store.change([EntityChange(id, lambda _: None)], now)
