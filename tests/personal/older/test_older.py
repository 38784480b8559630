"""Folders of former versions open with this one, and nothing of what they hold is lost. (issue 5)

An archive is the data folder of a made-up 養父市 as the version it is named after left it, with what is known of it in
known.json: residents with records and consents, one of them protected, two merged; disclosures, a declared emergency, a
proposal that waits.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc.jwk import ECKey

from base import merkle
from personal.audit import checking, log
from tests.personal.disclosure.sharing import ALLERGIES, CARE, PHONE, ask, hold, reasons
from tests.personal.live import Live, live_module
from tests.personal.older.archives import archives, unpacked, version


@pytest.fixture(scope="module", params=archives("towns"), ids=version)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(request.param, tmp_path_factory.mktemp("older"))


@pytest.fixture
def known(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((data / "known.json").read_bytes())
    return found


@pytest.fixture
async def older(data: Path, known: dict[str, Any]) -> AsyncIterator[Live]:
    async with live_module(data) as live:
        live.keys.update({id: ECKey.import_key(key) for id, key in known["keys"].items()})
        yield live


async def test_consents_and_records_are_what_they_were(older: Live, known: dict[str, Any]) -> None:
    names = known["names"]
    shelter, library = await older.service_token("shelter"), await older.service_token("library")
    every = ("allergies", "contact", "care-needs")
    told = await ask(older, shelter, names["hanako@shelter"], *every)
    assert told.json["items"] == {"allergies": ALLERGIES, "contact": PHONE}
    assert reasons(told) == {"care-needs": "no-consent"}
    assert (await ask(older, library, names["hanako@library"], *every)).json["items"] == {"contact": PHONE}
    told = await ask(older, shelter, names["taro@shelter"], *every)  # who withdrew one of two
    assert told.json["items"] == {"allergies": ALLERGIES}
    protected = await ask(older, shelter, names["jiro@shelter"], *every)
    assert protected.json["items"] == {} and set(reasons(protected)) == set(every)


async def test_the_log_goes_on_from_what_was_signed(older: Live, known: dict[str, Any]) -> None:
    assert older.town.store.read(lambda db: list(checking.faults(db))) == []
    size, root = known["head"]["size"], known["head"]["root"]
    assert older.town.store.read(lambda db: merkle.root(size, log.nodes(db))).hex() == root
    now = (await older.get("/audit/head")).json
    assert now["size"] >= size
    await ask(older, await older.service_token("shelter"), known["names"]["hanako@shelter"], "allergies")
    proof = await older.get("/audit/consistency", params={"first": str(size), "second": str(now["size"])})
    assert proof.status == 200, proof.raw


async def test_residents_and_staff_find_what_is_theirs(older: Live) -> None:
    terms = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
    found = await older.post("/residents/search", terms, by=await older.staff("counter"))
    assert len(found.json["residents"]) == 1
    who = {"resident": found.json["residents"][0]["resident"], "item": "care-needs"}
    read = await older.post("/records/read", who, by=await older.staff("counter"))
    assert read.status == 200 and read.json["value"] == CARE
    seen = (await older.get("/me/accesses", by=await older.resident("hanako"))).json["accesses"]
    assert any(one.get("items") == ["allergies", "contact"] for one in seen)
    hidden = {"nameKana": "ヤブ ジロウ", "birthDate": "1970-02-03"}
    for by, count in (("counter", 0), ("protection", 1)):
        found = await older.post("/residents/search", hidden, by=await older.staff(by))
        assert len(found.json["residents"]) == count


async def test_work_goes_on(older: Live, known: dict[str, Any]) -> None:
    person = await older.register("saburo", nameKana="ヤブ サブロウ", birthDate="1999-09-09")
    await hold(older, person, allergies=ALLERGIES)
    waiting = await older.get("/proposals", by=await older.staff("emergency2"))
    (drill,) = [one for one in waiting.json["proposals"] if one["state"] == "open"]
    second = await older.staff("emergency2")
    assert (await older.post(f"/proposals/{drill['id']}/approve", None, by=second)).status == 204
    event = drill["body"]["emergency"]
    shelter = await older.service_token("shelter")
    told = await ask(older, shelter, known["names"]["hanako@shelter"], "contact", event=event)
    assert told.json["items"] == {"contact": PHONE}
