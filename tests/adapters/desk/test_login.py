"""From the portal to the desk and back, with a real personal-data module: tap, PIN, session. (issue 6)"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from adapters.desk.emulator.cards import Made
from tests.adapters.desk.standing import Standing, standing


@pytest.fixture
async def there(tmp_path: Path, card_folder: Path, issued: Mapping[str, Made]) -> AsyncIterator[Standing]:
    async with standing(tmp_path, card_folder, issued) as made:
        yield made


async def test_a_tap_and_a_pin_make_a_session(there: Standing) -> None:
    await there.linked("hanako")
    there.held.hold(there.issued["hanako"].chip())
    page = await there.begin()
    assert page.status == 200 and page.url.startswith(there.desk.url)
    assert "養父市のサービスにログインします" in page.text and there.live.url in page.text
    page = await there.browser.post(page.url, pin="1234")
    assert page.url == f"{there.live.url}/me", page.text
    assert page.status == 200
