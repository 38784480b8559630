"""The furigana switch: every word of ours has its reading, what residents wrote is left alone. (issue 6)"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from personal.operations import reports
from personal.parts import HERE, PARTS
from personal.portal import furigana
from personal.rules import consent_words, resident_notices, words
from schemas.personal import catalogue
from tests.personal.pages.reading import Reader

KANA = re.compile("[ぁ-んァ-ヶー]+")
DEMO = HERE.parent / "engawa" / "demo" / "residents.json"


def texts() -> Iterator[str]:
    """Give all Japanese texts of ours that the portal can show."""
    known: dict[str, dict[str, str]] = {}
    for part in PARTS:
        for file in part.glob("texts*.toml"):
            known |= tomllib.loads(file.read_text(encoding="utf-8"))
    shared = [
        HERE / "pages" / "templates" / name
        for name in ("personal.html", "acts.html", "failed.html", "limits.html")
    ]
    own = sorted(
        file for part in ("portal", "provider") for file in (HERE / part / "templates").glob("*.html")
    )
    said = {key for file in [*own, *shared] for key in re.findall(r"t\('([\w-]+)'", file.read_text("utf-8"))}
    for file in (HERE / "pages").glob("texts_login*.toml"):
        said |= tomllib.loads(file.read_text(encoding="utf-8")).keys()
    yield from (
        text["ja"] for key, text in known.items() if key in said or key.startswith(("my_", "done_my"))
    )
    yield from (reports.PERSONS["ja"], reports.COLLECTION["ja"])
    yield from (ja for ja, _ in words.ACTIONS.values())
    for kind in resident_notices.KINDS.values():
        yield from (kind.title["ja"], kind.text["ja"])
    yield from (label["ja"] for label, _ in resident_notices.TOPICS.values())
    for item in catalogue.items().values():
        yield from labels(item.schema)
    service = json.loads(DEMO.read_text(encoding="utf-8"))["service"]["description"]
    yield from (service["name"]["ja"], *(one["name"]["ja"] for one in service["purposes"]))
    source = Path(consent_words.__file__).read_text(encoding="utf-8")
    yield from re.findall(r'"ja": f?"([^"]+)"', re.sub(r"\{[^{}]*\}", "", source))


def labels(form: Mapping[str, Any]) -> Iterator[str]:
    """Give the labels of an item and of what is in it."""
    for name, one in form.items():
        if name == "x-label":
            yield one["ja"]
        elif name == "x-values":
            yield from (value["ja"] for value in one.values())
        elif isinstance(one, Mapping):
            yield from labels(one)


def test_every_word_of_the_portal_has_a_reading() -> None:
    assert not {text: left for text in texts() if (left := furigana.unread(text))}


def test_readings_are_kana_and_agree_with_the_kana_of_their_words() -> None:
    for word, reading in furigana.readings().items():
        assert re.search(f"[{furigana.KANJI}]", word), word
        assert KANA.fullmatch(re.sub("[）]", "", reading)), word
        pattern = re.sub(f"[{furigana.KANJI}]+", "(.+)", re.escape(word))
        assert re.fullmatch(pattern, reading), word


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("見本を見る", "みほんをみる"),
        ("情報を消す", "じょうほうをけす"),
        ("情報が消える", "じょうほうがきえる"),
        ("14 日以内に消します", "14 にちいないにけします"),
        ("2026年11月22日", "2026年11月22日"),
        ("一人の職員", "ひとりのしょくいん"),
    ],
)
def test_words_are_read_as_people_read_them(text: str, read: str) -> None:
    said = re.sub(r"<ruby>.*?<rt[^>]*>([^<]*)</rt>.*?</ruby>", r"\1", furigana.marked(text))
    assert said == read


async def test_readings_are_switched_on_and_off_without_scripts(reader: Reader) -> None:
    plain = await reader.get("/me/login")
    assert "<ruby>" not in plain
    page = await reader.send("/me/furigana", readings="on", next="/me/login")
    assert reader.path == "/me/login" and "<ruby>" in page
    assert '<rt aria-hidden="true">' in page and "ふりがなを" in page
    await reader.log_in_resident("hanako")
    page = await reader.get("/me/data/basic-four")
    assert "見本 花子" in page and "<ruby>住所" in page
    bare = re.sub(r"<r[pt] [^>]*>[^<]*</r[pt]>|</?ruby>", "", page)
    assert "養父市見本町1番地1" in bare and "<ruby" not in page[page.index("<title") : page.index("</title")]
    assert "<ruby>" not in await reader.get("/me?lang=en")
    page = await reader.send("/me/furigana", readings="", next="https://elsewhere.example/")
    assert reader.path == "/me" and "<ruby>" not in page
