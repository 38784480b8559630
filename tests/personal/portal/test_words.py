"""Whatever a service changes is said to residents in words, and the page with their consents never fails for it."""

from typing import Any

import pytest

from personal.rules import consent_words
from personal.rules.catalogue import Change, Difference
from tests.personal.pages.reading import Reader
from tests.personal.portal.acts import agree, widen

TEXT = {"ja": "まえ", "en": "before"}
VALUES: dict[Change, tuple[Any, Any]] = {
    Change.PURPOSE: (None, TEXT),
    Change.ITEM: (None, "required"),
    Change.NEED: ("optional", "required"),
    Change.RETENTION: (30, 60),
}


@pytest.mark.parametrize("change", list(Change))
def test_every_kind_of_change_has_words_in_both_languages(change: Change) -> None:
    before, after = VALUES.get(change, ("one", "other"))
    (said,) = consent_words.changes([Difference(change, True, "p", "contact", before, after)], {})
    assert said["ja"] and said["en"] and "{" not in said["ja"] + said["en"]


async def test_a_service_that_tells_elsewhere_of_itself_leaves_the_page_of_consents_whole(
    reader: Reader,
) -> None:
    await reader.log_in_resident("hanako")
    await agree(reader, "basic-four")
    await widen(reader.live, {"notify": "https://shelter.example/told"}, retentionDays=99)
    page = await reader.get("/me/services")
    assert reader.status == 200 and "宛先が変わりました" in page and "30日から99日" in page
