"""The pages for residents: agreeing and withdrawing, what a wider version asks, receipts, proofs, places, codes. (issue 5)"""

import json
import re

from personal.store import records
from personal.store.records import Choice
from tests.personal.pages.reading import NOTHING, Reader


async def test_one_agrees_sees_what_a_wider_version_asks_and_withdraws_in_one_step(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    page = await reader.get("/me/consents")
    assert "checked" not in page
    chosen = {"service": "shelter", "purpose": "reception"}
    page = await reader.send("/me/agree", NOTHING, **chosen, agree="basic-four allergies")
    assert "同意しました" in page and "前に同意したときから" not in page
    service = (await reader.live.get("/services/shelter")).json
    told = {name: service[name] for name in ("name", "description", "operator", "purposes")}
    told["purposes"][0]["items"][0]["retentionDays"] = 99
    proposed = {"kind": "service", "body": {"service": "shelter", "description": told}}
    made = await reader.live.post("/proposals", proposed, by=await reader.live.staff("catalogue"))
    second = await reader.live.staff("catalogue2")
    assert (await reader.live.post(f"/proposals/{made.json['id']}/approve", None, by=second)).status == 204
    page = await reader.get("/me/consents")
    assert "前に同意したときから" in page and "あらためて同意が必要" in page
    row = re.sub(r"<[^>]+>|\s+", " ", page[page.index("前に同意したときから") :])
    assert re.search(r"今\s*30\s+提案\s*99", row)
    page = await reader.send("/me/withdraw", NOTHING, **chosen)
    assert "同意を取り消しました" in page and "取り消した" in page


async def test_receipts_and_proofs_are_looked_at_and_saved(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await reader.get("/me/consents")
    await reader.send("/me/agree", service="shelter", purpose="reception", agree="basic-four")
    path = reader.found(r'href="(/me/receipts/c_[^"/?]+)"')
    assert "養父市" in await reader.get(path)
    receipt = json.loads(await reader.get(path + "/file"))
    assert receipt["@context"]
    await reader.get("/me/accesses")
    path = reader.found(r'href="(/me/accesses/\d+)"')
    assert "証明を保存する" in await reader.get(path)
    proof = json.loads(await reader.get(path + "/file"))
    assert proof["head"]["size"] > proof["position"] and proof["commitment"]["salt"]
    await reader.get("/me/accesses/0")
    assert reader.status == 404


async def test_a_place_is_chosen_where_the_town_offers_one(reader: Reader) -> None:
    await reader.live.town.store.write(
        lambda db: records.choose(db, Choice("contact", "local", ("local", "cloud")))
    )
    await reader.log_in_resident("hanako")
    page = await reader.get("/me")
    assert 'id="place-contact"' in page and 'id="place-basic-four"' not in page
    assert "見本" in await reader.get("/me/items/basic-four")
    await reader.get("/me")
    page = await reader.send("/me/items/contact/place", location="local")
    assert "保管場所を選びました" in page
    await reader.send("/me/items/basic-four/place", location="lgwan")
    assert reader.status == 400 and "ここでは使えません" in reader.page


async def test_everything_is_exported(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await reader.get("/me")
    told = json.loads(await reader.send("/me/export", format="json"))
    assert {one["item"] for one in told["records"]} >= {"basic-four", "contact"}
    await reader.get("/me")
    assert "basic-four" in await reader.send("/me/export", format="csv")


async def test_a_sharing_code_is_shown_once_and_withdrawn(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await reader.get("/me/code")
    await reader.send("/me/code", NOTHING, items="", minutes="15")
    assert reader.status == 400
    await reader.send("/me/code", items="basic-four", minutes="15", service="shelter")
    code = reader.found(r'class="big" lang="en">([^<]+)<')
    assert code not in await reader.get("/me/code")
    assert "取り消しました" in await reader.send("/me/code/withdraw")
