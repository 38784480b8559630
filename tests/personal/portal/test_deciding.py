"""Deciding: nothing pre-ticked, both answers equally near, what is signed shown, withdrawn in one step. (issue 6)"""

import re

from tests.personal.pages.reading import NOTHING, Reader
from tests.personal.portal.acts import ASK, SHELTER, agree, ask_for, check, widen


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
