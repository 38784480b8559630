"""Pages for terminals inside: for officials' devices only, every look on record, forms on paper that count. (issue 5)"""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding

from base import clock
from base.settings import SettingError
from engawa.command import cli
from personal.agent.settings import AgentSettings, check
from personal.audit.log import name_of
from personal.rules import decisions
from personal.rules.consent import Kind
from personal.rules.decisions import Choice
from tests.personal.agent.insiders import PHONE
from tests.personal.agent.terminals import Terminals, terminals
from tests.personal.agent.thieves import alarms, claims, give, stored
from tests.personal.consents.deciding import RECEPTION


@pytest.fixture
async def inside(tmp_path: Path) -> AsyncIterator[Terminals]:
    async with terminals(tmp_path) as made:
        yield made


async def text(answer: Any, status: int = 200) -> str:
    async with answer as reply:
        found = unescape(await reply.text())
        assert reply.status == status, found
        return found


def entries(inside: Terminals) -> list[dict[str, Any]]:
    """Give the log inside."""
    store = inside.there.agent.inside.store
    return store.read(
        lambda db: [orjson.loads(row[0]) for row in db.execute("SELECT entry FROM leaf ORDER BY position")]
    )


async def test_only_the_devices_of_officials_get_pages(inside: Terminals) -> None:
    async with inside.at("sato") as session:
        page = await text(session.get("/"))
        assert "LGWAN 内の保管庫" in page and "職員: sato" in page and "つながって" in page
        english = await text(session.get("/?lang=en"))
        assert "The store inside LGWAN" in english
        assert "警報はありません" in await text(session.get("/alarms"))
    async with inside.at("other") as session:
        assert "結び付けられていません" in await text(session.get("/"), 403)
    async with inside.at(None) as session:
        with pytest.raises(aiohttp.ClientError):
            await text(session.get("/"))
    await inside.there.want("device-end", {"staff": "sato"})
    async with inside.at("sato") as session:
        assert "結び付けられていません" in await text(session.get("/find"), 403)


async def test_an_official_finds_a_resident_by_card_and_looks_at_a_record(inside: Terminals) -> None:
    person = await stored(inside.there, "hanako")
    card = inside.there.cards["hanako"].certificate.public_bytes(Encoding.PEM)
    async with inside.at("sato") as session:
        form = aiohttp.FormData()
        form.add_field("card", card, filename="card.pem")
        page = await text(session.post("/find", data=form))
        names = re.findall(r'name="name" value="([^"]+)"', page)
        assert len(names) == 1 and "079-662-0000" not in page
        same = await text(session.post("/find", data={"subject": name_of(person)}))
        assert names == re.findall(r'name="name" value="([^"]+)"', same)
        assert "見つかりませんでした" in await text(session.post("/find", data={"subject": "nobody"}))
        assert "どれかを入れてください" in await text(session.post("/find", data={}), 400)
        shown = await text(session.post("/record", data={"name": names[0]}))
        assert "079-662-0000" in shown
        assert "もうここにありません" in await text(session.post("/record", data={"name": "x" * 20}), 404)
        strange = {"Origin": "https://elsewhere.example"}
        assert "ほかのサイト" in await text(
            session.post("/record", data={"name": names[0]}, headers=strange), 403
        )
        await inside.there.want("limit", {"limit": "staff:sato", "most": 1})
        assert "上限" in await text(session.post("/record", data={"name": names[0]}), 429)
    assert [one["by"] for one in entries(inside) if one["kind"] == "inside-looked"] == ["sato"]
    assert len([one for one in entries(inside) if one["kind"] == "inside-searched"]) == 3
    assert alarms(inside.there) == ["limit-reached"]
    assert "079-66" not in orjson.dumps(entries(inside)).decode()


async def test_a_form_on_paper_is_compared_signed_by_the_device_and_counts(inside: Terminals) -> None:
    person = await stored(inside.there, "hanako")
    choice = Choice(Kind.SHARE, "shelter", "reception", ("contact",), (), None)
    made = decisions.document(choice, "yabu", 1, name_of(person), "s_1", "n" * 22, clock.now())
    document = orjson.dumps(made).decode()
    async with inside.at("sato") as session:
        page = await text(session.post("/paper", data={"decision": document}))
        digest = decisions.shown(decisions.digest(made))
        assert digest in page and "連絡先" in page and "shelter" in page

        def signed(device: str) -> str:
            words = ["agent", "sign-paper", digest, "scan-1", "--certificate", str(inside.pem(device))]
            done = CliRunner().invoke(cli, words)
            assert done.exit_code == 0, done.output
            return done.output

        form = {"decision": document, "scan": "scan-1", "statement": signed("other")}
        assert "結び付けられていません" in await text(session.post("/paper/statement", data=form), 403)
        other_scan = {**form, "statement": signed("sato"), "scan": "scan-2"}
        assert "この決定についてのものではない" in await text(
            session.post("/paper/statement", data=other_scan), 403
        )
        page = await text(session.post("/paper/statement", data={**form, "statement": signed("sato")}))
        [evidence] = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
        stranger = orjson.dumps({**made, "subject": "nobody"}).decode()
        assert "登録されていません" in await text(session.post("/paper", data={"decision": stranger}), 403)
        assert "読み取れません" in await text(session.post("/paper", data={"decision": "{"}), 400)
    await inside.there.want("device-end", {"staff": "sato"})
    answer = await give(
        inside.there, claims(inside.there, person, decision=made, evidence=orjson.loads(evidence))
    )
    assert answer["outcome"] == "done"  # it was seen while sato was an official
    assert alarms(inside.there) == ["device-not-of-an-official", "evidence-does-not-hold"]
    assert [one["by"] for one in entries(inside) if one["kind"] == "paper-vouched"] == ["sato"]


async def test_a_form_on_paper_goes_from_the_counter_outside_to_a_terminal_inside_and_back(
    tmp_path: Path,
) -> None:
    async with terminals(tmp_path, device_authorities=tmp_path / "devices.pem") as inside:
        there, live = inside.there, inside.there.live
        person = await stored(there, "hanako")
        counter = await live.staff("counter")
        search = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
        found = await live.post("/residents/search", search, by=counter)
        who = {"resident": found.json["residents"][0]["resident"]}
        body = {**RECEPTION, **who, "agree": ["contact"]}
        made = await live.post("/consents/paper/prepare", body, by=counter)
        assert made.status == 200, made.raw
        document = made.json["document"]
        digest = decisions.shown(decisions.digest(document))
        words = ["agent", "sign-paper", digest, "scan-1", "--certificate", str(inside.pem("sato"))]
        statement = CliRunner().invoke(cli, words).output
        async with inside.at("sato") as session:
            form = {"decision": orjson.dumps(document).decode(), "scan": "scan-1", "statement": statement}
            page = await text(session.post("/paper/statement", data=form))
        [evidence] = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
        given = {**who, "prepared": made.json["prepared"], "evidence": orjson.loads(evidence)}
        done = await live.post("/consents/paper", given, by=counter)
        assert done.status == 201, done.raw
        assert (await there.disclosed("hanako", person))["items"] == {"contact": PHONE}


def test_pages_without_certificates_do_not_start() -> None:
    with pytest.raises(SettingError, match="pages_port needs"):
        check(AgentSettings(municipality="yabu", pages_port=8443))
