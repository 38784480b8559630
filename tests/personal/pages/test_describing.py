"""Describing a service in a form: what is typed in is what is proposed, rows come and go, two persons. (issue 6)"""

import re
from html import unescape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import BadRequestData
from personal.staff import describing
from personal.staff.describing import BLANK, Draft
from schemas.personal.catalogue import check_service
from tests.personal.live import asked, described, purpose
from tests.personal.pages.reading import NOTHING, Reader

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
TOKENS = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
LABELS = st.fixed_dictionaries({"ja": WORDS, "en": WORDS})
ASKED = st.builds(
    lambda item, need, days, recipients: {
        "item": item, "need": need, "retentionDays": days, "recipients": recipients
    },
    TOKENS, st.sampled_from(describing.NEEDS), st.integers(0, 36_500), st.lists(WORDS, max_size=3, unique=True),
)  # fmt: skip
PURPOSES = st.fixed_dictionaries(
    {
        "id": TOKENS,
        "name": LABELS,
        "registeredPurpose": WORDS,
        "legalClass": st.sampled_from(describing.CLASSES),
        "basis": st.one_of(st.just("consent"), WORDS.map("law:{}".format)),
        "items": st.lists(ASKED, min_size=1, max_size=3),
    },
    optional={"description": LABELS},
)
SERVICES = st.fixed_dictionaries(
    {
        "name": LABELS,
        "operator": st.fixed_dictionaries(dict.fromkeys(("name", "contact", "address"), WORDS)),
        "purposes": st.lists(PURPOSES, min_size=1, max_size=3),
    },
    optional={"description": LABELS, "notify": st.just("https://service.example/told")},
)


def fields(draft: Draft) -> dict[str, str]:
    """Give the fields of the form as a browser sends them."""
    found = dict(draft.fields)
    for number, one in enumerate(draft.purposes):
        found |= {f"purposes.{number}.{name}": text for name, text in one.fields.items()}
        for row, item in enumerate(one.items):
            found |= {f"purposes.{number}.items.{row}.{name}": text for name, text in item.items()}
    return found


@settings(max_examples=40)
@given(SERVICES)
def test_what_a_form_shows_is_what_it_makes(description: dict[str, Any]) -> None:
    check_service(description)
    draft = describing.typed(fields(describing.draft_of(description)))
    assert describing.description_of(draft) == description


@settings(max_examples=40)
@given(SERVICES, st.integers(0, 4), st.integers(0, 4))
def test_a_row_that_is_added_and_dropped_again_changes_nothing(
    description: dict[str, Any], number: int, row: int
) -> None:
    draft = describing.draft_of(description)
    more = describing.grown(draft, "purposes")
    assert describing.shrunk(more, str(len(more.purposes) - 1)) == draft
    if number < len(draft.purposes):
        longer = describing.grown(draft, str(number))
        assert describing.shrunk(longer, f"{number}.{len(longer.purposes[number].items) - 1}") == draft
    else:
        with pytest.raises(BadRequestData):
            describing.shrunk(draft, f"{number}.{row}")


@pytest.mark.parametrize("where", ["", "x", "-1", "9999", "٣", "0.9", "0.x", "1.0"])
def test_rows_that_are_not_there_are_refused(where: str) -> None:
    with pytest.raises(BadRequestData):
        describing.shrunk(BLANK, where)


async def test_a_service_is_described_proposed_and_approved_without_a_line_of_json(reader: Reader) -> None:
    await reader.log_in("catalogue")
    await reader.get("/staff/services/_new")
    told = described(purpose("lend", asked("basic-four"), asked("contact", need="optional")))
    form = {**fields(describing.draft_of(told)), "service": "library"}
    page = await reader.send("/staff/services/_new", NOTHING, **form, add="0")
    assert reader.status == 200 and "purposes.0.items.2.item" in page and 'value="lend"' in page
    page = await reader.send("/staff/services/_new", NOTHING, **form, drop="0.1")
    assert "purposes.0.items.1.item" not in page
    wrong = {**form, "purposes.0.items.1.retentionDays": "soon"}
    page = await reader.send("/staff/services/_new", NOTHING, **wrong)
    assert reader.status == 400 and re.search(
        r'name="purposes.0.items.1.retentionDays"[^>]*aria-invalid', page
    )
    assert 'value="soon"' in page
    await reader.send("/staff/services/_new", NOTHING, **form)
    assert reader.status == 400 and "鍵" in reader.page  # neither a key nor a certificate
    key = reader.live.new_key("library")
    body = unescape(str({"keys": [key]}).replace("'", '"'))
    page = await reader.send("/staff/services/_new", NOTHING, **form, keys=body)
    path = reader.path.partition("?")[0]
    assert reader.status == 200 and "見本 台帳二" in page and 'value="approve"' not in page
    await reader.log_in("catalogue2")
    await reader.get(path)
    await reader.send(path, do="approve")
    assert (await reader.live.get("/services/library")).json["purposes"] == told["purposes"]


async def test_a_change_begins_with_the_version_in_force_and_says_whom_it_concerns(reader: Reader) -> None:
    hanako = await reader.live.resident("hanako")
    body = {"service": "shelter", "purpose": "reception", "kind": "share", "agree": ["basic-four"]}
    shown = (await reader.live.post("/me/consents/prepare", body, by=hanako)).json
    body = {"prepared": shown["prepared"], "evidence": {"kind": "session"}}
    assert (await reader.live.post("/me/consents", body, by=hanako)).status == 201
    await reader.log_in("catalogue")
    assert "同意している人 1 人（同意 1 件）" in await reader.get("/staff/services/shelter")
    path = "/staff/services/shelter/change"
    page = await reader.get(path)
    present = (await reader.live.get("/services/shelter")).json
    form = fields(describing.draft_of(present))
    for name, text in form.items():
        assert f'name="{name}"' in page, name
        assert not text or text in unescape(page), name
    form["purposes.0.items.0.retentionDays"] = "400"
    page = await reader.send(path, NOTHING, **form)
    assert reader.status == 200 and "同意を得直す人：1 人（同意 1 件）" in page and "400" in page


async def test_a_flat_item_is_described_in_a_form_and_changed_in_one_afterwards(reader: Reader) -> None:
    await reader.log_in("catalogue")
    await reader.get("/staff/items/_new")
    about = {
        "title": "dog-licence",
        "ja": "犬の登録",
        "en": "Dog licence",
        "class": "ordinary",
        "by": "consent",
    }
    members = {
        "m.0.name": "dogName",
        "m.0.ja": "名前",
        "m.0.en": "Name",
        "m.0.kind": "text",
        "m.0.required": "yes",
    }
    page = await reader.send(
        "/staff/items/_new", NOTHING, **about, **members, **{"m.0.values": ""}, add="yes"
    )
    assert 'name="m.1.name"' in page and 'value="dogName"' in page and 'value="dog-licence"' in page
    more = {"m.1.name": "size", "m.1.ja": "大きさ", "m.1.en": "Size", "m.1.kind": "choice"}
    wrong = {**about, **members, **more, "m.1.values": "small = 小さい"}
    assert (
        "値 = 日本語 = 英語" in await reader.send("/staff/items/_new", NOTHING, **wrong)
        and reader.status == 400
    )
    right = {**wrong, "m.1.values": "small = 小さい = Small\nlarge = 大きい = Large"}
    await reader.send("/staff/items/_new", NOTHING, **right)
    path = reader.path.partition("?")[0]
    assert path.startswith("/staff/proposals/"), reader.page
    await reader.log_in("catalogue2")
    await reader.get(path)
    await reader.send(path, do="approve")
    made = (await reader.live.get("/items/dog-licence")).json
    assert made["required"] == ["dogName"] and made["properties"]["size"]["enum"] == ["small", "large"]
    page = await (await reader.log_in("catalogue")).get("/staff/items")
    change = "/staff/items/dog-licence/change"
    assert change in page and "/staff/items/contact/change" not in page
    assert "すでにあります" in await reader.send("/staff/items/_new", NOTHING, **right)
    page = await reader.get(change)
    assert 'value="犬の登録"' in page and "small = 小さい = Small" in page and 'value="whole"' not in page
    form = {name: text for name, text in right.items() if name.startswith("m.")}
    form |= {"ja": "犬の登録", "en": "Dog licence", "m.0.values": ""}
    form["version"] = reader.found(r'name="version" value="(\d+)"')
    page = await reader.send(change, NOTHING, **form)
    assert reader.status == 409 and "今の内容と同じです" in page
    form |= {"en": "Dogs", "m.1.required": "yes", "m.1.values": "small = 小さい = Small"}
    page = await reader.send(change, NOTHING, **{**form, "m.1.values": "small = 小さい"})
    assert reader.status == 400 and 'value="Dogs"' in page and "small = 小さい" in page
    page = await reader.send(change, NOTHING, **form)
    path = reader.path.partition("?")[0]
    assert (
        "本人の同意はそのまま有効です" in page and "犬の登録 / Dogs" in page and "まったく新しい" not in page
    )
    assert "大きさ (size)" in page and "選択肢 · 小さい · 必須" in page and "200 字まで" in page
    assert "large = 大きい / Large" in page and 'value="approve"' not in page
    await (await reader.log_in("catalogue2")).get(path)
    await reader.send(path, do="approve")
    made = (await reader.live.get("/items/dog-licence")).json
    assert made["x-schema-version"] == 2 and made["required"] == ["dogName", "size"]
    await (await reader.log_in("catalogue")).get(change)
    page = await reader.send(change, NOTHING, **{**form, "en": "All dogs"})  # which began before that
    assert reader.status == 409 and "ほかの人が変えました" in page and 'value="All dogs"' in page
    assert (await reader.log_in("catalogue")) and "標準" in await reader.get("/staff/items")
    await reader.get("/staff/items/contact/change")
    assert reader.status == 404
