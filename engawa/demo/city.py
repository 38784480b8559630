"""The data of 縁側市 and how it gets into a broker."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from broker.load.client import Refused, connected
from broker.load.forms import recognise
from broker.load.reading import opened
from broker.load.synchronise import synchronise
from broker.load.values import Notes
from schemas import catalogue

HERE: Final = Path(__file__).parent
LISTS: Final = (HERE / "sites.csv", HERE / "shelters.csv")
LIVE: Final = (HERE / "operations.json", HERE / "sensors.json", HERE / "facilities.json")
PROVIDER: Final = {"type": "Property", "value": "縁側市（架空の街の見本データ）"}

Entity = dict[str, Any]


async def load_demo(broker_url: str, tenant: str = "") -> None:
    """Load 縁側市; what is there already stays, with whatever values it has been given since."""
    async with connected(broker_url, tenant) as destination:
        for _, alike in groupby(entities(), key=lambda entity: str(entity["type"])):
            outcome = await synchronise(
                destination, list(alike), frozenset(), settled=lambda held, name: True
            )
            for id, reason in outcome.refused.items():
                raise Refused(f"the broker refused {id} of the demo city: {reason}")


def entities() -> Iterator[Entity]:
    """Read the whole city, in the normalized form with IRIs."""
    for file in LISTS:
        with opened(file) as table:
            form = recognise(table.header)
            assert form
            for row in table.rows:
                yield {**form.build(row.cells, Notes()), catalogue.iri("dataProvider"): PROVIDER}
    for file in LIVE:
        for entity in json.loads(file.read_text(encoding="utf-8")):
            yield {**expand(entity), catalogue.iri("dataProvider"): PROVIDER}


def expand(entity: Entity) -> Entity:
    """Write an entity of the demo files, short terms and plain values, with IRIs in the normalized form."""
    model = catalogue.schema(entity["type"])["properties"]
    attributes = {
        catalogue.iri(term): _attribute(model[term]["x-kind"], value)
        for term, value in entity.items()
        if term not in ("id", "type")
    }
    return {"id": entity["id"], "type": catalogue.iri(entity["type"]), **attributes}


def _attribute(kind: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and "value" in value:
        return {"type": kind, **value}
    if isinstance(value, dict) and kind == "Property":
        value = dict(_members(value))
    return {"type": kind, "object" if kind == "Relationship" else "value": value}


def _members(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for term, content in value.items():
        yield catalogue.iri(term), content
