"""How a service uses the common login is part of its description: approved by two, checked, shown in differences."""

from typing import Any

from personal.rules import catalogue
from schemas.personal.catalogue import check_service
from tests.personal.live import Live, described

LOGIN = {"redirectUris": ["https://a.example/back"]}


def test_a_change_of_the_login_asks_residents_for_nothing_new_and_is_shown() -> None:
    old, new = described(login=LOGIN), described(login={**LOGIN, "leastLevel": "aal3"})
    (found,) = catalogue.differences(old, new)
    assert found.change is catalogue.Change.LOGIN and not found.wider
    assert (found.before, found.after) == (LOGIN, {**LOGIN, "leastLevel": "aal3"})


UNTRUSTED: list[dict[str, Any]] = [
    {},
    {"redirectUris": []},
    {"redirectUris": ["javascript:alert(1)"]},
    {"redirectUris": ["https://a.example/#x"]},
    {"redirectUris": ["https://a@b.example/"]},
    {"redirectUris": ["https://a.example/ b"]},
    {"redirectUris": ["https://ü.example/"]},
    {"redirectUris": ["http://a.example/"]},
    {**LOGIN, "postLogoutRedirectUris": ["http://a.example/"]},
    {**LOGIN, "backchannelLogoutUri": "http://a.example/"},
    {**LOGIN, "leastLevel": "aal4"},
    {**LOGIN, "secret": "x"},
]


async def test_addresses_that_could_not_be_trusted_are_refused(live: Live) -> None:
    by, keys = await live.staff("catalogue"), {"keys": [live.new_key("library")]}
    for login in UNTRUSTED:
        body = {"service": "library", "description": described(login=login), "keys": keys}
        refused = await live.post("/proposals", {"kind": "service", "body": body}, by=by)
        assert refused.status == 400, login


def test_addresses_on_this_machine_may_do_without_tls() -> None:
    check_service(described(login={"redirectUris": ["http://127.0.0.1:8109/back?x=[1]&y=2"]}))
