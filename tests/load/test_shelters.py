"""Loading lists into a real broker: all of it, only what differs, nothing lost silently."""

import csv
import gzip
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from broker.load import shelters
from broker.load.client import Refused, connected
from broker.load.rejects import Rejects
from broker.load.shelters import Summary
from schemas import catalogue
from tests.live import Live

HEADER = (
    "NO,共通ID,都道府県名及び市町村名,施設・場所名,住所,指定緊急避難場所との住所同一,"
    "その他市町村長が必要と認める事項,受入対象者,緯度,経度,備考"
)
LINK = {"Link": f'<{catalogue.CONTEXT_URL}>; rel="http://www.w3.org/ns/json-ld#context"'}


async def load(live: Live, folder: Path, *files: Path, tenant: str = "", batch: int = 500) -> list[Summary]:
    headers = shelters.headers(files)
    with Rejects(folder / "rejects.csv", headers) as rejects:
        async with connected(live.url, tenant) as destination:
            return await shelters.load(files, destination, rejects, batch=batch)


def shelter_list(folder: Path, *rows: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8-sig")
    return path


def row(number: int, name: str, remark: str = "", latitude: str = "35.4") -> str:
    return f"{number},E28999{number:05}111,縁側市,{name},縁側市{number},,,,{latitude},134.7,{remark}"


def counts(summary: Summary) -> tuple[int, int, int, int]:
    assert summary.read == summary.new + summary.changed + summary.unchanged + summary.rejected
    return summary.new, summary.changed, summary.unchanged, summary.rejected


async def held(live: Live, number: int, **headers: str) -> dict[str, Any]:
    path = f"/entities/urn:ngsi-ld:DesignatedShelter:E28999{number:05}111"
    reply = await live.ask("GET", path, params={"options": "sysAttrs"}, headers={**LINK, **headers})
    assert reply.status == 200
    found: dict[str, Any] = reply.json
    return found


async def total(live: Live, type: str, q: str = "") -> int:
    asked = {"type": type, "limit": "0", "count": "true", **({"q": q} if q else {})}
    reply = await live.ask("GET", "/entities", params=asked, headers=LINK)
    return int(reply.headers["NGSILD-Results-Count"])


async def test_every_row_is_either_loaded_or_in_the_rejects_file(
    live: Live, tmp_path: Path, files: Path
) -> None:
    (summary,) = await load(live, tmp_path, files / "sites.csv")
    assert counts(summary) == (6, 0, 0, 12)
    assert summary.blank == 1
    assert await total(live, "EvacuationSite") == 6
    with (tmp_path / "rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        rejected = list(csv.DictReader(file))
    assert len(rejected) == 12
    duplicate = next(r for r in rejected if r["line"] == "8")
    assert duplicate["reason"] == "the id is already that of line 2"
    assert duplicate["備考"] == "1行目と同じID" and duplicate["file"] == "sites.csv"
    shifted = next(r for r in rejected if r["line"] == "17")
    assert "戸袋14" in shifted["(unassigned)"]


async def test_loading_twice_changes_nothing(live: Live, tmp_path: Path, files: Path) -> None:
    lists = [files / "shelters.csv", files / "sheet03.csv"]
    await load(live, tmp_path, *lists)
    before = (await live.get("/entities", type="*", options="sysAttrs", limit=100)).json
    again = await load(live, tmp_path, *lists)
    assert [counts(s) for s in again] == [(0, 0, 2, 0), (0, 0, 7, 2)]
    assert (await live.get("/entities", type="*", options="sysAttrs", limit=100)).json == before


async def test_only_the_attributes_that_differ_are_written(live: Live, tmp_path: Path) -> None:
    await load(
        live,
        tmp_path,
        shelter_list(tmp_path, row(1, "軒下", "古い備考"), row(2, "濡縁", "消える備考"), row(3, "沓脱")),
    )
    before = await held(live, 1)
    (summary,) = await load(
        live,
        tmp_path,
        shelter_list(tmp_path, row(1, "軒下", "新しい備考"), row(2, "濡縁"), row(3, "沓脱"), row(4, "雨戸")),
    )
    assert counts(summary) == (1, 2, 1, 0)
    after = await held(live, 1)
    assert after["description"]["value"] == "新しい備考"
    assert after["description"]["createdAt"] == before["description"]["createdAt"]
    assert after["name"] == before["name"]  # its modifiedAt too
    assert "description" not in await held(live, 2)


async def test_attributes_of_others_stay(live: Live, tmp_path: Path) -> None:
    path = shelter_list(tmp_path, row(1, "軒下"))
    await load(live, tmp_path, path)
    id = "urn:ngsi-ld:DesignatedShelter:E2899900001111"
    added = {"occupancy": {"type": "Property", "value": 12}, "@context": catalogue.CONTEXT_URL}
    assert (await live.post(f"/entities/{id}/attrs", added)).status == 204
    (summary,) = await load(live, tmp_path, path)
    assert counts(summary) == (0, 0, 1, 0)
    await load(live, tmp_path, shelter_list(tmp_path, row(1, "新しい名前")))
    entity = await held(live, 1)
    assert entity["name"]["value"] == "新しい名前" and entity["occupancy"]["value"] == 12


async def test_a_later_file_overrules_an_earlier_one(live: Live, tmp_path: Path) -> None:
    first = shelter_list(tmp_path, row(1, "古い名前"), name="old.csv")
    second = shelter_list(tmp_path, row(1, "新しい名前"), name="new.csv")
    summaries = await load(live, tmp_path, first, second)
    assert [counts(s) for s in summaries] == [(1, 0, 0, 0), (0, 1, 0, 0)]
    assert (await held(live, 1))["name"]["value"] == "新しい名前"


async def test_many_batches_in_flight_load_every_row_once(live: Live, tmp_path: Path) -> None:
    rows = [row(n, f"場所{n}", latitude=f"35.{n:04}") for n in range(1, 1001)]
    path = tmp_path / "list.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *rows]).encode("cp932")))
    (summary,) = await load(live, tmp_path, path, batch=70)
    assert counts(summary) == (1000, 0, 0, 0)
    assert await total(live, "DesignatedShelter") == 1000
    assert await total(live, "DesignatedShelter", 'localGovernmentCode=="289990"') == 1000


async def test_hazards_can_be_asked_for(live: Live, tmp_path: Path, files: Path) -> None:
    await load(live, tmp_path, files / "sites.csv")
    assert await total(live, "EvacuationSite", 'hazardTypes=="flood"') == 3
    assert await total(live, "EvacuationSite", 'hazardTypes=="earthquake"') == 5
    assert await total(live, "EvacuationSite", 'address[addressLocality]=="縁側市"') == 6


async def test_loads_into_a_tenant_of_its_own(live: Live, tmp_path: Path) -> None:
    path = shelter_list(tmp_path, row(1, "軒下"))
    assert counts((await load(live, tmp_path, path, tenant="engawa"))[0]) == (1, 0, 0, 0)
    assert counts((await load(live, tmp_path, path, tenant="engawa"))[0]) == (0, 0, 1, 0)
    assert await total(live, "DesignatedShelter") == 0
    assert (await held(live, 1, **{"NGSILD-Tenant": "engawa"}))["name"]["value"] == "軒下"


async def test_an_unknown_list_is_refused_before_anything_is_written(live: Live, tmp_path: Path) -> None:
    good = shelter_list(tmp_path, row(1, "軒下"))
    bad = tmp_path / "other.csv"
    bad.write_text("名前,電話\nあ,1\n", encoding="utf-8")
    with pytest.raises(Exception, match="none of the lists known"):
        await load(live, tmp_path, good, bad)
    assert await total(live, "DesignatedShelter") == 0


async def test_a_file_that_breaks_off_is_loaded_up_to_there_and_told(live: Live, tmp_path: Path) -> None:
    rows = [row(n, f"場所{n}{n * 7919 % 10007}") for n in range(1, 4001)]
    path = tmp_path / "list.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *rows]).encode())[:-5000])
    (summary,) = await load(live, tmp_path, path)
    assert "cannot be read beyond" in summary.failure
    assert summary.new == summary.read > 1000
    assert await total(live, "DesignatedShelter") == summary.new


async def test_what_a_broker_refuses_is_in_the_rejects_file(tmp_path: Path) -> None:
    async def query(_: web.Request) -> web.Response:
        return web.json_response([])

    async def upsert(request: web.Request) -> web.Response:
        ids = [entity["id"] for entity in await request.json()]
        errors = [{"entityId": ids[0], "error": {"title": "Bad", "detail": "not this one"}}]
        return web.json_response({"success": ids[1:], "errors": errors}, status=207)

    app = web.Application()
    app.router.add_post("/ngsi-ld/v1/entityOperations/query", query)
    app.router.add_post("/ngsi-ld/v1/entityOperations/upsert", upsert)
    path = shelter_list(tmp_path, row(1, "軒下"), row(2, "濡縁"))
    async with TestServer(app) as server:
        with Rejects(tmp_path / "rejects.csv", shelters.headers([path])) as rejects:
            async with connected(str(server.make_url("/"))) as destination:
                (summary,) = await shelters.load([path], destination, rejects)
    assert counts(summary) == (1, 0, 0, 1)
    assert summary.rejections == [(2, "the broker refused it: not this one")]
    assert "not this one" in (tmp_path / "rejects.csv").read_text(encoding="utf-8-sig")


async def test_batches_too_large_for_a_broker_are_halved_and_a_busy_one_is_asked_again(
    tmp_path: Path,
) -> None:
    taken: list[str] = []
    answers = iter([503])

    async def query(_: web.Request) -> web.Response:
        return web.json_response([], status=next(answers, 200))

    async def upsert(request: web.Request) -> web.Response:
        entities = await request.json()
        if len(entities) > 3:
            return web.Response(status=413)
        taken.extend(entity["id"] for entity in entities)
        return web.json_response([], status=201)

    app = web.Application()
    app.router.add_post("/ngsi-ld/v1/entityOperations/query", query)
    app.router.add_post("/ngsi-ld/v1/entityOperations/upsert", upsert)
    path = shelter_list(tmp_path, *(row(n, f"場所{n}") for n in range(1, 11)))
    async with TestServer(app) as server:
        with Rejects(tmp_path / "rejects.csv", shelters.headers([path])) as rejects:
            async with connected(str(server.make_url("/"))) as destination:
                (summary,) = await shelters.load([path], destination, rejects)
    assert counts(summary) == (10, 0, 0, 0)
    assert len(set(taken)) == 10


async def test_says_what_a_server_answered_that_is_no_broker(tmp_path: Path) -> None:
    path = shelter_list(tmp_path, row(1, "軒下"))
    async with TestServer(web.Application()) as server, connected(str(server.make_url("/"))) as destination:
        with Rejects(tmp_path / "r.csv", []) as rejects, pytest.raises(Refused, match="answered 404"):
            await shelters.load([path], destination, rejects)


async def test_a_broker_that_cannot_be_reached_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.load.client._ATTEMPTS", 1)
    path = shelter_list(tmp_path, row(1, "軒下"))
    async with connected("http://127.0.0.1:9") as destination:
        with Rejects(tmp_path / "r.csv", []) as rejects, pytest.raises(aiohttp.ClientConnectionError):
            await shelters.load([path], destination, rejects)
