"""The pages for staff over HTTP: who gets in, what a form has to carry, what never stands in an address. (issue 5)"""

import json
import re
import tomllib
from html import unescape
from pathlib import Path

from personal.parts import PARTS
from tests.personal.pages.reading import BIRTH, NOTHING, Reader, opened
from tests.personal.portal.acts import agree

TEXTS = [file for part in PARTS for file in sorted(part.glob("texts*.toml"))]


async def test_without_a_login_every_page_leads_to_the_login(reader: Reader) -> None:
    for path in ("/", "/staff", "/staff/residents", "/staff/members", "/staff/audit"):
        await reader.get(path)
        assert reader.path.partition("?")[0] == "/staff/login"
    await reader.get("/me")
    assert reader.path == "/me/login"


async def test_each_role_sees_its_own_sections_only(reader: Reader) -> None:
    sections = {
        "counter": {"residents"},
        "catalogue": {"services", "items", "peers", "deadlines"},
        "emergency": {"residents", "emergencies", "break-glass"},
        "privacy": {"emergencies", "break-glass", "rights", "duties", "affected", "deadlines", "audit"},
        "auditor": {"audit"},
        "admin": {"members", "desks", "office"},
    }
    every = set.union(*sections.values())
    for login, own in sections.items():
        page = await (await reader.log_in(login)).get("/staff")
        assert ('action="/staff/residents/card/begin"' in page) is (login == "counter")
        for section in every:
            assert (f'href="/staff/{section}"' in page) is (section in own), (login, section)
            await reader.get(f"/staff/{section}")
            assert reader.status == (200 if section in own else 403), (login, section)


async def test_what_waits_is_shown_to_whom_it_waits_for_the_late_and_the_soonest_first(
    reader: Reader,
) -> None:
    by = await reader.live.resident("hanako")
    for right in ("stop", "disclosure"):
        made = await reader.live.post("/me/rights", {"right": right, "text": "お願いします"}, by=by)
        assert made.status == 201
    await reader.live.town.store.write(
        lambda db: db.execute("UPDATE rights_request SET due = made - 1 WHERE kind = 'disclosure'")
    )
    body = {"kind": "deadline", "body": {"name": "erase", "days": 10}}
    proposed = await reader.live.post("/proposals", body, by=await reader.live.staff("privacy"))
    assert proposed.status == 201
    page = await (await reader.log_in("privacy")).get("/staff")
    first, second = (page.index(f">{name}<") for name in ("開示請求", "利用停止請求"))
    assert first < second and 'class="late"' in page and "あと 30 日" in page
    assert proposed.json["id"] not in page  # one's own
    page = await (await reader.log_in("catalogue")).get("/staff")
    assert proposed.json["id"] in page and "利用停止請求" not in page
    assert "待っていることはありません" in await (await reader.log_in("auditor")).get("/staff")


async def test_a_resident_is_found_opened_and_looked_at_and_no_address_tells_whom(reader: Reader) -> None:
    path = await opened(reader)
    assert path == "/staff/residents/1"
    page = await reader.get(f"{path}/records")
    assert "基本4情報" in page and "見本 花子" not in page
    page = await reader.get(f"{path}/items/basic-four")
    assert "見本 花子" in page and "1951-04-05" in page
    mine = await reader.live.get("/me/accesses", by=await reader.live.resident("hanako"))
    told = [one["action"]["en"] for one in mine.json["accesses"]]
    assert "Staff looked at data" in told and "A search by staff found you" in told


async def test_the_number_of_an_open_resident_is_good_for_its_login_only(reader: Reader) -> None:
    path = await opened(reader)
    await reader.log_in("protection")
    await reader.get(path)
    assert reader.status == 404
    await reader.get("/staff/residents/%E0%B9%91")
    assert reader.status == 404


async def test_a_form_is_stored_shown_and_refused_when_it_was_overtaken(reader: Reader) -> None:
    path = await opened(reader) + "/items/basic-four"
    await reader.get(path)
    fields = {"name": "見本 花子", "address": "養父市見本町9番地", "birthDate": BIRTH, "sex": "female"}
    form = {f"item.{name}": text for name, text in fields.items()}
    page = await reader.send(path, NOTHING, version="1", **form)
    assert reader.status == 200 and "保存しました" in page
    assert "見本町9番地" in await reader.get(path)
    await reader.send(path, NOTHING, version="1", **form)
    assert reader.status == 409
    await reader.get(path)
    await reader.send(path, NOTHING, version="2", **{**form, "item.birthDate": "yesterday"})
    assert reader.status == 400 and 'value="yesterday"' in reader.page and "「生年月日」" in reader.page


async def test_a_form_needs_the_proof_of_its_own_login_and_our_own_origin(reader: Reader) -> None:
    path = await opened(reader)
    page = reader.page
    await reader.send(path + "/event", event="moved", csrf="")
    assert reader.status == 403
    reader.page = page
    await reader.send(path + "/event", sent={"Origin": "https://elsewhere.example"}, event="moved")
    assert reader.status == 403
    reader.page = page
    await reader.send(path + "/event", sent={"Sec-Fetch-Site": "cross-site"}, event="moved")
    assert reader.status == 403
    assert "転出</span>" not in await reader.get(path)
    await reader.send(path + "/event", event="moved")
    assert reader.status == 200 and "転出</span>" in reader.page


async def test_the_proposer_does_not_approve_and_the_second_sees_what_changes(reader: Reader) -> None:
    await reader.log_in("catalogue")
    service = await reader.live.get("/services/shelter")
    told = {name: service.json[name] for name in ("name", "description", "operator", "purposes")}
    told["purposes"][0]["items"].append(
        {"item": "contact", "need": "optional", "retentionDays": 9, "recipients": []}
    )
    await reader.get("/staff/services")
    await reader.send("/staff/proposals", service="shelter", description=json.dumps(told))
    path = reader.path.partition("?")[0]
    assert "あらためて得る必要" in reader.page and "approve" not in reader.page
    await reader.send(path, do="approve")
    assert reader.status == 403
    await reader.log_in("catalogue2")
    page = await reader.get(path)
    assert "連絡先" in page and 'value="approve"' in page
    await reader.send(path, do="approve")
    assert reader.status == 200 and "承認しました" in reader.page
    assert (await reader.live.get("/services/shelter")).json["version"] == 2


async def test_a_resident_agrees_and_withdraws_and_the_counter_sees_it(reader: Reader) -> None:
    await reader.get("/me/login")
    await reader.log_in_resident("hanako")
    await agree(reader, "basic-four")
    path = await opened(reader)
    assert "同意している" in await reader.get(path + "/consents")
    page = await reader.send(path + "/withdraw", service="shelter", purpose="reception")
    assert reader.status == 200 and "取り消した" in page and "同意している" not in page


async def test_somebody_acts_for_a_child_and_doubles_become_one_and_two_again(reader: Reader) -> None:
    await opened(reader)
    await reader.get("/staff/residents")
    fields = {"nameKana": "カクウ コドモ", "birthDate": "2020-01-02"}
    await reader.send("/staff/residents/register", NOTHING, **fields)
    path = reader.path.partition("?")[0] + "/relations"
    assert path == "/staff/residents/2/relations"
    await reader.get(path)
    form = {"number": "1", "relation": "parent", "birthDate": "2020-01-02", "evidence": "koseki-1"}
    page = await reader.send(path + "/grant", NOTHING, **form, acts="see consent")
    assert reader.status == 200 and "親権者</th>" not in page and "この人の代理人" in page
    delegation = re.search(r'name="delegation" value="([^"]+)"', page)
    assert delegation
    assert "代理を終えました" in await reader.send(path + "/end", delegation=delegation.group(1))
    await reader.send(path + "/merge", number="9")
    assert reader.status == 404
    await reader.get("/staff/residents")
    await reader.send("/staff/residents/register", NOTHING, **fields)
    assert "二重でないか" in reader.page
    await reader.get(path)
    assert "統合しました" in await reader.send(path + "/merge", number="3")
    assert "元に戻しました" in await reader.send(path + "/part", sinceGoesTo="resident")


async def test_an_emergency_runs_when_a_second_person_approves_and_ends_at_once(reader: Reader) -> None:
    await reader.log_in("emergency")
    await reader.get("/staff/emergencies")
    fields = {"ja": "見本水害", "en": "Sample flood", "law": "other", "basis": "災害対策基本法（見本）"}
    told = {**fields, "area": "whole", "services": "shelter", "items": "allergies"}
    await reader.send("/staff/emergencies/_new", NOTHING, **told, hours="x")
    assert reader.status == 400 and 'value="見本水害"' in reader.page
    page = await reader.send("/staff/emergencies/_new", NOTHING, **told, hours="24")
    assert "住民の同意なしに" in page and "災害対策基本法（見本）" in page and "アレルギー" in page
    await reader.send("/staff/emergencies", NOTHING, **told, hours="24")
    path = reader.path.partition("?")[0]
    assert path.startswith("/staff/proposals/") and "緊急事態 見本水害" in reader.page
    assert "避難所受付（見本）" in reader.page  # the service by its name
    await reader.log_in("emergency2")
    await reader.get(path)
    page = await reader.send(path, do="approve")
    assert 'href="/staff/emergencies/e_' in page  # on to what was declared
    page = await reader.get("/staff/emergencies")
    assert "見本水害" in page and "実施中" in page
    page = await reader.get(reader.found(r'href="(/staff/emergencies/e_[^"]+)"'))
    assert "まだ何も渡していません" in page and "見本 防災一" in page and "見本 防災二" in page
    action = re.search(r'action="(/staff/emergencies/[^"]+/end)"', page)
    assert action
    assert "終わらせました" in await reader.send(action.group(1))


async def test_a_request_by_right_is_shown_with_its_deadline_and_decided_with_a_reason(
    reader: Reader,
) -> None:
    body = {"right": "correction", "items": ["basic-four"], "text": "住所が<違います>"}
    asked = await reader.live.post("/me/rights", body, by=await reader.live.resident("hanako"))
    assert asked.status == 201
    await reader.log_in("privacy")
    assert asked.json["due"][:4] in await reader.get("/staff/rights")
    path = f"/staff/rights/{asked.json['id']}"
    assert "住所が&lt;違います&gt;" in await reader.get(path)
    page = await reader.send(path + "/held")
    assert "請求の対象" in page and "庁内" in page
    await reader.get(path + "/letters/extension")
    assert reader.status == 404
    await reader.get(path)
    await reader.send(path + "/extension", reason="調査に時間がかかるため")
    assert "調査に時間がかかるため" in await reader.get(path + "/letters/extension")
    await reader.get(path)
    page = await reader.send(path, reason="住所を直しました。", words="corrected", insert="yes")
    assert "住所を直しました。\n請求のとおり訂正しました" in page and "granted" in page
    await reader.send(path, outcome="granted", reason="訂正しました")
    assert "決定を記録しました" in reader.page
    page = await reader.get(path + "/letters/decision")
    assert "請求を認めます" in page and "行政不服審査法18条" in page and "花子" not in page
    own = await reader.live.get("/me/rights", by=await reader.live.resident("hanako"))
    assert own.json["requests"][0]["state"] == "granted"


async def test_staff_join_change_and_leave(reader: Reader) -> None:
    await reader.log_in("admin")
    await reader.get("/staff/members")
    page = await reader.send("/staff/members", login="new", name="見本 新人", roles="counter")
    assert "見本 新人" in page
    one = reader.found(r'href="(/staff/members/[^"]+)" lang="ja">見本 新人')
    await reader.get(one)
    assert "停止しました" in await reader.send(one, do="suspend")
    assert "もう一度ログイン" not in await reader.send(one, do="resume")
    page = await reader.send(one + "/code")
    assert "設定用のコード" in page
    await reader.get(one)
    assert "最後の日を記録" in await reader.send(one, do="until", until="2031-03-31")
    assert "役割を変えました" in await reader.send(one, roles="auditor")
    assert "異動・退職を記録しました" in await reader.send(one, do="leave")
    await reader.log_in("new")
    assert reader.status == 401


async def test_pages_keep_nothing_in_caches_and_run_no_foreign_script(reader: Reader) -> None:
    await reader.log_in("counter")
    async with reader.session.get(reader.live.url + "/staff/residents") as reply:
        assert reply.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        assert "unsafe" not in reply.headers["Content-Security-Policy"]
    async with reader.session.post(
        reader.live.url + "/staff/login", data={"town": "yabu", "login": "counter"}, allow_redirects=False
    ) as reply:
        cookie = reply.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie


async def test_a_login_that_ended_is_taken_out_of_the_browser(reader: Reader) -> None:
    await reader.log_in("counter")
    page = await reader.get("/staff")
    await reader.send("/staff/logout")
    assert reader.path.startswith("/staff/login")
    reader.page = page
    await reader.get("/staff")
    assert reader.path == "/staff/login"


async def test_what_is_no_form_is_refused_with_a_page(reader: Reader) -> None:
    form = "application/x-www-form-urlencoded"
    for body, kind in (
        (b"town=%ff%fe&login=counter", form),
        (b"town=\xff", form),
        (b"town=yabu", f"{form}; charset=none"),
        (b"{}", "application/json"),
        (b"town=" + b"x" * 300_000, form),
    ):
        url, headers = reader.live.url + "/staff/login", {"Content-Type": kind}
        async with reader.session.post(url, data=body, headers=headers) as reply:
            assert reply.status in (400, 404) and "<h1>" in await reply.text(), (body[:20], kind)


async def test_what_was_typed_in_is_shown_as_text(reader: Reader) -> None:
    attack = "<script>alert(1)</script>ヤ"
    await reader.log_in("counter")
    await reader.get("/staff/residents")
    page = await reader.send("/staff/residents/search", nameKana=attack, birthDate=BIRTH)
    assert "<script>" not in page and attack in unescape(page)


def test_every_text_has_both_languages() -> None:
    for file in TEXTS:
        for key, text in tomllib.loads(file.read_text(encoding="utf-8")).items():
            assert set(text) == {"ja", "en"} and all(text.values()), key


def test_no_text_is_written_twice() -> None:
    keys = [key for file in TEXTS for key in tomllib.loads(file.read_text(encoding="utf-8"))]
    assert sorted(keys) == sorted(set(keys)), "the second one would take the place of the first"


def test_every_text_is_used() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in (*PARTS, PARTS[0].parents[1] / "base" / "templates")
        for path in sorted(Path(folder).rglob("*"))
        if path.suffix in (".html", ".py")
    )
    # t('prefix_' ~ …) and the like: the rest of the key is put in
    made = tuple(re.findall(r"'([a-z_]+_)' ~ ", source)) + ("failed_", "done_")
    ends = tuple(re.findall(r"t\(key ~ '(_[a-z]+)'", source))
    for file in TEXTS:
        for key in tomllib.loads(file.read_text(encoding="utf-8")):
            assert (
                key.startswith(made) or key.endswith(ends) or f"'{key}'" in source or f'"{key}"' in source
            ), key


async def test_the_log_is_searched_and_taken_out_as_a_file(reader: Reader) -> None:
    await reader.log_in("auditor")
    page = await reader.get("/staff/audit?kind=proposal-approved&since=2020-01-01")
    assert "提案を承認しました" in page and "見本 台帳二" in page and "一致しています" in page
    assert "サービス: 避難所受付（見本）" in page
    assert '<option value="exchange-disclosure" selected>' in await reader.get(
        "/staff/audit?kind=exchange-disclosure"
    )
    assert "職員を登録しました</strong>" not in page
    assert "当てはまる記録はありません" in await reader.get("/staff/audit?by=nobody")
    await reader.get("/staff/audit?since=yesterday")
    assert reader.status == 400 and "日付を" in reader.page
    page = await reader.get("/staff/audit/file?kind=staff-joined")
    assert reader.status == 200 and "staff-joined" in page and "proposal" not in page
    assert "監査記録を書き出しました" in await reader.get("/staff/audit")


async def test_a_desk_is_added_with_its_key_and_taken_away(reader: Reader) -> None:
    await reader.log_in("admin")
    await reader.get("/staff/desks")
    key = json.dumps({"keys": [reader.live.new_key("desk")]})
    told = {"id": "counter-7", "name": "窓口七", "place": "本庁舎"}
    page = await reader.send("/staff/desks", NOTHING, **told, keys="{")
    assert reader.status == 400 and "JSON" in page and 'value="counter-7"' in page
    page = await reader.send("/staff/desks", NOTHING, **told, keys=key)
    assert "端末を登録しました" in page and "窓口七" in page
    page = await reader.send("/staff/desks/counter-7/remove")
    assert "端末を外しました" in page and "窓口七" not in page
