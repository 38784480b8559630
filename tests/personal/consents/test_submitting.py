"""Consent over HTTP with the evidence that residents and officials really have. (issue 5; personal-data.md 2.4, 2.5)"""

import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jws
from joserfc.jwk import ECKey

from base import clock
from personal.audit import reading
from personal.operations.deciding import opened
from personal.rules.evidence import card_of, login_of
from personal.store import consents, records
from personal.store.records import Choice
from personal.vault.shredded import Kind, Shredded
from tests.personal.consents.cards import Authority, Card, ec_key, text
from tests.personal.consents.deciding import SESSION, item, prepared
from tests.personal.live import Live, Reply, live_module

CARDS, INSIDE = Authority("Cards"), Authority("Inside")
ISSUER = "https://login.example"
PROVIDER = ECKey.generate_key("P-256", {"kid": "p", "alg": "ES256", "use": "sig"})


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """Run a module that trusts an authority for cards, one for devices, and a login provider."""
    for name, authority in (("cards.pem", CARDS), ("inside.pem", INSIDE)):
        (tmp_path / name).write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "provider.json").write_text(json.dumps({"keys": [PROVIDER.as_dict(private=False)]}))
    settings: dict[str, Any] = {
        "card_authorities": tmp_path / "cards.pem",
        "device_authorities": tmp_path / "inside.pem",
        "provider_issuer": ISSUER,
        "provider_client": "yabu",
        "provider_keys": tmp_path / "provider.json",
    }
    async with live_module(tmp_path / "data", **settings) as running:
        await running.service("shelter")
        await running.town.store.write(lambda db: records.choose(db, Choice("allergies", "lgwan", ())))
        yield running


async def register(live: Live, login: str, card: Card | None = None) -> str:
    """Register a resident with a card; give their login."""
    more = {}
    if card is not None:
        issuer, serial = card_of(card.certificate)
        more["cards"] = [{"issuer": issuer, "serial": serial}]
    await live.register(login, **more)
    return await live.resident(login)


async def signed(
    live: Live, by: str, make: Callable[[bytes], dict[str, Any]], **body: Any
) -> tuple[Reply, dict[str, Any]]:
    """Prepare, have the digest signed, submit; give the answer and what was submitted."""
    told = (await prepared(live, by, **(body or {"agree": ["basic-four", "allergies"]}))).json
    submitted = {"prepared": told["prepared"], "evidence": make(raw(told["digest"]))}
    return await live.post("/me/consents", submitted, by=by), submitted


def raw(digest: str) -> bytes:
    return base64.urlsafe_b64decode(digest + "=")


def token(subject: str) -> Callable[[bytes], dict[str, Any]]:
    """Make an ID token of the provider for a digest."""

    def make(digest: bytes) -> dict[str, Any]:
        now = clock.now() // 1_000_000
        claims = {
            "iss": ISSUER,
            "aud": "yabu",
            "sub": subject,
            "nonce": text(digest),
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
        }
        header = {"alg": "ES256", "kid": "p"}
        made = jws.serialize_compact(header, json.dumps(claims).encode(), PROVIDER, algorithms=["ES256"])
        return {"kind": "id-token", "token": made}

    return make


async def test_the_resident_s_card_signs_consent_to_items_inside(live: Live) -> None:
    card = CARDS.issue()
    hanako = await register(live, "hanako", card)
    assert (await prepared(live, hanako, agree=["basic-four", "allergies"])).json["evidence"] == [
        "card-signature",
        "id-token",
    ]
    reply, submitted = await signed(live, hanako, card.evidence)
    assert reply.status == 201, reply.raw
    assert (await item(live, hanako, "allergies"))["holds"]
    again = await live.post("/me/consents", submitted, by=hanako)
    assert again.status == 409


async def test_evidence_is_kept_sealed_and_goes_with_the_person(live: Live) -> None:
    card = CARDS.issue()
    hanako = await register(live, "hanako", card)
    reply, submitted = await signed(live, hanako, card.evidence)
    town, id = live.town, reply.json["receipt"]
    decision = town.store.read(lambda db: consents.decision(db, id))
    assert decision is not None and decision.evidence is not None
    assert opened(town, decision) == submitted["evidence"]
    assert submitted["evidence"]["certificate"][:60].encode() not in decision.evidence
    person = await live.person("hanako")
    key = ("share", "shelter", "reception", "allergies")
    assert town.store.read(lambda db: consents.latest_decision(db, person, key)) == decision
    await town.keys.destroy([Shredded(Kind.PERSON, person, clock.now())])
    with pytest.raises(Exception, match="erased"):
        opened(town, decision)


async def test_another_s_card_a_stranger_s_and_a_login_do_not_open_items_inside(live: Live) -> None:
    mine, other = CARDS.issue(), CARDS.issue()
    hanako = await register(live, "hanako", mine)
    await register(live, "taro", other)
    for make in (
        other.evidence,
        CARDS.issue().evidence,
        Authority("Cards").issue().evidence,
        lambda _: SESSION,
    ):
        reply, _ = await signed(live, hanako, make)
        assert reply.status == 403, reply.raw
        assert await live.person("hanako") not in reply.raw.decode()
    first, _ = await signed(live, hanako, lambda digest: mine.evidence(b"x" + digest[1:]))
    assert first.status == 403
    assert await item(live, hanako, "allergies") is None


async def test_a_login_is_enough_in_a_demonstration_for_what_is_not_inside(live: Live) -> None:
    hanako = await register(live, "hanako")
    reply, _ = await signed(live, hanako, lambda _: SESSION, agree=["basic-four"])
    assert reply.status == 201


async def test_an_id_token_for_the_digest_is_evidence_of_whom_it_is_linked_to(live: Live) -> None:
    login = login_of(ISSUER, "pairwise-1")
    await live.register(login)
    hanako = await live.resident(login)
    assert (await signed(live, hanako, token("pairwise-2")))[0].status == 403
    assert (await signed(live, hanako, token("pairwise-1")))[0].status == 201


async def at_counter(live: Live, device: Card, named: str = "scan-17") -> Reply:
    by = await live.staff("counter")
    handle = (await live.post("/residents/search", {"nameKana": "ヤブ ハナコ"}, by=by)).json["residents"][0][
        "resident"
    ]
    body = {"service": "shelter", "purpose": "reception", "agree": ["basic-four", "allergies"]}
    told = (await live.post("/consents/paper/prepare", {"resident": handle, **body}, by=by)).json
    assert told["evidence"] == ["official"]
    statement = {**device.statement(raw(told["digest"]), "scan-17"), "scan": named}
    submitted = {"resident": handle, "prepared": told["prepared"], "evidence": statement}
    return await live.post("/consents/paper", submitted, by=by)


async def test_an_official_takes_a_form_on_paper_over_with_its_scan(live: Live) -> None:
    hanako = await register(live, "hanako")
    reply = await at_counter(live, INSIDE.issue(ec_key()))
    assert reply.status == 201, reply.raw
    receipt = await live.get(f"/me/receipts/{reply.json['receipt']}", by=hanako)
    records = json.loads(receipt.raw)["dpv:hasRecordOfActivity"]
    assert records[0]["dpv:hasConsentStatus"]["dpv:hasIndicationMethod"] == "staff-paper: official"
    facts = live.town.store.read(lambda db: reading.entries(db, 0, 100))
    given = next(one.facts() for one in facts if one.facts()["kind"] == "consent-given")
    assert (given["by"] != "resident", given["evidence"]) == (True, "official")
    listed = (await live.get("/me/accesses", by=hanako)).json["accesses"]
    assert any(one["action"]["en"] == "Consent was given" for one in listed)


async def test_a_form_without_the_right_device_or_scan_is_not_taken_over(live: Live) -> None:
    await register(live, "hanako")
    assert (await at_counter(live, CARDS.issue(ec_key()))).status == 403
    assert (await at_counter(live, INSIDE.issue(ec_key()), named="scan-18")).status == 403


async def test_staff_withdraw_for_who_asks_at_the_counter(live: Live) -> None:
    hanako = await register(live, "hanako")
    await at_counter(live, INSIDE.issue(ec_key()))
    by = await live.staff("counter")
    handle = (await live.post("/residents/search", {"nameKana": "ヤブ ハナコ"}, by=by)).json["residents"][0][
        "resident"
    ]
    listed = await live.post("/consents/find", {"resident": handle}, by=by)
    assert listed.json["services"][0]["purposes"][0]["items"][0]["share"]["holds"]
    reply = await live.post("/consents/paper/withdraw", {"resident": handle, "everything": True}, by=by)
    assert reply.json["withdrawn"][0]["items"] == ["allergies", "basic-four"]
    assert not (await item(live, hanako, "allergies"))["holds"]
    for path in ("/consents/find", "/consents/paper/withdraw"):
        body = {"resident": handle, **({"everything": True} if "withdraw" in path else {})}
        assert (await live.post(path, body, by=await live.staff("counter2"))).status == 404
        assert (await live.post(path, body, by=await live.staff("auditor"))).status == 403
