"""A store inside LGWAN that a former version filled goes on with this one, beside the module outside. (issue 5)

An archive is two data folders, that of the module and that of the agent; the resident's card and consent in it are good
until 2116.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc.jwk import ECKey

from personal.agent.server import running
from tests.personal.agent.insiders import PHONE, settings_of
from tests.personal.live import live_module
from tests.personal.older.archives import archives, unpacked, version


@pytest.mark.parametrize("archive", archives("lgwan"), ids=version)
async def test_a_record_inside_comes_out_by_the_consent_it_was_kept_with(
    archive: Path, tmp_path: Path
) -> None:
    folder = unpacked(archive, tmp_path)
    known = orjson.loads((folder / "known.json").read_bytes())
    outside = folder / "outside"
    given: dict[str, Any] = {
        "lgwan": True,
        "lgwan_wait_seconds": 20.0,
        "card_authorities": outside / "cards.pem",
    }
    async with (
        live_module(outside / "data", **given) as live,
        running(settings_of(folder / "inside", live.url)),
    ):
        live.keys.update({id: ECKey.import_key(key) for id, key in known["keys"].items()})
        body = {"subject": known["name"], "purpose": "reception", "items": ["contact"]}
        told = await live.post("/disclosures", body, by=await live.service_token("shelter"))
        assert (told.json["items"], told.json["withheld"]) == ({"contact": PHONE}, [])
