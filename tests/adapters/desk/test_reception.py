"""A reception without PIN: cards are looked up, or wait for the network and are sent later. (issue 6, かざし)"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.desk.emulator.cards import Made
from adapters.desk.reception import KIND, Result
from tests.adapters.desk.recording import Recording, recording
from tests.adapters.desk.standing import PATIENCE, Standing, standing

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line() -> AsyncIterator[Recording]:
    async with recording() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(
    tmp_path_factory: pytest.TempPathFactory, card_folder: Path, issued: Mapping[str, Made], line: Recording
) -> AsyncIterator[Standing]:
    more = {
        "module": {"public_url": line.url},
        "url": line.url,
        "check_in": True,
        "service": "shelter",
        "sync_seconds": 600.0,
    }
    async with standing(tmp_path_factory.mktemp("place"), card_folder, issued, **more) as made:
        line.there = int(made.live.url.rpartition(":")[2])
        await made.linked("hanako")
        await made.linked("revoked")
        yield made
        line.cut()


async def result(there: Standing, id: str) -> Result | None:
    """Hold a card up, and wait for what becomes of it."""
    before = there.desk.reception.last.number
    await there.placed(None)
    await there.placed(there.issued[id].chip())
    async with asyncio.timeout(PATIENCE):
        while there.desk.reception.last.number == before:
            await there.desk.attention.changed(there.desk.attention.seen, 0.02)
    return there.desk.reception.last.result


@pytest.mark.parametrize(
    ("id", "wanted"),
    [
        ("hanako", Result.KNOWN),
        ("taro", Result.UNKNOWN),
        ("revoked", Result.REVOKED),
        ("foreign", Result.FOREIGN),
        ("city", Result.FOREIGN),
    ],
)
async def test_each_card_that_is_held_up_is_looked_up(there: Standing, id: str, wanted: Result) -> None:
    assert await result(there, id) is wanted
    page = await there.browser.get(f"{there.desk.url}/")
    assert there.desk.reception.last.result is wanted and f"result-{wanted}" in page.text
    assert "花子" not in page.text and "太郎" not in page.text


async def test_without_network_cards_wait_and_are_sent_later(there: Standing, line: Recording) -> None:
    there_before = line.there
    line.cut()
    assert await result(there, "hanako") is Result.WAITS
    assert await result(there, "hanako") is Result.AGAIN
    assert await result(there, "taro") is Result.WAITS
    assert there.desk.reception.waiting == 2
    await there.desk.condition.look()
    page = await there.browser.get(f"{there.desk.url}/")
    assert "つながっていません" in page.text and "2件" in page.text
    sent = len(line.sent)
    line.there = there_before
    assert await there.desk.reception.send() == 2
    assert there.desk.reception.sent == {Result.KNOWN: 1, Result.UNKNOWN: 1}
    assert there.desk.reception.waiting == 0
    assert await result(there, "hanako") is Result.KNOWN  # at once
    assert line.sent[sent:].count(b"POST /personal/v1/card/lookups") == 3


async def test_whoever_signs_is_not_checked_in(there: Standing) -> None:
    await there.placed(None)
    before = there.desk.reception.last.number
    page = await there.begin()
    await there.placed(there.issued["hanako"].chip())
    page = await there.browser.post(page.url, pin="1234")
    assert page.status == 200 and there.desk.reception.last.number == before


async def test_what_has_waited_too_long_is_thrown_away(there: Standing) -> None:
    outbox = there.desk.reception._outbox
    assert outbox.put(KIND, b"same", b"{}", 1)
    assert not outbox.put(KIND, b"same", b"{}", 2)
    assert outbox.forget(2) == 1 and outbox.count() == 0
