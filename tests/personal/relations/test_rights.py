"""Rights of residents and reports of the city over HTTP. (個人情報保護法 68, 75, 76, 83, 90, 98条; issue 5)"""

import csv
import io
from typing import Any

import pytest
from pypdf import PdfReader

from base import clock
from personal.operations import printing
from personal.store import rights
from tests.personal.disclosure.sharing import ALLERGIES, CARE, PHONE, agree, ask, hold, leaves, name, service
from tests.personal.live import Live, Reply, asked, described, purpose

TERMS = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
DAY = 86_400_000_000
CORRECT: dict[str, Any] = {"right": "correction", "items": ["allergies"], "text": "小麦ではなく蕎麦です。"}


async def handle(live: Live, by: str) -> str:
    found = await live.post("/residents/search", TERMS, by=await live.staff(by))
    return str(found.json["residents"][0]["resident"])


async def protect(live: Live) -> None:
    body = {"resident": await handle(live, "protection"), "protected": True}
    assert (await live.post("/residents/protection", body, by=await live.staff("protection"))).status == 204


async def requested(live: Live, **more: Any) -> Reply:
    return await live.post("/me/rights", {**CORRECT, **more}, by=await live.resident("hanako"))


async def test_a_request_is_decided_with_a_reason_that_the_resident_sees(live: Live) -> None:
    await live.register("hanako")
    made = await requested(live)
    assert made.status == 201, made.raw
    assert clock.parse(made.json["due"]) == clock.parse(made.json["made"]) + 30 * DAY
    privacy, me = await live.staff("privacy"), await live.resident("hanako")
    (listed,) = (await live.get("/rights", by=privacy)).json["requests"]
    assert (listed["overdue"], listed["law"], "text" in listed) == (False, "個人情報保護法90条", False)
    shown = (await live.get(f"/rights/{listed['id']}", by=privacy)).json
    assert shown["text"] == CORRECT["text"]
    decision = {"outcome": "granted", "reason": "訂正しました。"}
    path = f"/rights/{listed['id']}/decision"
    assert (await live.post(path, decision, by=privacy)).status == 200
    assert (await live.post(path, decision, by=privacy)).status == 409
    (mine,) = (await live.get("/me/rights", by=me)).json["requests"]
    assert (mine["state"], mine["reasons"]) == ("granted", {"decision": "訂正しました。"})
    assert (await live.get("/rights", by=privacy)).json == {"requests": []}
    assert len((await live.get("/rights", by=privacy, params={"state": "decided"})).json["requests"]) == 1
    seen = [one["action"]["en"] for one in (await live.get("/me/accesses", by=me)).json["accesses"]]
    assert {
        "A request about your data was received",
        "Staff looked at your request",
        "Your request was decided",
    } <= set(seen)
    assert "蕎麦" not in str(leaves(live))


async def test_its_time_is_prolonged_once_and_never_afterwards(live: Live) -> None:
    await live.register("hanako")
    made, privacy = await requested(live), await live.staff("privacy")
    path = f"/rights/{made.json['id']}/extension"
    longer = await live.post(path, {"reason": "多量のため"}, by=privacy)
    assert clock.parse(longer.json["due"]) == clock.parse(made.json["made"]) + 60 * DAY
    assert longer.json["reasons"] == {"extension": "多量のため"}
    assert (await live.post(path, {"reason": "再び"}, by=privacy)).status == 409
    late = (await requested(live)).json["id"]

    def work(db: Any) -> None:
        db.execute("UPDATE rights_request SET due = ? WHERE id = ?", (clock.now() - 1, late))

    await live.town.store.write(work)
    assert (await live.post(f"/rights/{late}/extension", {"reason": "遅い"}, by=privacy)).status == 409
    listed = (await live.get("/rights", by=privacy)).json["requests"]
    assert [(one["id"] == late, one["overdue"]) for one in listed] == [(True, True), (False, False)]


async def test_what_is_written_in_requests_is_sealed(live: Live) -> None:
    person = await live.register("hanako")
    await requested(live)
    (kept,) = live.town.store.read(lambda db: rights.of(db, person))
    assert CORRECT["text"].encode() not in kept.words


async def test_a_request_is_taken_back_by_who_made_it_only(live: Live) -> None:
    await live.register("hanako")
    await live.register("taro", nameKana="ヤブ タロウ")
    id = (await requested(live)).json["id"]
    other = await live.resident("taro")
    theirs, nobodys = (
        await live.ask("DELETE", f"/me/rights/{id}", by=other),
        await live.ask("DELETE", "/me/rights/w_x", by=other),
    )
    assert (theirs.status, theirs.raw) == (404, nobodys.raw)
    me = await live.resident("hanako")
    assert (await live.ask("DELETE", f"/me/rights/{id}", by=me)).status == 204
    assert (await live.ask("DELETE", f"/me/rights/{id}", by=me)).status == 409


async def test_a_request_on_paper_is_taken_down_at_the_counter(live: Live) -> None:
    await live.register("hanako")
    body = {**CORRECT, "resident": await handle(live, "counter"), "evidence": "scan-7"}
    assert (await live.post("/rights", body, by=await live.staff("counter"))).status == 201
    assert len((await live.get("/me/rights", by=await live.resident("hanako"))).json["requests"]) == 1


async def test_requests_of_protected_residents_are_there_for_who_is_cleared(live: Live) -> None:
    await live.register("hanako")
    id = (await requested(live)).json["id"]
    await protect(live)
    privacy = await live.staff("privacy")
    assert (await live.get("/rights", by=privacy)).json == {"requests": []}
    for path in ("", "/decision", "/extension"):
        body = {"outcome": "refused", "reason": "x"} if path == "/decision" else {"reason": "x"}
        method, sent = ("POST", body) if path else ("GET", None)
        hidden = await live.ask(method, f"/rights/{id}{path}", sent, by=privacy)
        nothing = await live.ask(method, f"/rights/w_x{path}", sent, by=privacy)
        assert (hidden.status, hidden.raw) == (404, nothing.raw)


async def with_data(live: Live) -> str:
    person = await live.register("hanako")
    await hold(live, person, allergies=ALLERGIES, contact=PHONE)
    token = await service(live, "shelter", "allergies")
    await agree(live, person, "shelter", "allergies")
    await ask(live, token, await name(live, person, "shelter"), "allergies")
    await requested(live)
    return person


async def test_an_export_holds_everything_there_is(live: Live) -> None:
    person = await with_data(live)
    me = await live.resident("hanako")
    told = await live.get("/me/export", by=me)
    assert {one["item"]: one["value"] for one in told.json["records"]} == {
        "allergies": ALLERGIES,
        "contact": PHONE,
    }
    assert [(one["service"], one["item"], one["state"]) for one in told.json["consents"]] == [
        ("shelter", "allergies", "ConsentGiven")
    ]
    assert any(one.get("service") == "shelter" for one in told.json["accesses"])
    assert told.json["namesAtServices"] == ["shelter"]
    assert told.json["requests"][0]["text"] == CORRECT["text"]
    assert [one["kind"] for one in told.json["identifiers"]] == ["login"]
    assert person.encode() not in told.raw
    assert "attachment" in told.headers["Content-Disposition"]
    assert leaves(live)[-1]["kind"] == "export"


async def test_an_export_as_csv_holds_no_formula(live: Live) -> None:
    person = await live.register("hanako")
    await hold(live, person, allergies={"allergies": [{"to": "wheat", "name": "=HYPERLINK(1)"}]})
    told = await live.get("/me/export", by=await live.resident("hanako"), params={"format": "csv"})
    assert told.raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(told.raw.decode("utf-8-sig"))))
    assert ["records", "1", "value.allergies[1].to", "wheat"] in rows
    assert ["records", "1", "value.allergies[1].name", "'=HYPERLINK(1)"] in rows


async def test_an_export_for_printing_escapes_what_it_shows(live: Live) -> None:
    person = await live.register("hanako")
    await hold(live, person, allergies={"allergies": [{"to": "wheat", "name": "<script>alert(1)</script>"}]})
    told = await live.get("/me/export", by=await live.resident("hanako"), params={"format": "html"})
    page = told.raw.decode()
    assert told.headers["Content-Type"].startswith("text/html")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "養父市" in page


@pytest.mark.parametrize("path", ["/me/export", "/me/rights"])
async def test_rights_need_the_card_and_its_pin(live: Live, path: str) -> None:
    await live.register("hanako")
    assert (await live.get(path, by=await live.resident("hanako", level=1))).status == 403


async def test_a_protected_resident_exports_their_own(live: Live) -> None:
    person = await live.register("hanako")
    await hold(live, person, contact=PHONE)
    await protect(live)
    live.tokens.clear()
    told = await live.get("/me/export", by=await live.resident("hanako"))
    assert [one["value"] for one in told.json["records"]] == [PHONE]


async def test_everything_is_erased_but_what_a_law_holds(live: Live) -> None:
    person = await live.register("hanako")
    await hold(live, person, allergies=ALLERGIES, contact=PHONE, care_needs=CARE)
    held = {
        "resident": await handle(live, "counter"),
        "item": "contact",
        "basis": "law:訴訟",
        "until": "2099-01-01T00:00:00Z",
    }
    found = await live.post("/residents/search", TERMS, by=await live.staff("protection"))
    assert found.status == 200
    await live.town.store.write(
        lambda db: db.execute(
            "INSERT INTO hold VALUES (?, 'contact', ?, ?, 'x')",
            (person, held["basis"], clock.parse(held["until"])),
        )
    )
    me = await live.resident("hanako")
    told = await live.post("/me/erase", None, by=me)
    assert told.status == 202
    assert {one["item"]: one["erased"] for one in told.json["items"]} == {
        "allergies": True, "care-needs": True, "contact": False,
    }  # fmt: skip
    assert (await live.get("/me/export", by=me)).json["records"] == []


async def test_the_register_of_files_is_public_as_json_and_csv(live: Live) -> None:
    more = described(purpose("reception", asked("allergies", recipients=["消防"]), registeredPurpose="受付"))
    await live.service("shelter", more)
    told = (await live.get("/reports/personal-files")).json
    files = {one["item"]: one for one in told["files"]}
    (use,) = files["allergies"]["uses"]
    assert (use["service"], use["recipients"], use["retentionDays"]) == ("shelter", ["消防"], 30)
    assert (files["allergies"]["class"], files["contact"]["uses"]) == ("special-care", [])
    raw = (await live.get("/reports/personal-files", params={"format": "csv"})).raw.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(raw)))
    assert {row["item"]: row["recipients"] for row in rows}["allergies"] == "消防"


async def test_an_export_as_pdf_says_all_that_the_one_as_json_says(live: Live, caplog: Any) -> None:
    if printing.installed_font() is None:
        pytest.skip("no font with Japanese letters is installed")
    person = await live.register("hanako")
    name = "そば粉（十割・薬味つき）"
    await hold(live, person, allergies={"allergies": [{"to": "other", "name": name}]}, contact=PHONE)
    await requested(live)
    me = await live.resident("hanako")
    told = await live.get("/me/export", by=me, params={"format": "pdf"})
    assert (told.status, told.headers["Content-Type"]) == (200, "application/pdf")
    assert b"FontFile" in told.raw, "it carries the letters it needs"
    assert name not in caplog.text
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(told.raw)).pages)
    read = "".join(text.replace("\0", "").split())  # of letters in two bytes the reader gives both
    exported = (await live.get("/me/export", by=me)).json
    missing = [
        value
        for section, _, _, value in printing.flat(exported)
        if section not in ("exported", "accesses") and "".join(value.split()) not in read
    ]
    assert missing == []
    assert name in read and CORRECT["text"] in read


async def test_without_a_font_there_is_no_pdf(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    await live.register("hanako")
    me = await live.resident("hanako")
    monkeypatch.setenv("PATH", "")
    refused = await live.get("/me/export", by=me, params={"format": "pdf"})
    assert (refused.status, "no font with Japanese letters" in refused.json["detail"]) == (422, True)
    assert (await live.get("/me/export", by=me, params={"format": "odt"})).status == 400
