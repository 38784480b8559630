"""What a desk has signed: only what it can read out, in the one form whose digest it computes itself. (RFC 8785)"""

from typing import Any

import pytest

from adapters.desk import documents
from adapters.desk.documents import NotUnderstood
from base import clock
from personal.login import cards
from personal.rules import decisions
from personal.rules.consent import Kind
from personal.rules.decisions import Choice

URL = "https://personal.yabu.example"
NOW = clock.parse("2026-11-21T09:00:00Z")


def decision(**more: Any) -> dict[str, Any]:
    choice = Choice(
        Kind.SHARE, "shelter", "reception", ("basic-four", "allergies"), ("care-needs",), NOW + 60_000_000
    )
    return {**decisions.document(choice, "yabu", 2, "s", "a", "n", NOW), **more}


def login(**more: Any) -> dict[str, Any]:
    return {**cards.login_document("yabu", "login", URL, NOW), **more}


@pytest.mark.parametrize("document", [decision(), login(), login(purpose="identify")])
def test_its_digest_is_the_one_that_the_module_checks(document: dict[str, Any]) -> None:
    assert documents.digest(document) == decisions.digest(document)


def test_a_decision_is_read_out_with_the_names_of_items() -> None:
    told = {row.heading: row.text or row.key for row in documents.rows(decision(), URL, "ja")}
    assert told["signed_purpose"] == "signed_share" and told["signed_until"] == "2026-11-21 18:01"
    assert (told["signed_service"], told["signed_for"]) == ("shelter", "reception")
    assert set(told) >= {"signed_agree", "signed_refuse"}
    assert "アレルギー" in told["signed_agree"] and "basic-four" not in told["signed_agree"]
    assert "Allergies" in next(
        row.text for row in documents.rows(decision(), URL, "en") if row.heading == "signed_agree"
    )


def test_an_item_that_the_city_added_has_its_code() -> None:
    [row] = [
        row
        for row in documents.rows(decision(agree=["own-item"]), URL, "ja")
        if row.heading == "signed_agree"
    ]
    assert row.text == "own-item"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"typ": "something-else"},
        {"type": "engawa-consent-decision/2"},
        login(extra=1),
        login(audience="https://personal.attacker.example"),
        login(purpose="pay"),
        login(purpose="link"),
        login(expires="soon"),
        login(type=decisions.TYPE),
        decision(extra=1),
        decision(typ="engawa-login"),
        decision(kind="sell"),
        {name: value for name, value in decision().items() if name != "refuse"},
    ],
)
def test_what_it_cannot_read_out_is_not_signed(document: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood):
        documents.rows(document, URL, "ja")
