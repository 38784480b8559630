"""What goes to a service's own key passes the outside unread; what rests on paper is proven by an official's device. (issue 5)"""

import base64
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from base import clock
from personal.audit.log import name_of
from personal.locations.contract import Copy
from personal.locations.lgwan import Ask, ReleaseRefused
from personal.rules import decisions, orders
from personal.rules.consent import Kind
from personal.rules.decisions import Choice
from personal.store import records
from personal.vault.addressed import Reader
from tests.personal.agent.insiders import PHONE, SECRET, bare, town
from tests.personal.consents.cards import NOW, YEAR, Authority, ec_key


async def test_a_service_with_a_key_of_its_own_is_the_only_one_that_reads(tmp_path: Path) -> None:
    own = Reader(b"e" * 32)
    async with town(tmp_path) as there:
        await there.approve_service(recipient=bare(own.public()))
        body = {"kind": "agent-recipient", "body": {"service": "shelter", "recipient": bare(own.public())}}
        made = await there.live.post("/proposals", body, by=await there.live.staff("catalogue"))
        assert made.status == 201, made.raw
        by = await there.live.staff("catalogue2")
        assert (await there.live.post(f"/proposals/{made.json['id']}/approve", {}, by=by)).status == 204
        person = await there.resident("hanako")
        await there.agree("hanako")
        told = await there.disclosed("hanako", person)
        text = told["items"]["contact"]["jwe"]
        header = text.split(".")[0]
        order = orjson.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["order"]
        assert own.open(text, orders.about_item(order, "contact"))["value"] == PHONE
        await there.keep(person, {"phones": []}, 1)
    for path in (tmp_path / "outside").rglob("*"):
        assert not path.is_file() or SECRET not in path.read_bytes(), path


async def test_a_form_on_paper_counts_by_an_officials_device_and_for_nobody_else(tmp_path: Path) -> None:
    devices = Authority("inside")
    device = devices.issue(ec_key(), ends=NOW + 4 * YEAR)
    async with town(tmp_path) as there:
        await there.approve_service()
        pem = devices.certificate.public_bytes(Encoding.PEM).decode()
        await there.want("anchor", {"anchor": "devices", "kind": "device", "certificate": pem})
        hanako, taro = await there.resident("hanako"), await there.resident("taro")
        choice = Choice(Kind.SHARE, "shelter", "reception", ("contact",), (), None)
        document = decisions.document(choice, "yabu", 1, name_of(hanako), "s_1", "n" * 22, clock.now())
        evidence = device.statement(decisions.digest(document), "scan-1")
        ask = Ask("shelter", "reception", there.location.keys.reader.kid, document, evidence)

        def copies(person: str) -> list[Copy]:
            record = there.live.town.store.read(lambda db: records.find(db, person, "contact"))
            assert record is not None
            return [there.live.town.records.copy(record)]

        order, items = await there.location.release(copies(hanako), ask)
        assert there.location.read_item(order, "contact", items["contact"])["value"] == PHONE
        with pytest.raises(ReleaseRefused, match="not-enrolled"):
            await there.location.release(copies(taro), ask)
