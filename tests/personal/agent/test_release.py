"""A record inside LGWAN comes out by the resident's own evidence, and by nothing else. (issue 5; personal-data.md 4.2)"""

from pathlib import Path

from personal.store import records
from tests.personal.agent.insiders import PHONE, town


async def test_a_service_gets_what_the_resident_agreed_to_with_the_card(tmp_path: Path) -> None:
    async with town(tmp_path) as there:
        await there.approve_service()
        person = await there.resident("hanako")
        await there.agree("hanako")
        told = await there.disclosed("hanako", person)
        assert (told["items"], told["withheld"]) == ({"contact": PHONE}, [])
        record = there.live.town.store.read(lambda db: records.find(db, person, "contact"))
        assert record is not None and record.location == "lgwan"
