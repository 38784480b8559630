"""The pages about one resident: paper consents with receipts, holds, items with lists, guardians within limits. (issue 5)"""

import json
import re

from personal.store import records
from personal.store.records import Choice
from tests.personal.pages.reading import NOTHING, Reader, opened

PAPER = {"service": "shelter", "purpose": "reception", "kind": "share"}


async def test_a_form_on_paper_is_shown_before_it_is_recorded_and_gives_a_receipt(reader: Reader) -> None:
    path = await opened(reader)
    await reader.get(f"{path}/paper?service=shelter&purpose=reception")
    assert "checked" not in reader.page  # nothing is preselected
    page = await reader.send(f"{path}/paper/check", NOTHING, **PAPER, scan="S-1")
    assert reader.status == 400 and "情報を一つ以上選んでください" in page and 'value="S-1"' in page
    choice = {"choice.basic-four": "agree", "choice.allergies": "refuse"}
    page = await reader.send(f"{path}/paper/check", NOTHING, **PAPER, **choice, scan="S-1")
    assert "この内容で記録します" in page and "S-1" in page and "新しく同意します" in page
    sent = {name: reader.found(rf'name="{name}" value="([^"]+)"') for name in ("prepared", "told", "scan")}
    page = await reader.send(f"{path}/paper", NOTHING, **{**sent, "scan": ""})
    assert reader.status == 400 and "新しく同意します" in page  # shown again as it was
    page = await reader.send(f"{path}/paper", NOTHING, **sent)
    assert reader.path.startswith(f"{path}/receipts/") and "控えを印刷して" in page
    receipt = json.loads(await reader.get(reader.path.partition("?")[0] + "/file"))
    assert receipt["dpv:hasRecordOfActivity"]
    page = await reader.get(f"{path}/consents")
    assert "同意している" in page and "同意しないと決めた" in page
    told = await reader.live.get("/me/accesses", by=await reader.live.resident("hanako"))
    assert "Staff took out a receipt of consent" in [one["action"]["en"] for one in told.json["accesses"]]
    page = await reader.send(
        f"{path}/revoke", NOTHING, service="shelter", purpose="reception", reason="署名なし"
    )
    assert "同意を終わらせました" in page
    await reader.log_in_resident("hanako")
    assert "署名なし" in await reader.get("/me/services")


async def test_an_item_with_lists_is_written_in_a_form_and_rows_are_added(reader: Reader) -> None:
    path = await opened(reader) + "/items/household"
    await reader.get(path + "?new=yes")
    form = {"item.relationToHead": "head", "item.members": "2", "item.pets.1.kind": "cat"}
    page = await reader.send(path, NOTHING, version="0", more="yes", **form)
    assert 'name="item.pets.3.kind"' in page and 'name="item.pets.4.kind"' not in page
    assert 'value="2"' in page and re.search(r'<option value="cat" selected>', page)
    await reader.send(path, NOTHING, version="0", **{**form, "item.members": "many"})
    assert reader.status == 400 and "整数" in reader.page
    assert "保存しました" in await reader.send(path, NOTHING, version="0", **form)
    page = await reader.get(path)
    assert "猫" in page and "世帯主" in page


async def test_a_hold_is_set_seen_and_lifted_by_a_privacy_officer_who_opens_a_request(reader: Reader) -> None:
    path = await opened(reader)
    await reader.get(f"{path}/requests")
    form = {"right": "stop", "text": "使わないでください", "evidence": "D-1", "items": "contact"}
    assert "請求を受け付けました" in await reader.send(f"{path}/requests", NOTHING, **form)
    number = reader.found(r'受付番号 <strong class="id">(w_[^<]+)</strong>')
    assert "30 日以内" in reader.page
    await reader.get(f"{path}/requests?made=<b>")
    assert "受付番号" not in reader.page
    await reader.log_in("privacy")
    assert number in await reader.get("/staff/rights")
    await reader.get(reader.found(r'href="(/staff/rights/w_[^"]+)"'))
    request = reader.path
    await reader.send(f"{request}/open", resident=reader.found(r'name="resident" value="([^"]+)"'))
    records = reader.path
    assert records.endswith("/records") and "連絡先" in reader.page and "内容を見る" not in reader.page
    one = records.removesuffix("/records")
    page = await reader.send(f"{one}/hold", item="contact", basis="争訟1号", until="2030-01-02")
    assert "期限まで消去しません" in page and "争訟1号" in page
    assert (
        "までは使わずに" in await reader.send(f"{one}/erase", item="contact") or "使わずに保管" in reader.page
    )
    assert "消去を待っている情報" in reader.page
    page = await reader.send(f"{one}/lift", item="contact", basis="争訟1号")
    assert "消去できるようにしました" in page
    page = await reader.get(f"{one}/accesses")
    assert "だれが:" in page and "見本 個人情報" in page
    page = await reader.get(request)
    await reader.send(request, outcome="granted", reason="止めます")
    assert "決定を記録しました" in reader.page


async def test_a_guardian_is_limited_and_wider_limits_wait_for_a_second_person(reader: Reader) -> None:
    path = await opened(reader)
    await reader.get("/staff/residents")
    await reader.send("/staff/residents/register", nameKana="カクウ ダイリ", birthDate="1970-01-02")
    await reader.get(f"{path}/relations")
    form = {"number": "2", "relation": "proxy", "acts": "see", "items": "contact", "evidence": "ininjo-1"}
    page = await reader.send(f"{path}/relations/grant", NOTHING, **form)
    assert reader.status == 400 and "任意代理人には、期限" in page and 'value="ininjo-1"' in page
    page = await reader.send(f"{path}/relations/grant", NOTHING, **form, until="2030-01-02")
    assert "代理人として記録しました" in page and "次の情報だけ: 連絡先" in re.sub(r"\s+", " ", page)
    change = reader.found(r'action="([^"]+/change)"')
    wider = {"acts": "see consent", "items": "contact", "until": "2030-01-02", "evidence": "ininjo-2"}
    assert "もう一人の承認を待ちます" in await reader.send(change, NOTHING, **wider)


async def test_the_name_at_a_service_is_shown_to_be_handed_over_and_changed(reader: Reader) -> None:
    path = await opened(reader)
    await reader.get(f"{path}/names")
    await reader.send(f"{path}/names", service="shelter")
    first = reader.found(r'class="id" lang="en">([^<]+)<')
    assert "仮名を変えました" in await reader.send(f"{path}/names/rotate", service="shelter")
    await reader.send(f"{path}/names", service="shelter")
    assert reader.found(r'class="id" lang="en">([^<]+)<') != first
    await reader.send(f"{path}/names/begin", peer="282251", evidence="D-1")
    assert reader.status == 404 and "この自治体とは連携していません" in reader.page


async def test_a_look_alone_is_begun_read_and_reviewed(reader: Reader) -> None:
    path = await opened(reader, "emergency")
    assert reader.path.startswith(f"{path}/break-glass")
    form = {"items": "allergies", "basis": "災害対策基本法 49条の11第3項", "minutes": "30"}
    page = await reader.send(f"{path}/break-glass", NOTHING, **form, reason="短い")
    assert reader.status == 400 and "短すぎます" in page
    page = await reader.send(f"{path}/break-glass", NOTHING, **form, reason="倒れていて、連絡がつきません。")
    look = reader.path.partition("?")[0]
    assert look.startswith("/staff/break-glass/") and "担当者に知らせました" in page
    assert "内容を見る" in page and "アレルギー" in await reader.get(f"{look}/items/allergies")
    await reader.get(f"{look}/items/contact")
    assert reader.status == 404
    await reader.log_in("privacy")
    page = await reader.get("/staff")
    assert re.search(r'href="/staff/break-glass">.*?<span class="number">1</span>', page, re.DOTALL)
    page = await reader.get(look)
    assert "倒れていて" in page and "内容を見る" not in page
    review = reader.found(r'href="(/staff/proposals/[^"]+)"')
    assert "やむを得なかったと認める" in await reader.get(review)
    assert "承認しました" in await reader.send(review, do="approve")


async def test_keys_items_places_and_towns_are_proposed_on_pages(reader: Reader) -> None:
    await reader.log_in("catalogue")
    keys = json.dumps((await reader.live.get("/keys")).json)
    await reader.get("/staff/services/shelter")
    page = await reader.send("/staff/services/shelter/keys", keys="{")
    assert reader.status == 400 and "JSON として読み取れません" in page
    assert "提案しました" in await reader.send("/staff/services/shelter/keys", keys=keys)
    await reader.get("/staff/items")
    page = await reader.send("/staff/items/place", item="contact", location="local", offered="")
    assert "提案しました" in page and "連絡先" in page
    schema = await reader.live.get("/items/library-card")
    await reader.get("/staff/items")
    await reader.send("/staff/items", schema=json.dumps({**schema.json, "title": "bath-card"}))
    assert "提案しました" in reader.page and "bath-card" in reader.page
    await reader.get("/staff/peers")
    town = {"peer": "282251", "name": "朝来市", "url": "https://asago.example", "keys": keys}
    page = await reader.send("/staff/peers", NOTHING, **town, services="shelter")
    assert reader.status == 400 and "=" in page
    page = await reader.send("/staff/peers", NOTHING, **town, services="shelter=shelter\n")
    assert "提案しました" in page and "朝来市" in page
    path = reader.path.partition("?")[0]
    await reader.log_in("catalogue2")
    await reader.get(path)
    assert "承認しました" in await reader.send(path, do="approve")
    assert "朝来市" in await reader.get("/staff/peers")


async def test_whom_an_incident_affects_and_what_is_not_erased_yet_is_listed(reader: Reader) -> None:
    await reader.log_in("privacy")
    assert "期限を過ぎたものはありません" in await reader.get("/staff/duties")
    await reader.get("/staff/affected")
    form = {"service": "shelter", "from": "2026-01-01", "until": "2026-01-01"}
    page = await reader.send("/staff/affected", NOTHING, **form)
    assert reader.status == 400 and "終わりの日" in page
    page = await reader.send("/staff/affected", NOTHING, **{**form, "until": "2030-01-01"})
    assert "0 人・0 回" in page


async def test_where_an_item_is_kept_is_chosen_on_paper_and_the_paper_is_on_record(reader: Reader) -> None:
    town = reader.live.town
    await town.store.write(lambda db: records.choose(db, Choice("contact", "local", ("local", "cloud"))))
    path = await opened(reader)
    page = await reader.get(f"{path}/records")
    assert 'action="' + path + '/place"' in page and 'value="allergies"' not in page
    page = await reader.send(f"{path}/place", item="contact", location="local", evidence="P-7")
    assert "保管場所を変えます" in page
    told = town.store.read(
        lambda db: db.execute("SELECT entry FROM leaf ORDER BY position DESC LIMIT 3").fetchall()
    )
    chosen = next(one for (raw,) in told if (one := json.loads(raw))["kind"] == "location-chosen")
    assert (chosen["item"], chosen["evidence"]) == ("contact", "P-7")
    await reader.send(f"{path}/place", item="allergies", location="lgwan", evidence="P-7")
    assert reader.status == 400
    await reader.send(f"{path}/place", item="contact", location="local")
    assert reader.status == 400
