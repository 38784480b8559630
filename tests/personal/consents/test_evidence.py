"""Evidence stands only for its decision, its moment, its person, under pinned anchors. (issue 5; RFC 5280, OIDC Core)"""

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from base.errors import NotPermitted
from personal.rules.evidence import (
    Anchors,
    Credential,
    EvidenceKind,
    Provider,
    acceptable,
    card_of,
    verified,
)
from tests.personal.consents.cards import AT, NOW, YEAR, Authority, Card, ec_key, rsa_key, text

DIGEST = hashlib.sha256(b"a decision").digest()
OTHER = hashlib.sha256(b"another decision").digest()
ROOT = Authority("Cards")
ISSUER = "https://login.example/realms/main"
PROVIDER_KEY = ECKey.generate_key("P-256", {"kid": "p", "alg": "ES256", "use": "sig"})
PROVIDER = Provider(
    ISSUER, "yabu", {"keys": [PROVIDER_KEY.as_dict(private=False)]}, levels=frozenset({"aal3"})
)
ANCHORS = Anchors((ROOT.certificate,), (PROVIDER,), (ROOT.certificate,))


def anybody(_: Credential) -> bool:
    return True


def refused(
    given: dict[str, Any], *, digest: bytes = DIGEST, at: int = AT, anchors: Anchors = ANCHORS
) -> str:
    with pytest.raises(NotPermitted) as caught:
        verified(given, digest, at, anchors, anybody)
    return caught.value.detail


@pytest.mark.parametrize("key", [rsa_key(), ec_key(), ec_key(ec.SECP384R1())], ids=["rsa", "p256", "p384"])
def test_a_card_signs_a_decision(key: Any) -> None:
    card, seen = ROOT.issue(key), []

    def owns(credential: Credential) -> bool:
        seen.append((credential.issuer, credential.id))
        return True

    assert verified(card.evidence(DIGEST), DIGEST, AT, ANCHORS, owns) is EvidenceKind.CARD
    assert seen == [card_of(card.certificate)]


def test_an_authority_between_may_vouch_for_a_card() -> None:
    card = Authority("Between", above=ROOT).issue()
    assert verified(card.evidence(DIGEST), DIGEST, AT, ANCHORS, anybody) is EvidenceKind.CARD
    without = card.evidence(DIGEST)
    del without["chain"]
    assert "vouches" in refused(without)


@pytest.mark.parametrize(
    ("card", "why"),
    [
        (ROOT.issue(ends=NOW - YEAR / 2, begins=NOW - YEAR), "vouches"),
        (ROOT.issue(begins=NOW + YEAR / 2), "vouches"),
        (Authority("Cards").issue(), "vouches"),
        (ROOT.issue(usage={"key_encipherment": True}), "not one for logging in"),
        (ROOT.issue(usage={"digital_signature": True, "content_commitment": True}), "not one for logging in"),
        (ROOT.issue(wider=(ExtendedKeyUsageOID.SERVER_AUTH,)), "not one for logging in"),
        (ROOT.issue(rsa_key(1024)), ""),
        (ROOT.issue(ec_key(ec.SECP256K1())), ""),
        (Card(ROOT.certificate, ROOT.key), ""),
    ],
    ids=[
        "expired",
        "not yet",
        "other authority",
        "wrong usage",
        "signing card",
        "server",
        "short",
        "curve",
        "authority",
    ],
)
def test_other_certificates_prove_nothing(card: Card, why: str) -> None:
    assert why in refused(card.evidence(DIGEST))


def test_a_signature_is_good_for_its_decision_only() -> None:
    card = ROOT.issue()
    assert "not over this decision" in refused(card.evidence(OTHER))
    assert "not over this decision" in refused({**card.evidence(DIGEST), "signature": text(b"x" * 256)})
    foreign = {**card.evidence(DIGEST), "signature": ROOT.issue().evidence(DIGEST)["signature"]}
    assert "not over this decision" in refused(foreign)


def test_the_card_of_somebody_else_proves_nothing() -> None:
    with pytest.raises(NotPermitted, match="not linked"):
        verified(ROOT.issue().evidence(DIGEST), DIGEST, AT, ANCHORS, lambda _: False)


def test_a_card_that_expires_later_proves_what_it_signed_before() -> None:
    card = ROOT.issue(ends=NOW + YEAR)
    later = AT + 2 * 365 * 86_400 * 1_000_000
    assert verified(card.evidence(DIGEST), DIGEST, AT, ANCHORS, anybody) is EvidenceKind.CARD
    assert "vouches" in refused(card.evidence(DIGEST), at=later)


def test_without_anchors_nothing_is_evidence() -> None:
    nothing = Anchors()
    for one in (ROOT.issue().evidence(DIGEST), {"kind": "id-token", "token": token()}, {"kind": "session"}):
        refused(one, anchors=nothing)


@pytest.mark.parametrize("broken", ["", "%", "AAAA", text(b"\x30\x03\x02\x01\x01")])
def test_what_is_no_certificate_is_refused(broken: str) -> None:
    refused({"kind": "card-signature", "certificate": broken, "signature": "AAAA"})


def token(key: ECKey = PROVIDER_KEY, algorithm: str = "ES256", **changed: Any) -> str:
    claims = {
        "iss": ISSUER,
        "aud": "yabu",
        "sub": "pairwise",
        "nonce": text(DIGEST),
        "iat": AT // 1_000_000 + 30,
        "exp": AT // 1_000_000 + 330,
        "auth_time": AT // 1_000_000 + 20,
        "acr": "aal3",
        **changed,
    }
    told = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": algorithm, "kid": "p"}
    return jws.serialize_compact(header, json.dumps(told).encode(), key, algorithms=[algorithm])


def test_an_id_token_whose_nonce_is_the_digest_is_evidence() -> None:
    seen: list[Credential] = []
    given = {"kind": "id-token", "token": token()}
    kind = verified(given, DIGEST, AT, ANCHORS, lambda one: not seen.append(one))  # type: ignore[func-returns-value]  # noted
    assert kind is EvidenceKind.TOKEN
    assert [(one.issuer, one.id) for one in seen] == [(ISSUER, "pairwise")]


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"}, {"iss": None}, {"aud": "other"}, {"aud": ["yabu", "other"]},
        {"aud": ["yabu", "other"], "azp": "other"}, {"nonce": text(OTHER)}, {"nonce": None}, {"acr": "aal1"},
        {"iat": AT // 1_000_000 - 3_600}, {"iat": AT // 1_000_000 + 3_600}, {"exp": AT // 1_000_000 - 1},
        {"exp": None}, {"iat": "now"}, {"sub": None}, {"sub": ""}, {"sub": 7},
        {"auth_time": None}, {"auth_time": "now"}, {"auth_time": AT // 1_000_000 - 3_600},
        {"auth_time": AT // 1_000_000 + 3_600}, {"auth_time": float("nan")},
    ],
)  # fmt: skip
def test_an_id_token_for_anything_else_proves_nothing(changed: dict[str, Any]) -> None:
    refused({"kind": "id-token", "token": token(**changed)})


def test_an_id_token_under_another_key_or_algorithm_proves_nothing() -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "p"})
    assert "signature" in refused({"kind": "id-token", "token": token(stranger)})
    head, body, _ = token().split(".")
    none = text(json.dumps({"alg": "none"}).encode())
    assert "signature" in refused({"kind": "id-token", "token": f"{none}.{body}."})
    for broken in ("", "a.b", "a.b.c", f"{head}.{body}.", token() + "x", "é.é.é"):
        refused({"kind": "id-token", "token": broken})


@pytest.mark.parametrize("key", [rsa_key(), ec_key()], ids=["rsa", "p256"])
def test_an_official_s_device_vouches_for_a_scan(key: Any) -> None:
    given = ROOT.issue(key).statement(DIGEST, "scan-17")
    assert verified(given, DIGEST, AT, ANCHORS, lambda _: False) is EvidenceKind.OFFICIAL
    assert "this decision" in refused(given, digest=OTHER)
    assert "another scan" in refused({**given, "scan": "scan-18"})
    stranger = Authority("Inside").issue(ec_key()).statement(DIGEST, "scan-17")
    assert "vouches" in refused(stranger)
    head, body, signature = given["statement"].split(".")
    changed = text(json.dumps({"digest": text(OTHER), "scan": "scan-17"}).encode())
    refused({**given, "statement": f"{head}.{changed}.{signature}"}, digest=OTHER)
    refused({**given, "statement": f"{head}.{body}."})


def test_a_login_alone_is_evidence_in_demonstrations_and_never_for_items_inside() -> None:
    demonstration = Anchors(demonstration=True)
    assert verified({"kind": "session"}, DIGEST, AT, demonstration, lambda _: False) is EvidenceKind.SESSION
    assert acceptable({"local", "cloud"}, demonstration) == {EvidenceKind.SESSION}
    assert acceptable({"local", "lgwan"}, demonstration) == set()
    assert acceptable({"lgwan"}, ANCHORS) == {EvidenceKind.CARD, EvidenceKind.TOKEN}
    assert acceptable({"lgwan"}, ANCHORS, paper=True) == {EvidenceKind.OFFICIAL}


GOOD = (
    ROOT.issue(ec_key()).evidence(DIGEST),
    {"kind": "id-token", "token": token()},
    ROOT.issue(ec_key()).statement(DIGEST, "scan-17"),
)
ANY_TEXT = st.text(max_size=60) | st.binary(max_size=60).map(text) | st.just("..") | st.just("e30.e30.e30")


@settings(max_examples=300)
@given(st.sampled_from(GOOD), st.data())
def test_whatever_is_sent_instead_is_refused_and_nothing_fails(
    good: dict[str, Any], data: st.DataObject
) -> None:
    member = data.draw(st.sampled_from(sorted(good.keys() - {"kind"})))
    whole: str = good[member]
    place = data.draw(st.integers(0, len(whole) - 1))
    sign = data.draw(st.sampled_from("AQgw_.-=é\x00"))
    changed = data.draw(ANY_TEXT | st.just(whole[:place] + sign + whole[place + 1 :]))
    try:
        kind = verified({**good, member: changed}, DIGEST, AT, ANCHORS, anybody)
    except NotPermitted:
        return
    # other signs for the same bytes, in the last place of base64
    assert kind == good["kind"] and len(changed) == len(whole)
