"""The sections of the portal: my data, who looked, family, rights, codes, logins. (issue 6)"""

import json
import re
from html import unescape
from urllib.parse import unquote

import pytest
import zxingcpp

from personal.store import records
from personal.store.records import Choice
from tests.personal.login.test_city_cards import drawn
from tests.personal.pages.reading import NOTHING, Reader
from tests.personal.portal.acts import agree, ask_for, disclosed


async def test_a_place_is_chosen_where_the_town_offers_one(reader: Reader) -> None:
    await reader.live.town.store.write(
        lambda db: records.choose(db, Choice("contact", "local", ("local", "cloud")))
    )
    await reader.log_in_resident("hanako")
    assert "市のサーバー" in await reader.get("/me/data")
    assert "place-cloud" not in await reader.get("/me/data/basic-four")
    assert "place-cloud" in await reader.get("/me/data/contact")
    page = await reader.send("/me/data/contact/place", location="local")
    assert "保管場所を選びました" in page
    await reader.live.town.store.write(
        lambda db: records.choose(db, Choice("allergies", "cloud", ("local", "cloud")))
    )
    assert "クラウド（暗号化）に移しているところです" in await reader.get("/me/data")
    await reader.send("/me/data/basic-four/place", location="lgwan")
    assert reader.status == 400 and "ここでは使えません" in reader.page


async def test_one_writes_and_erases_what_is_ones_own(reader: Reader) -> None:
    await reader.log_in_resident("taro")
    await reader.get("/me/data/contact/edit")
    fields = {"item.phones.0.number": "000-0000-0009", "item.phones.0.kind": "mobile"}
    page = await reader.send("/me/data/contact/edit", NOTHING, version="0", **fields)
    assert reader.path.startswith("/me/data/contact") and "000-0000-0009" in page
    assert "元に戻せません" in await reader.get("/me/data/contact/erase")
    page = await reader.send("/me/data/contact/erase")
    assert "消去しました" in page and '/me/data/contact"' not in page
    await reader.get("/me/data/basic-four/edit")
    await reader.send("/me/data/basic-four/edit", NOTHING, version="1", **{"item.name": "見本 次郎"})
    assert reader.status in (400, 403)


async def test_who_looked_is_found_by_service_and_month_and_proven(reader: Reader) -> None:
    await ask_for(reader, "allergies")
    await disclosed(reader, "allergies")
    await reader.log_in_resident("hanako")
    page = await reader.get("/me/accesses?service=shelter")
    assert "渡しませんでした" in page and "避難所受付（見本）" in page and "登録・変更" not in page
    assert "当てはまる記録はありません" in await reader.get("/me/accesses?month=2019-01")
    assert "ログインしました" not in await reader.get("/me/accesses")
    assert "ログインしました" in await reader.get("/me/accesses?all=yes")
    await reader.get("/me/accesses?service=shelter")
    path = reader.found(r'href="(/me/accesses/\d+)"')
    assert "証明を保存する" in await reader.get(path)
    proof = json.loads(await reader.get(path + "/file"))
    assert proof["head"]["size"] > proof["position"] and proof["commitment"]["salt"]
    await reader.get("/me/accesses/0")
    assert reader.status == 404


async def test_the_list_of_accesses_goes_on_where_it_broke_off(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    for _ in range(25):
        await reader.get("/me/receipts")
    seen: list[str] = []
    path = "/me/accesses?all=yes"
    while path:
        page = await reader.get(path)
        found = re.findall(r"/me/accesses/(\d+)\"", page)
        assert 0 < len(found) <= 20
        seen += found
        older = re.search(r'class="press" href="(/me/accesses\?before=[^"]+)"', page)
        path = older.group(1).replace("&amp;", "&") if older else ""
    assert len(set(seen)) == len(seen) > 25


async def test_what_one_does_at_one_moment_stands_in_one_row_and_each_entry_has_its_proof(
    reader: Reader,
) -> None:
    by = await reader.live.staff("counter")
    resident = await handle(reader, "ミホン ハナコ", "1951-04-05")
    for item in ("basic-four", "contact", "basic-four"):
        read = await reader.live.post("/records/read", {"resident": resident, "item": item}, by=by)
        assert read.status == 200, read.raw
    other = await reader.live.staff("protection")
    again = {"resident": await handle(reader, "ミホン ハナコ", "1951-04-05", "protection"), "item": "contact"}
    assert (await reader.live.post("/records/read", again, by=other)).status == 200
    await reader.log_in_resident("hanako")
    page = await reader.get("/me/accesses")
    rows = [row for row in page.split("<article")[1:] if "職員が情報を見ました" in row]
    assert len(rows) >= 2 and "同じときに3件" in rows[1]
    assert "基本4情報" in rows[1] and "連絡先" in rows[1]
    assert len(set(re.findall(r'href="/me/accesses/(\d+)"', rows[1]))) == 3


async def test_everything_is_exported_in_each_form(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await reader.get("/me/rights")
    told = json.loads(await reader.send("/me/rights/export", format="json"))
    assert {one["item"] for one in told["records"]} >= {"basic-four", "contact"}
    for form, sign in (("csv", "basic-four"), ("html", "見本 花子")):
        await reader.get("/me/rights")
        assert sign in await reader.send("/me/rights/export", format=form)


async def test_a_right_is_asked_for_and_taken_back(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await reader.get("/me/rights")
    await reader.send("/me/rights/ask", right="correction", text="番地が違います。", items="basic-four")
    assert "返事の期限" in reader.page and "番地が違います" in reader.page
    page = await reader.send(reader.found(r'action="(/me/rights/[^"/]+/take-back)"'))
    assert "取り下げました" in page


async def test_everything_is_erased_only_after_asking_twice_and_the_record_of_accesses_stays(
    reader: Reader,
) -> None:
    await reader.log_in_resident("hanako")
    await agree(reader, "basic-four")
    assert "消えるもの" in await reader.get("/me/erase")
    await reader.send("/me/erase")
    assert reader.status == 400 and "しるしを付けてください" in reader.page
    page = await reader.send("/me/erase", sure="yes")
    assert reader.status == 200 and page.count("消しました") >= 4
    assert "保管している情報は、まだありません" in await reader.get("/me/data")
    assert "情報を消去しました" in await reader.get("/me/accesses?all=yes")


async def handle(reader: Reader, kana: str, birth: str, login: str = "counter") -> str:
    """Search for a resident at the counter."""
    asked = {"nameKana": kana, "birthDate": birth}
    found = await reader.live.post("/residents/search", asked, by=await reader.live.staff(login))
    return str(found.json["residents"][0]["resident"])


async def let_taro_act(reader: Reader, kana: str, birth: str, **more: object) -> None:
    """Write down that 太郎 acts for somebody."""
    guardian, resident = (
        await handle(reader, "ミホン タロウ", "1988-11-23"),
        await handle(reader, kana, birth),
    )
    body = {
        "guardian": guardian,
        "resident": resident,
        "acts": ["see", "consent"],
        "evidence": "koseki-1",
        **more,
    }
    made = await reader.live.post("/delegations", body, by=await reader.live.staff("counter"))
    assert made.status in (201, 202), made.raw


async def test_a_parent_acts_for_a_child_under_a_banner_and_comes_back(reader: Reader) -> None:
    await let_taro_act(reader, "ミホン サクラ", "2016-03-28", relation="parent", birthDate="2016-03-28")
    await reader.log_in_resident("taro")
    assert "見本 さくら</span>さん（子ども）" in await reader.get("/me/family")
    page = await reader.send("/me/family/act", resident=reader.found(r'name="resident" value="([^"]+)"'))
    assert "代理で見ています" in page
    assert "見本 さくら" in await reader.get("/me/data/basic-four")
    assert "代理で見ています" in reader.page
    await reader.get("/me/links")
    assert reader.status == 403
    await reader.get("/me")
    assert "代理で見ています" not in await reader.send("/me/family/back")
    token = await reader.live.resident("sakura")
    seen = (await reader.live.get("/me/accesses", by=token)).json["accesses"]
    assert any(one["kind"] == "own-record-read" and one["who"] == "guardian" for one in seen)


async def test_whom_one_acts_for_is_named_as_far_as_one_may_see_the_name(reader: Reader) -> None:
    child = {"relation": "parent", "birthDate": "2016-03-28", "items": ["allergies"]}
    await let_taro_act(reader, "ミホン サクラ", "2016-03-28", **child)
    until = {"relation": "proxy", "until": "2036-01-01T00:00:00Z"}
    await let_taro_act(reader, "ミホン ハナコ", "1951-04-05", **until)
    await reader.log_in_resident("taro")
    page = await reader.get("/me/family")
    assert "さくら" not in page and "名前は、ここでは見られません" in page
    assert "見本 花子</span>さんの代わりをする" in page
    hanako = await handle(reader, "ミホン ハナコ", "1951-04-05", "protection")
    body, cleared = {"resident": hanako, "protected": True}, await reader.live.staff("protection")
    assert (await reader.live.post("/residents/protection", body, by=cleared)).status == 204
    assert "花子" not in await reader.get("/me/family")


async def test_a_code_is_shown_once_as_letters_and_picture_and_withdrawn(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await reader.get("/me/code")
    await reader.send("/me/code", NOTHING, items="", minutes="15")
    assert reader.status == 400
    await reader.send("/me/code", items="basic-four", minutes="15", service="shelter")
    code = reader.found(r'class="big"[^>]*>([^<]+)<')
    assert "避難所受付（見本）" in reader.page
    picture = unquote(unescape(reader.found(r'class="qr" src="data:image/svg[^,]+,([^"]+)"'))).replace(
        "'", '"'
    )
    dark = picture[: picture.index("<path")] + picture[picture.index("qrline") :]
    assert zxingcpp.read_barcodes(drawn(dark))[0].text == code
    assert code not in await reader.get("/me/code")
    assert "取り消しました" in await reader.send("/me/code/withdraw")


async def test_other_logins_are_seen_and_ended(reader: Reader) -> None:
    other = await reader.live.resident("hanako")
    await reader.log_in_resident("hanako")
    page = await reader.get("/me/sessions")
    assert page.count("いま使っているログイン") == 1 and "ほかのログインを全部終わらせる" in page
    page = await reader.send("/me/sessions/end-others")
    assert "ほかのログインを全部終わらせました" in page
    assert (await reader.live.get("/session", by=other)).status == 401


@pytest.mark.parametrize(
    "path", ["/me/data/nothing", "/me/ask?service=none&purpose=none", "/me/accesses/99999"]
)
async def test_what_is_not_there_is_said_kindly_with_a_way_back(reader: Reader, path: str) -> None:
    await reader.log_in_resident("hanako")
    page = await reader.get(path)
    assert reader.status == 404 and 'href="/me"' in page and "見つかりません" in page
