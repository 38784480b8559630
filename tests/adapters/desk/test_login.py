"""From the portal to the desk and back, with a real personal-data module: tap, PIN, session. (issue 6)"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.desk.cards.profiles import INPUT_HELP
from adapters.desk.emulator.cards import NUMBER, Made
from base import clock
from personal.login import desks
from schemas.personal import catalogue
from tests.adapters.desk.recording import recording
from tests.adapters.desk.standing import ID, Page, Standing, standing

pytestmark = pytest.mark.asyncio(loop_scope="module")
both = pytest_asyncio.fixture(scope="module", loop_scope="module")
alone = pytest_asyncio.fixture(loop_scope="module")


@both
async def place(
    tmp_path_factory: pytest.TempPathFactory, card_folder: Path, issued: Mapping[str, Made]
) -> AsyncIterator[Standing]:
    """Let module and desk run for all tests of this file: a start costs more than most of them."""
    async with standing(tmp_path_factory.mktemp("place"), card_folder, issued, kiosk=True) as made:
        yield made


@alone
async def there(place: Standing) -> AsyncIterator[Standing]:
    async with place.visited() as visited:
        yield visited


async def hold(there: Standing, id: str) -> None:
    await there.placed(there.issued[id].chip())


async def sign(there: Standing, pin: str = "1234", **more: str) -> Page:
    return await there.browser.post(there.browser.page.url, pin=pin, **more)


def logged_in(there: Standing, page: Page) -> bool:
    return page.status == 200 and page.url.partition("?")[0] == f"{there.live.url}/me"


async def test_a_tap_and_a_pin_make_a_session(there: Standing) -> None:
    await there.linked("hanako")
    await hold(there, "hanako")
    page = await there.begin()
    assert page.status == 200 and page.url.startswith(there.desk.url)
    assert "養父市のサービスにログインします" in page.text and there.live.url in page.text
    assert page.headers["Cache-Control"] == "no-store"
    page = await there.browser.get(page.url.replace("lang=ja", "lang=en"))
    assert "Log in to the services of 養父市." in page.text
    assert logged_in(there, await sign(there))
    assert "1234" not in "".join(re.findall(r"(?<!\d)1234(?!\d)", " ".join(there.browser.been)))


async def test_mistakes_are_told_in_words_and_lose_nothing(there: Standing) -> None:
    """No card, a foreign one, a transport card, too few digits, a wrong PIN: then the right one."""
    await there.linked("taro")
    await there.begin()
    assert "カードが置かれていません" in (await sign(there)).text
    for id, told in (("foreign", "このカードでは署名できません"), ("city", "交通系")):
        await hold(there, id)
        page = await sign(there)
        assert page.status == 422 and told in page.text
    await hold(there, "taro")
    page = await sign(there, pin="123")
    assert "数字4けたで入れてください" in page.text and 'aria-invalid="true"' in page.text
    page = await sign(there, pin="9999")
    assert "暗証番号が違います" in page.text and "あと2回" in page.text and "9999" not in page.text
    assert logged_in(there, await sign(there, pin="１２３４"))  # as a Japanese keyboard types them


async def test_a_button_pressed_twice_tries_the_pin_once(there: Standing) -> None:
    chip = there.issued["taro"].chip()
    await there.placed(chip)
    page = await there.begin()
    at, csrf = page.url.partition("?")[0], page.csrf

    async def press() -> str:
        async with there.browser._session.post(at, data={"csrf": csrf, "turn": "0", "pin": "9999"}) as reply:
            return await reply.text()

    told = await asyncio.gather(*(press() for _ in range(4)))
    assert all("あと2回" in text for text in told)


async def test_the_last_try_is_kept_and_the_module_hears_why(there: Standing) -> None:
    await there.linked("taro")
    await hold(there, "taro")
    await there.begin()
    await sign(there, pin="9999")
    page = await sign(there, pin="9999")
    assert "ここではもう試しません" in page.text and 'name="pin"' not in page.text
    assert "もう一度" not in page.text
    page = await there.browser.post(page.url.partition("?")[0] + "/cancel")
    assert page.url.startswith(f"{there.live.url}/login/card/done") and "窓口" in page.text


async def test_a_card_torn_off_while_it_signs_is_put_back_and_it_goes_on(there: Standing) -> None:
    await there.linked("hanako")
    await hold(there, "torn")
    await there.begin()
    assert logged_in(there, await sign(there))


async def test_another_card_put_down_instead_is_not_tried(there: Standing) -> None:
    await there.linked("hanako")
    chip = there.issued["taro"].chip()
    await hold(there, "torn")
    there.held.comes_back_as = chip
    await there.begin()
    assert "別のカードに替わりました" in (await sign(there)).text
    assert not any(head[1] == 0x20 for head in chip.heard)
    await hold(there, "hanako")
    assert logged_in(there, await sign(there))


@pytest.mark.parametrize(
    ("id", "told"), [("locked", "ロック"), ("revoked", ""), ("expired", ""), ("newcomer", "登録")]
)
async def test_cards_with_which_nobody_gets_in(there: Standing, id: str, told: str) -> None:
    if id != "newcomer":
        await there.linked(id)
    await hold(there, id)
    await there.begin()
    page = await sign(there)
    assert not logged_in(there, page) and told in page.text
    assert page.url.startswith(there.desk.url if id == "locked" else f"{there.live.url}/login/")
    reply = await there.browser.get(f"{there.live.url}/me")
    assert not logged_in(there, reply)


async def test_a_newcomer_has_name_and_address_read_off_the_card(there: Standing) -> None:
    await hold(there, "newcomer")
    await there.begin()
    page = await sign(there, four="4321")
    assert "読み取れませんでした" in page.text
    page = await sign(there, four=there.issued["newcomer"].printed_number)
    assert page.url.startswith(f"{there.live.url}/login/register") and "養父市見本町9番地" in page.text


async def test_a_card_signs_a_decision_that_the_desk_reads_out(there: Standing) -> None:
    await there.linked("hanako")
    await there.live.service("shelter")
    await hold(there, "hanako")
    await there.begin()
    assert logged_in(there, await sign(there))
    token = there.browser.cookie("engawa-personal").partition(".")[2]
    asked = {"service": "shelter", "purpose": "reception", "agree": ["basic-four"]}
    made = (await there.live.post("/me/consents/prepare", asked, by=token)).json
    form = {"prepared": made["prepared"], "digest": made["digest"], "then": "/me"}
    page = await there.browser.post(f"{there.live.url}/login/card", **form)
    assert (
        catalogue.item("basic-four").label["ja"] in page.text
        and "shelter" in page.text
        and "サービスに情報を渡すこと" in page.text
    )
    page = await sign(there)
    assert page.status == 200 and page.url.startswith(f"{there.live.url}/me?") and "done=agreed" in page.url
    receipts = (await there.live.get("/me/receipts", by=token)).json["receipts"]
    assert [one["evidence"] for one in receipts] == ["card-signature"]


async def test_the_pad_works_without_scripts(there: Standing) -> None:
    await there.linked("midori")
    await hold(there, "midori")
    page = await there.begin()
    at = page.url.partition("?")[0]
    for digit in "99":
        await there.browser.post(f"{at}/digit", digit=digit)
    assert "2けた入っています" in there.browser.page.text
    await there.browser.post(f"{at}/digit", digit="clear")
    for digit in "1234":
        page = await there.browser.post(f"{at}/digit", digit=digit)
    assert "4けた入っています" in page.text and "1234" not in re.sub(
        r"<section class=.panel sample.+", "", page.text
    )
    assert logged_in(there, await there.browser.post(at))


async def test_whoever_stops_goes_back(there: Standing) -> None:
    page = await there.begin()
    page = await there.browser.post(page.url.partition("?")[0] + "/cancel")
    assert page.url.startswith(f"{there.live.url}/login/card/done")
    page = await there.browser.get(next(url for url in there.browser.been if "/card/" in url))
    assert page.status == 410 and "時間がすぎました" in page.text


async def test_nothing_is_lost_when_the_network_fails_after_the_card_has_signed(
    tmp_path: Path, card_folder: Path, issued: Mapping[str, Made]
) -> None:
    async with recording() as line:
        module = {"public_url": line.url}
        async with standing(tmp_path, card_folder, issued, module=module, url=line.url) as there:
            line.there = int(there.live.url.rpartition(":")[2])
            await there.linked("hanako")
            await hold(there, "hanako")
            page = await there.begin()
            line.cut()
            page = await sign(there)
            assert page.status == 503 and "カードの署名はできています" in page.text
            there.held.hold(None)
            line.there = int(there.live.url.rpartition(":")[2])
            page = await there.browser.post(page.url)
            assert page.status == 200 and page.url == f"{line.url}/me"


async def test_neither_pin_nor_number_leaves_the_desk(
    tmp_path: Path, card_folder: Path, issued: Mapping[str, Made], capfd: pytest.CaptureFixture[str]
) -> None:
    """個人番号 is on the emulated card; it is in nothing that the desk writes, sends, logs or shows, nor is a PIN."""
    pin, hanako = "7391", issued["hanako"]
    made = replace(hanako, blueprint=replace(hanako.blueprint, pin=pin))
    async with recording() as line:
        more = {
            "module": {"public_url": line.url},
            "url": line.url,
            "check_in": True,
            "service": "shelter",
            "log_level": "debug",
        }
        async with standing(tmp_path, card_folder, issued, **more) as there:
            line.there = int(there.live.url.rpartition(":")[2])
            await there.linked("hanako")
            chip = made.chip()
            await there.placed(chip)
            shown = (await there.begin()).text
            line.cut()
            shown += (await sign(there, pin="7390")).text
            shown += (await sign(there, pin=pin, four=hanako.printed_number)).text
            await there.placed(None)
            await there.desk.reception.look()
            await there.placed(chip)
            await there.desk.reception.look()
            assert there.desk.reception.waiting == 1
            line.there = int(there.live.url.rpartition(":")[2])
            shown += (await there.browser.post(there.browser.page.url)).text
            assert there.browser.page.url == f"{line.url}/me"
            shown += (await there.browser.get(f"{there.desk.url}/")).text
            written = b"".join(one.read_bytes() for one in (tmp_path / "desk").rglob("*") if one.is_file())
            sent = bytes(line.sent)
    logged = "".join(capfd.readouterr()).encode()
    assert hanako.certificate not in written  # sealed
    everything = written + sent.partition(b"/card/transactions/claim")[2] + logged
    for secret in (NUMBER, hanako.printed_number.encode()):
        assert secret not in everything + shown.encode()
    assert not re.search(rb"(?<![0-9])%b(?![0-9])" % pin.encode(), everything)
    assert "見本" not in (logged + written).decode(errors="ignore")
    assert {(INPUT_HELP, 0x0001), (INPUT_HELP, 0x0014)}.isdisjoint(chip.selected)
    assert (INPUT_HELP, 0x0002) in chip.selected
    assert not any(head[:2] == b"\x00\xb2" for head in chip.heard)  # nor the serial of the card


async def test_only_this_pc_and_its_own_pages_use_the_desk(there: Standing) -> None:
    """Other names for 127.0.0.1, forms of other sites, other browsers, other places to go back to."""
    page = await there.begin()
    at = page.url.partition("?")[0]
    session = there.live.session
    async with session.get(f"{there.desk.url}/", headers={"Host": "desk.attacker.example:8110"}) as reply:
        assert reply.status == 403
    async with session.get(f"{there.desk.url}/state", headers={"Host": "desk.attacker.example"}) as reply:
        assert reply.status == 403
    async with session.get(at) as reply:  # the same address in another browser
        assert reply.status == 410
    for headers in ({"Origin": "https://attacker.example"}, {"Sec-Fetch-Site": "cross-site"}):
        form = {"csrf": page.csrf, "pin": "1234"}
        async with there.browser._session.post(at, data=form, headers=headers) as reply:
            assert reply.status == 403
    assert (await there.browser.post(at, csrf=False, pin="1234")).status == 403
    assert (await there.browser.post(at, csrf=False, pin="1234" * 2_000)).status == 400
    for back in (
        "https://attacker.example/login/card/done",
        f"{there.live.url}@attacker.example/login/card/done",
        f"{there.live.url}/me/logout",
    ):
        url = f"{there.desk.url}/card?transaction={'x' * 43}&back={back}"
        page = await there.browser.get(url)
        assert page.status == 403 and page.url == url
    page = await there.browser.get(f"{there.desk.url}/card?transaction={'x' * 43}")
    assert page.status == 410
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and f"form-action 'self' {there.live.url}" in policy


async def test_a_desk_that_is_not_entered_says_so(there: Standing) -> None:
    await there.begin()
    await there.live.town.store.write(lambda db: desks.leave(db, ID, by="test", now=clock.now()))
    await hold(there, "hanako")
    page = await sign(there)
    assert page.status == 503 and "登録されていません" in page.text
    await there.desk.condition.look()
    page = await there.browser.get(f"{there.desk.url}/")
    await there.enter()
    assert "この端末は登録されていません" in page.text


async def test_a_kiosk_opens_the_portal_with_a_ticket(there: Standing) -> None:
    await there.desk.condition.look()
    page = await there.browser.get(f"{there.desk.url}/")
    assert "養父市の手続き" in page.text
    page = await there.browser.post(f"{there.desk.url}/portal")
    assert page.status == 200 and page.url.startswith(f"{there.live.url}/me/login")
    assert any("/login/desk?ticket=" in url for url in there.browser.been)


async def test_a_card_is_held_up_at_a_kiosk_without_a_pin(there: Standing) -> None:
    await there.linked("hanako")
    form = {"town": "yabu", "next": "/me"}
    refused = await there.browser.post(f"{there.live.url}/login/contactless", csrf=False, **form)
    assert refused.status == 403  # at no desk
    await there.browser.get(f"{there.desk.url}/")
    await there.browser.post(f"{there.desk.url}/portal")
    page = await there.browser.post(f"{there.live.url}/login/contactless", csrf=False, **form)
    assert "カードをかざしてください" in page.text and 'name="pin"' not in page.text
    assert "同意や変更はできません" in page.text
    chip = there.issued["hanako"].chip()
    await there.placed(chip)
    page = await there.browser.post(page.url)
    assert page.url.startswith(f"{there.live.url}/me"), page.text
    token = there.browser.cookie("engawa-personal").partition(".")[2]
    assert (await there.live.get("/session", by=token)).json["level"] == 1
    assert not any(head[1] in (0x20, 0x2A) for head in chip.heard)


async def test_a_transaction_whose_time_is_over_is_forgotten(there: Standing) -> None:
    page = await there.begin()
    assert "あと2分ほどで、この画面は終わります" in page.text
    [visit] = [one for one in there.desk.visits._open.values() if one.id in page.url]
    visit.until = 0.0
    await hold(there, "hanako")
    page = await sign(there)
    assert page.status == 410 and "もう一度始めてください" in page.text
