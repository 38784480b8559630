"""What holds on every page of the portal: a way back, well-formed, both languages, nothing personal in an address."""

import re
from html.parser import HTMLParser

import pytest

from personal.rules.levels import Level
from tests.personal.pages.reading import Reader
from tests.personal.portal.acts import ASK, agree

OF_SHELTER = "?service=shelter&purpose=reception"
PAGES = (
    "/me", "/me/data", "/me/data/basic-four", "/me/data/contact/edit", "/me/data/contact/erase", "/me/services",
    ASK, "/me/preview" + OF_SHELTER, "/me/withdraw" + OF_SHELTER, "/me/agreed" + OF_SHELTER, "/me/requests",
    "/me/receipts", "/me/accesses", "/me/accesses?all=yes&month=2026-11&service=shelter", "/me/family", "/me/rights",
    "/me/erase", "/me/freeze", "/me/sessions", "/me/cards", "/me/connections", "/me/code", "/me/notices",
    "/me/notices/contact", "/me/emergencies", "/me/links", "/me/files",
)  # fmt: skip
VOID = frozenset({"input", "br", "img", "meta", "link", "hr"})


class Checking(HTMLParser):
    """Refuses a page whose elements do not close, whose ids stand twice, or whose labels lead nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.named: list[str] = []
        self.forms: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert len(found) == len(attrs), (tag, attrs)
        if tag == "p":
            assert "p" not in self.open, "a paragraph within a paragraph"
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        for name in ("for", "aria-labelledby", "aria-describedby"):
            self.named += (found.get(name) or "").split()
        if tag == "form":
            self.forms.append(found.get("action") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag


def checked(page: str) -> Checking:
    """Check that a page is well-formed."""
    checking = Checking()
    checking.feed(page)
    assert not checking.open and len(set(checking.ids)) == len(checking.ids)
    assert set(checking.named) <= set(checking.ids)
    return checking


async def test_every_page_is_well_formed_in_both_languages_with_a_way_back_and_tells_nobody_who_reads(
    reader: Reader,
) -> None:
    await reader.log_in_resident("hanako")
    await agree(reader, "basic-four")
    for path in PAGES:
        mark = "&" if "?" in path else "?"
        for language in ("ja", "en"):
            page = await reader.get(f"{path}{mark}lang={language}")
            assert reader.status == 200, path
            checking = checked(page)
            main = page[page.index("<main") :]
            assert path == "/me" or re.search(r'href="/me(/[a-z/-]+)?(\?[^"]*)?"', main), path
            assert f'<html lang="{language}">' in page
            for address in [*re.findall(r'(?:href|src)="([^"]*)"', page), *checking.forms]:
                assert "花子" not in address and "1951" not in address and "p1." not in address, path
            if language == "en":
                bare = re.sub(r'<[^>]*lang="ja"[^>]*>[^<]*<', "<", main)
                assert not re.search("[ぁ-ん]", bare), path


@pytest.mark.parametrize("level", [Level.CONTACTLESS, Level.CITY_CARD])
async def test_a_weaker_login_sees_what_the_city_lets_it_and_kind_words_elsewhere(
    reader: Reader, level: Level
) -> None:
    token = await reader.live.resident("hanako", int(level))
    reader.session.cookie_jar.update_cookies({"engawa-personal": f"yabu.{token}"})
    page = await reader.get("/me")
    assert reader.status == 200 and ("カードと暗証番号でログインする" in page) is (level < Level.CITY_CARD)
    await reader.get("/me/services")
    assert reader.path.startswith("/me/services" if level is Level.CITY_CARD else "/me/login?next=")
    page = await reader.get("/me/data")
    assert reader.path.startswith("/me/login?next=") and "level=3" in reader.path
    assert "もう一度、カードで確かめます" in page and 'name="next" value="/me/data"' in page
    await reader.get("/me/notices")
    assert reader.status == 200 and reader.path == "/me/notices"
