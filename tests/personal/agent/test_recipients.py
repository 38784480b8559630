"""What goes to a service's own key passes the outside unread; what rests on paper is proven by an official's device. (issue 5)"""

import base64
from pathlib import Path

import orjson

from personal.rules import orders
from personal.vault.addressed import Reader
from tests.personal.agent.insiders import PHONE, SECRET, bare, town


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
