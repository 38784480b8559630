"""What happened in emergencies, links with other towns, cards, where news goes: pages with something on them. (issue 6)"""

from base import clock
from personal.audit import log
from personal.audit.log import Entry
from tests.personal.pages.reading import NOTHING, Reader, opened
from tests.personal.portal.acts import be_shelter

FLOOD = {
    "name": {"ja": "令和8年11月豪雨", "en": "Heavy rain of November 2026"},
    "basis": "law:災害対策基本法49条の11第3項",
    "services": ["shelter"],
    "items": ["allergies"],
    "hours": 24,
}


async def test_what_went_out_in_an_emergency_is_marked_with_its_basis_and_who_received_it(
    reader: Reader,
) -> None:
    live = reader.live
    made = await live.post("/emergencies", FLOOD, by=await live.staff("emergency"))
    assert made.status == 201, made.raw
    second = await live.staff("emergency2")
    assert (await live.post(f"/proposals/{made.json['id']}/approve", None, by=second)).status == 204
    body = {"subject": be_shelter(reader), "purpose": "reception", "items": ["allergies"]}
    body["event"] = made.json["body"]["emergency"]
    token = await live.service_token("shelter")
    given = (await live.post("/disclosures", body, by=token)).json
    assert set(given["items"]) == {"allergies"}
    await reader.log_in_resident("hanako")
    page = await reader.get("/me/emergencies")
    for said in ("令和8年11月豪雨", "災害対策基本法49条の11第3項", "避難所受付（見本）", "アレルギー"):
        assert said in page
    assert "届きませんでした" not in page
    facts = {"disclosure": given["id"], "items": ["allergies"]}
    failed = Entry("disclosure-failed", facts, {"subject": await live.person("hanako")})
    await live.town.store.write(lambda db: log.append(db, failed, clock.now()))
    assert "届きませんでした" in await reader.get("/me/emergencies")
    page = await reader.get("/me/accesses")
    assert 'class="entry urgent"' in page and "災害などの緊急" in page
    assert "緊急時に情報を渡しました" in await reader.get("/me/notices")
    page = await reader.get(await opened(reader) + "/emergencies")  # and so does the counter
    for said in ("令和8年11月豪雨", "災害対策基本法49条の11第3項", "避難所受付（見本）", "アレルギー"):
        assert said in page


async def test_a_link_with_another_town_is_begun_with_a_code(reader: Reader) -> None:
    live = reader.live
    keys = (await live.get("/keys")).json
    body = {"peer": "282251", "name": "朝来市", "url": "http://127.0.0.1:9", "keys": keys, "services": {}}
    made = await live.post("/proposals", {"kind": "peer", "body": body}, by=await live.staff("catalogue"))
    assert made.status == 201, made.raw
    second = await live.staff("catalogue2")
    assert (await live.post(f"/proposals/{made.json['id']}/approve", None, by=second)).status == 204
    await reader.log_in_resident("hanako")
    assert "朝来市" in await reader.get("/me/links")
    page = await reader.send("/me/links", peer="282251")
    assert reader.status == 200 and "相手の市や町で入れるコード" in page
    await reader.send("/me/links/finish", peer="282251", code="x" * 20)
    assert reader.status >= 400 and "朝来市" in reader.page


async def test_cards_are_listed_and_the_last_sure_one_stays(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    page = await reader.get("/me/cards")
    assert page.count("いまのログインで使っています") == 1 and "最後に使った" in page
    assert "アプリなどのログイン" in page and "0120-95-0178" in page
    path = reader.found(r'action="(/me/cards/[^"/]+/end)"')
    ended = await reader.send(path)
    assert "使えなくしました" in ended
    page = await reader.get("/me/cards")
    left = reader.found(r'action="(/me/cards/[^"/]+/end)"')
    await reader.send(left)
    assert reader.status == 409 and "最後" in reader.page
    page = await reader.send("/me/cards/link")
    assert "新しいカードやログインを加える" in page


async def test_where_news_goes_is_said_even_where_nothing_is_sent(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    assert "まだできません" in await reader.get("/me/notices/contact")
    await reader.send("/me/notices/contact", NOTHING, channel="email", address="hanako@example.jp")
    assert reader.status >= 400
