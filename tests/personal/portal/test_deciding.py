"""Deciding: nothing pre-ticked, both answers equally near, what is signed shown, withdrawn in one step. (issue 6)"""

import re
from datetime import UTC, datetime, timedelta

from personal.operations import notices
from personal.store import deadlines
from tests.personal.pages.reading import NOTHING, Reader
from tests.personal.portal.acts import ASK, SHELTER, agree, ask_for, check, hidden, widen


async def test_nothing_is_chosen_beforehand_and_both_answers_are_equal_buttons(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    page = await reader.get(ASK)
    assert page.count('type="checkbox"') == 3 and "checked" not in page
    buttons = re.findall(r"<button[^>]*>", page[page.index('class="actions either"') :])[:2]
    assert buttons[0] == "<button>" and buttons[1].startswith('<button formaction="/me/ask/refuse')
    await reader.send("/me/ask/check", NOTHING, **SHELTER, kind="share")
    assert reader.status == 400 and "一つ以上選ぶか" in reader.page


async def test_what_is_signed_and_what_goes_out_is_shown_before_anything_is_decided(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    page = await check(reader, "basic-four allergies")
    assert "まだ、何も決まっていません" in page and "見本 花子" in page and "そば" in page
    assert "engawa-consent-decision/1" in page and "&#34;agree&#34;" in page
    assert "はじめて渡すとき" not in page  # the counter handed the name over, so it is shown
    page = await reader.get("/me/services")
    assert "見られます（同意済み）" not in page


async def test_one_agrees_keeps_the_receipt_and_withdraws_one_item_and_all(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    page = await agree(reader, "basic-four allergies")
    assert reader.path.startswith("/me/agreed") and "同意しました。" in page
    assert "養父市" in await reader.get(reader.found(r'href="(/me/receipts/c_[^"/?]+)"'))
    page = await reader.get("/me/services")
    assert page.count("見られます（同意済み）") == 2
    await reader.get("/me/withdraw?service=shelter&purpose=reception&items=allergies")
    assert "14 日以内に消します" in reader.page
    page = await reader.send("/me/withdraw", NOTHING, **SHELTER, kind="share", items="allergies")
    assert page.count("見られます（同意済み）") == 1 and "同意を取り消しました" in page
    await reader.get("/me/withdraw?service=shelter&purpose=reception")
    page = await reader.send("/me/withdraw", NOTHING, **SHELTER, kind="share")
    assert "見られます（同意済み）" not in page


async def test_the_days_after_which_a_service_has_erased_are_those_of_the_municipality(
    reader: Reader,
) -> None:
    await reader.live.town.store.write(lambda db: deadlines.set_days(db, notices.ERASE, 30))
    await reader.log_in_resident("hanako")
    await agree(reader, "basic-four")
    page = await reader.get("/me/withdraw?service=shelter&purpose=reception")
    assert "30 日以内に消します" in page


async def test_a_refusal_is_one_step_and_asks_for_no_proof(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await reader.get(ASK)
    page = await reader.send("/me/ask/refuse", NOTHING, **SHELTER, kind="share")
    assert reader.path.startswith("/me/services") and page.count("見られません（断りました）") == 3


async def test_what_a_wider_version_asks_waits_with_the_difference_in_words(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await agree(reader, "basic-four")
    assert "いま、決めることはありません" in await reader.get("/me")
    await widen(reader.live, retentionDays=99)
    assert "1 件あります" in await reader.get("/me")
    page = await reader.get("/me/requests")
    assert "保存期間が30日から99日に変わりました" in page and "求めることが増えました" in page
    page = await reader.get(ASK)
    assert "保存期間が30日から99日に変わりました" in page and "checked" not in page


async def test_what_a_service_asks_waits_and_is_put_off(reader: Reader) -> None:
    await ask_for(reader, "allergies")
    await reader.log_in_resident("hanako")
    assert "サービスが求めています" in await reader.get("/me/requests")
    assert "あとで決める" in await reader.get(ASK)
    page = await reader.send("/me/ask/defer", NOTHING, **SHELTER, kind="share")
    assert "あとで決めることにしました" in page and "いま、決めることはありません" in page


async def test_everything_is_stopped_at_once(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await agree(reader, "basic-four")
    assert "避難所受付" in await reader.get("/me/freeze")
    page = await reader.send("/me/freeze")
    assert "全部止めました" in page and "見られます（同意済み）" not in page


async def test_only_our_own_pages_are_gone_on_to(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    for bad in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:1"):
        await reader.get(ASK)
        await reader.send("/me/ask/refuse", NOTHING, **SHELTER, kind="share", then=bad)
        assert reader.path.startswith("/me/") and "elsewhere" not in reader.path


async def test_to_store_is_decided_apart_from_to_share(reader: Reader) -> None:
    await ask_for(reader, "allergies", kind="store")
    await reader.log_in_resident("hanako")
    assert "保管すること" in await reader.get("/me/requests")
    page = await reader.get(ASK + "&kind=store")
    assert "見せることとは別です" in page and "checked" not in page
    chosen = {**SHELTER, "kind": "store", "agree": "basic-four allergies"}
    page = await reader.send("/me/ask/check", NOTHING, **chosen)
    assert reader.status == 200 and "実際に渡る内容" not in page
    await reader.send("/me/ask/decide", NOTHING, **SHELTER, kind="store", prepared=hidden(page, "prepared"))
    page = await reader.get("/me/services")
    assert page.count("書いて保管できます（同意済み）") == 2 and "見られます（同意済み）" not in page
    assert "書いた情報は、消します" in await reader.get(ASK.replace("ask", "withdraw") + "&kind=store")
    page = await reader.send("/me/withdraw", NOTHING, **SHELTER, kind="store")
    assert "書いて保管できます" not in page


async def test_what_ends_soon_is_gone_on_with_for_a_longer_time(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await reader.get(ASK)
    soon = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    page = await reader.send(
        "/me/ask/check", NOTHING, **SHELTER, kind="share", agree="basic-four", until=soon
    )
    await reader.send("/me/ask/decide", NOTHING, **SHELTER, kind="share", prepared=hidden(page, "prepared"))
    page = await reader.get("/me/requests")
    assert "もうすぐ期限が来ます" in page
    path = reader.found(r'href="(/me/ask\?[^"]*renew=yes)"').replace("&amp;", "&")
    assert 'value="basic-four"' in await reader.get(path)
    fields = {**SHELTER, "kind": "share", "agree": "basic-four", "renew": "yes"}
    page = await reader.send("/me/ask/check", NOTHING, **fields)
    assert "更新します" in page
    await reader.send("/me/ask/decide", NOTHING, **SHELTER, kind="share", prepared=hidden(page, "prepared"))
    assert "もうすぐ期限が来ます" not in await reader.get("/me/requests")


async def test_a_login_of_the_second_level_refuses_and_withdraws_and_is_asked_for_the_card_to_agree(
    reader: Reader,
) -> None:
    await reader.log_in_resident("hanako")
    await agree(reader, "basic-four")
    await reader.send("/me/logout")
    token = await reader.live.resident("hanako", 2)
    reader.session.cookie_jar.update_cookies({"engawa-personal": f"yabu.{token}"})
    await reader.get("/me/withdraw?service=shelter&purpose=reception")
    page = await reader.send("/me/withdraw", NOTHING, **SHELTER, kind="share")
    assert reader.path.startswith("/me/services") and "見られます（同意済み）" not in page
    await reader.get(ASK)
    await reader.send("/me/ask/check", NOTHING, **SHELTER, kind="share", agree="basic-four")
    assert reader.path.startswith("/me/login") and "level=3" in reader.path
    await reader.get(ASK)
    await reader.send("/me/ask/refuse", NOTHING, **SHELTER, kind="share")
    assert reader.path.startswith("/me/services") and "見られません（断りました）" in reader.page
