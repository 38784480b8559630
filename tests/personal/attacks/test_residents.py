"""What a resident tries on others, and on whoever reads what they wrote. (issue 5)"""

import asyncio
import csv
import io
from typing import Any

from tests.personal.attacks.test_floods import spoken
from tests.personal.disclosure import sharing
from tests.personal.live import Live, Reply

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '＝HYPERLINK("http://x")',
    "＋1",
    "－1",
    "＠x",
)


async def test_what_somebody_wrote_is_no_formula_in_a_spreadsheet(live: Live) -> None:
    await live.register("hanako")
    me = await live.resident("hanako")
    for text in FORMULAS:
        asked = await live.post("/me/rights", {"right": "stop", "text": text}, by=me)
        assert asked.status == 201, asked.raw
    reply = await live.get("/me/export", params={"format": "csv"}, by=me)
    rows = list(csv.reader(io.StringIO(reply.raw.decode("utf-8-sig"), newline="")))
    cells = [cell for row in rows for cell in row]
    assert {f"'{text}" for text in FORMULAS} <= set(cells)
    assert not any(cell.startswith(FORMULAS[:4]) for cell in cells)


async def test_what_somebody_wrote_is_no_markup_on_any_page(live: Live) -> None:
    """Neither in what residents take home, nor on the pages of staff who read it."""
    await live.register("hanako")
    me, counter = await live.resident("hanako"), await live.staff("counter")
    assert (await live.post("/me/rights", {"right": "stop", "text": SCRIPT}, by=me)).status == 201
    value = {"name": SCRIPT[:90], "nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01", "address": SCRIPT}
    found = await live.post("/residents/search", {"birthDate": "1990-04-01"}, by=counter)
    resident = found.json["residents"][0]["resident"]
    body = {"resident": resident, "item": "basic-four", "expectedVersion": 0}
    more = {"postalCode": "6670000", "sex": "female"}
    wrote = await live.post("/records/write", {**body, "value": {**value, **more}}, by=counter)
    assert wrote.status == 201, wrote.raw
    page = await live.get("/me/export", params={"format": "html"}, by=me)
    assert b"&lt;script&gt;" in page.raw and b"<script" not in page.raw and b"<img" not in page.raw
    assert "script-src" not in page.headers["Content-Security-Policy"]
    officer = await live.staff("privacy")
    waiting = (await live.get("/rights", by=officer)).json["requests"][0]["id"]
    for path, secret in ((f"/staff/rights/{waiting}", officer), ("/me", me)):
        headers = {"Cookie": f"engawa-personal=yabu.{secret}"}
        async with live.session.get(live.url + path, headers=headers) as reply:
            raw = await reply.read()
            assert reply.status == 200 and b"<script>alert" not in raw and b"<img src=x" not in raw, path
            assert reply.headers["Cache-Control"] == "no-store"


async def test_what_is_about_one_resident_is_nothing_to_another(live: Live) -> None:
    """Receipts, entries of the log, requests and what was prepared, by their names or numbers."""
    by = await sharing.service(live, "shelter", "allergies")
    for login, born in (("hanako", "1990-04-01"), ("taro", "1990-04-02")):
        await live.register(login, birthDate=born)
    me, other = await live.resident("hanako"), await live.resident("taro")
    choice = {"service": "shelter", "purpose": sharing.PURPOSE, "agree": ["allergies"]}
    prepared = (await live.post("/me/consents/prepare", choice, by=me)).json["prepared"]
    body = {"prepared": prepared, "evidence": {"kind": "session"}}
    assert (await live.post("/me/consents", body, by=other)).status == 403
    decided = await asyncio.gather(*(live.post("/me/consents", body, by=me) for _ in range(4)))
    assert sorted(one.status for one in decided) == [201, 409, 409, 409]
    receipt = next(one.json["receipt"] for one in decided if one.status == 201)
    request = (await live.post("/me/rights", {"right": "stop", "text": "x"}, by=me)).json["id"]
    position = (await live.get("/me/accesses", by=me)).json["accesses"][0]["position"]

    async def both(method: str, path: str) -> tuple[Reply, Reply]:
        return await live.ask(method, path, by=other), await live.ask(method, path, by=me)

    for method, path in (
        ("GET", f"/me/receipts/{receipt}"),
        ("GET", f"/me/accesses/{position}/proof"),
        ("DELETE", f"/me/rights/{request}"),
    ):
        theirs, own = await both(method, path)
        assert theirs.status == 404 and own.status < 300, path
    told: Any = (await live.get("/me/export", by=other)).json
    assert (told["consents"], told["requests"]) == ([], [])
    assert (await live.post("/me/acting-for", {"resident": "AAAA"}, by=other)).status == 404
    assert (await live.post("/notices/n_x/confirm", None, by=by)).status == 404


async def test_forms_from_elsewhere_are_refused_whatever_they_say_they_are(live: Live) -> None:
    for line in (
        b"Origin: http://[::",
        b"Origin: null",
        b"Origin: https://evil.example",
        b"Sec-Fetch-Site: same-site",
    ):
        said = (
            b"POST /staff/login HTTP/1.1\r\nHost: here.example\r\nConnection: close\r\n"
            b"Referer: https://evil.example//evil.example/\r\n" + line + b"\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"
        )
        answer = await spoken(live, said)
        assert answer.split(b" ", 2)[1] == b"403", line
        assert b'href="//' not in answer and b"Set-Cookie" not in answer
