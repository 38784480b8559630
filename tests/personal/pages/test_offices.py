"""The page about the municipality's own office: who names it, what letters to residents then say. (個人情報保護法 75条)"""

from tests.personal.pages.reading import NOTHING, Reader


async def test_an_administrator_names_the_office_and_the_next_letter_says_so(reader: Reader) -> None:
    body = {"right": "disclosure", "text": "すべて見たい。"}
    asked = await reader.live.post("/me/rights", body, by=await reader.live.resident("hanako"))
    letter = f"/staff/rights/{asked.json['id']}/letters/received"
    assert "八鹿町9" not in await (await reader.log_in("privacy")).get(letter)
    page = await (await reader.log_in("admin")).get("/staff/office")
    assert "まだ決まっていません" in page
    page = await reader.send("/staff/office", NOTHING, office="市民課　窓口", address=" ")
    assert reader.status == 400 and 'value="市民課　窓口"' in page
    assert "「所在地」を入力してください" in reader.found(
        r'name="address"[^>]*><span class="why" id="wrong-here">([^<]+)'
    )
    page = await reader.send("/staff/office", NOTHING, office="市民課　窓口", address="養父市八鹿町9")
    assert "窓口を変えました" in page and "養父市八鹿町9" in page
    page = await (await reader.log_in("privacy")).get(letter)
    assert "市民課　窓口" in page and "養父市八鹿町9" in page
