"""縁側市, the demo city: small, fictional, true to the schemas, loaded once however often."""

import json
from collections import Counter

import jsonschema
import pytest

from engawa.demo import load_demo
from engawa.demo.city import LIVE, entities
from schemas import catalogue
from tests.live import Live

LINK = {"Link": f'<{catalogue.CONTEXT_URL}>; rel="http://www.w3.org/ns/json-ld#context"'}


def test_the_city_has_what_it_promises() -> None:
    kinds = Counter(str(entity["type"]).rsplit("/", 1)[1] for entity in entities())
    assert kinds["EvacuationSite"] + kinds["DesignatedShelter"] == 40
    assert kinds["FloodMonitoring"] + kinds["WeatherObserved"] == 10
    assert kinds["PublicFacility"] == 5


@pytest.mark.parametrize("file", LIVE, ids=lambda file: file.stem)
def test_the_files_fit_their_json_schemas(file: object) -> None:
    for entity in json.loads(file.read_text(encoding="utf-8")):  # type: ignore[attr-defined]  # a Path
        plain = {k: v["value"] if isinstance(v, dict) and "value" in v else v for k, v in entity.items()}
        jsonschema.Draft202012Validator(catalogue.schema(entity["type"])).validate(plain)


async def test_loading_again_leaves_what_has_changed_since(live: Live) -> None:
    await load_demo(live.url)
    reply = await live.ask(
        "GET", "/entities", params={"type": "EvacuationShelter", "limit": "1"}, headers=LINK
    )
    id = reply.json[0]["id"]
    body = {"type": "Property", "value": 77}
    changed = await live.ask("PATCH", f"/entities/{id}/attrs/evacueeTotal", body, headers=LINK)
    assert changed.status == 204
    before = (await live.get("/entities", type="*", options="sysAttrs", limit=100)).json
    await load_demo(live.url)
    assert (await live.get("/entities", type="*", options="sysAttrs", limit=100)).json == before
    assert len(before) == 69
