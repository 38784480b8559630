"""A certificate is good at a moment only if its own issuer says so, and nobody who may says otherwise. (RFC 5280, 6960)"""

import datetime
import hashlib
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from base.errors import NotPermitted
from base.settings import SettingError
from personal import trust
from personal.rules.certificate_status import Known, Status, stapled, status, status_of_all
from personal.rules.evidence import Anchors, EvidenceKind, verified
from tests.personal.consents.cards import AT, NOW, YEAR, Authority, Card, ec_key, text

ROOT = Authority("Cards")
DAY = datetime.timedelta(days=1)
DIGEST = hashlib.sha256(b"a decision").digest()
CARD = ROOT.issue(ec_key(), ends=NOW + YEAR)
REASON = x509.ReasonFlags
POINT: dict[str, Any] = {
    "relative_name": None,
    "only_contains_user_certs": False,
    "only_contains_ca_certs": False,
    "only_some_reasons": None,
    "indirect_crl": False,
    "only_contains_attribute_certs": False,
}


def revocations(
    *entries: tuple[Card, datetime.datetime, x509.ReasonFlags | None],
    by: Authority = ROOT,
    signer: Authority | None = None,
    made: datetime.datetime = NOW - DAY / 2,
    until: datetime.datetime | None = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
    since: datetime.datetime | None = None,
) -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.name)
    builder = builder.last_update(made).next_update(until or made + DAY)
    for one in extensions:
        builder = builder.add_extension(one, critical=True)
    for card, when, reason in entries:
        entry = x509.RevokedCertificateBuilder().serial_number(card.certificate.serial_number)
        entry = entry.revocation_date(when)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        if since is not None:
            entry = entry.add_extension(x509.InvalidityDate(since), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign((signer or by).key, hashes.SHA256())


def answer(
    card: Card = CARD,
    found: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    *,
    by: Authority | Card = ROOT,
    made: datetime.datetime = NOW,
    until: datetime.datetime | None = NOW + DAY,
    ended: datetime.datetime | None = None,
    reason: x509.ReasonFlags | None = None,
) -> ocsp.OCSPResponse:
    own = by.certificate
    builder = ocsp.OCSPResponseBuilder().add_response(
        card.certificate, ROOT.certificate, hashes.SHA1(), found, made, until, ended, reason
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, own)
    if isinstance(by, Card):
        builder = builder.certificates([own])
    return builder.sign(by.key, hashes.SHA256())


def known(*found: x509.CertificateRevocationList | ocsp.OCSPResponse) -> Known:
    lists = [one for one in found if isinstance(one, x509.CertificateRevocationList)]
    return Known(lists, [one for one in found if isinstance(one, ocsp.OCSPResponse)])


def judged(*found: Any, card: Card = CARD) -> Status:
    return status(card.certificate, ROOT.certificate, AT, known(*found))


def test_of_what_nobody_says_anything_nothing_is_known() -> None:
    assert judged() is Status.UNKNOWN
    assert status_of_all([CARD.certificate], AT, known(revocations())) is Status.UNKNOWN


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (revocations(), Status.GOOD),
        (revocations((CARD, NOW - DAY, None)), Status.REVOKED),
        (revocations((CARD, NOW - DAY, REASON.certificate_hold)), Status.REVOKED),
        (revocations((CARD, NOW, None)), Status.REVOKED),
        # what became known later: revoked after it signed, or found to have been bad before
        (revocations((CARD, NOW + DAY, REASON.superseded), made=NOW + 2 * DAY, until=NOW + 3 * DAY), Status.GOOD),
        (revocations((CARD, NOW + DAY, REASON.key_compromise), made=NOW + 2 * DAY), Status.UNKNOWN),
        (revocations((CARD, NOW + DAY, REASON.key_compromise), since=NOW - DAY), Status.REVOKED),
        (revocations((CARD, NOW + DAY, REASON.key_compromise), since=NOW + DAY / 2), Status.GOOD),
        (revocations(made=NOW + 30 * DAY, until=NOW + 31 * DAY), Status.GOOD),
        # too old, or of a time when who expired is not listed any more
        (revocations(made=NOW - 2 * DAY, until=NOW - DAY), Status.UNKNOWN),
        (revocations(made=NOW - 2 * DAY, until=NOW), Status.UNKNOWN),
        (revocations(made=NOW + 2 * YEAR, until=NOW + 2 * YEAR + DAY), Status.UNKNOWN),
        # not of the issuer
        (revocations(by=Authority("Others")), Status.UNKNOWN),
        (revocations(signer=Authority("Cards")), Status.UNKNOWN),
        (revocations((CARD, NOW - DAY, None), signer=Authority("Cards")), Status.UNKNOWN),
        # about others, or not whole
        (revocations(extensions=(x509.IssuingDistributionPoint(full_name=None, **{**POINT, "only_contains_user_certs": True}),)), Status.GOOD),
        (revocations(extensions=(x509.IssuingDistributionPoint(full_name=None, **{**POINT, "only_contains_ca_certs": True}),)), Status.UNKNOWN),
        (revocations(extensions=(x509.IssuingDistributionPoint(full_name=None, **{**POINT, "indirect_crl": True}),)), Status.UNKNOWN),
        (revocations(extensions=(x509.IssuingDistributionPoint(full_name=[x509.UniformResourceIdentifier("http://x/y")], **POINT),)), Status.UNKNOWN),
        (revocations(extensions=(x509.IssuingDistributionPoint(full_name=None, **{**POINT, "only_some_reasons": frozenset({REASON.superseded})}),)), Status.UNKNOWN),
        (revocations(extensions=(x509.DeltaCRLIndicator(7),)), Status.UNKNOWN),
        (revocations((CARD, NOW - DAY, None), extensions=(x509.DeltaCRLIndicator(7),)), Status.REVOKED),
        (revocations(extensions=(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\5\0"),)), Status.UNKNOWN),
    ],
)  # fmt: skip
def test_what_a_list_says(found: Any, said: Status) -> None:
    assert judged(found) is said


def responder(**changed: Any) -> Card:
    """Give somebody who answers for the authority."""
    marked = {"wider": (ExtendedKeyUsageOID.OCSP_SIGNING,), "also": (x509.OCSPNoCheck(),), **changed}
    return ROOT.issue(ec_key(), **marked)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (answer(), Status.GOOD),
        (answer(until=None), Status.GOOD),
        (answer(found=ocsp.OCSPCertStatus.UNKNOWN), Status.UNKNOWN),
        (answer(found=ocsp.OCSPCertStatus.REVOKED, ended=NOW - DAY), Status.REVOKED),
        (answer(found=ocsp.OCSPCertStatus.REVOKED, ended=NOW + DAY), Status.GOOD),
        (answer(found=ocsp.OCSPCertStatus.REVOKED, ended=NOW + DAY, reason=REASON.key_compromise), Status.UNKNOWN),
        (answer(made=NOW - 2 * DAY, until=NOW + DAY), Status.UNKNOWN),
        (answer(made=NOW - DAY / 2, until=NOW - DAY / 4), Status.UNKNOWN),
        (answer(card=ROOT.issue(ec_key())), Status.UNKNOWN),
        (answer(by=Authority("Cards")), Status.UNKNOWN),
        (answer(by=responder()), Status.GOOD),
        (answer(by=responder(wider=(ExtendedKeyUsageOID.CLIENT_AUTH,))), Status.UNKNOWN),
        (answer(by=responder(also=())), Status.UNKNOWN),
        (answer(by=responder(begins=NOW - YEAR, ends=NOW - DAY)), Status.UNKNOWN),
        (answer(by=Authority("Others").issue(ec_key(), wider=(ExtendedKeyUsageOID.OCSP_SIGNING,))), Status.UNKNOWN),
        (ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER), Status.UNKNOWN),
    ],
)  # fmt: skip
def test_what_an_answer_says(found: Any, said: Status) -> None:
    assert judged(found) is said


def test_whoever_knows_of_a_revocation_outweighs_and_so_does_doubt() -> None:
    bad = answer(found=ocsp.OCSPCertStatus.REVOKED, ended=NOW - DAY)
    assert judged(revocations(), bad) is Status.REVOKED
    assert judged(revocations(), answer(found=ocsp.OCSPCertStatus.UNKNOWN)) is Status.UNKNOWN
    later = revocations((CARD, NOW + DAY, REASON.key_compromise), made=NOW + 2 * DAY)
    assert judged(revocations(), later) is Status.UNKNOWN
    old = revocations(made=NOW - 3 * DAY, until=NOW - 2 * DAY)
    assert judged(old, answer()) is Status.GOOD


def test_what_cannot_be_read_says_nothing() -> None:
    assert stapled(Known(), b"no answer") == Known()
    assert judged(*stapled(Known(), answer().public_bytes(Encoding.DER)).answers) is Status.GOOD


def test_every_certificate_up_to_the_anchor_is_asked_about() -> None:
    between = Authority("Between", above=ROOT)
    card = between.issue(ec_key())
    path = [card.certificate, between.certificate, ROOT.certificate]
    own, above = revocations(by=between), revocations()
    assert status_of_all(path, AT, known(own)) is Status.UNKNOWN
    assert status_of_all(path, AT, known(own, above)) is Status.GOOD
    gone = revocations((Card(between.certificate, between.key), NOW - DAY, None))
    assert status_of_all(path, AT, known(own, gone)) is Status.REVOKED


def test_evidence_by_a_card_that_was_revoked_or_of_which_nobody_knows_is_refused() -> None:
    def evidence(*found: Any, **more: Any) -> EvidenceKind:
        anchors = Anchors((ROOT.certificate,), revoked_cards=lambda: known(*found))
        return verified({**CARD.evidence(DIGEST), **more}, DIGEST, AT, anchors, lambda _: True)

    assert evidence(revocations()) is EvidenceKind.CARD
    with pytest.raises(NotPermitted, match="was revoked by then"):
        evidence(revocations((CARD, NOW - DAY, None)))
    with pytest.raises(NotPermitted, match="cannot be told now"):
        evidence()
    brought = text(answer().public_bytes(Encoding.DER))
    assert evidence(ocsp=brought) is EvidenceKind.CARD
    with pytest.raises(NotPermitted, match="was revoked by then"):
        evidence(revocations((CARD, NOW - DAY, None)), ocsp=brought)
    with pytest.raises(NotPermitted, match="cannot be told now"):
        evidence(ocsp=text(b"no answer"))


def test_a_device_that_was_revoked_vouches_for_no_form_on_paper() -> None:
    given = CARD.statement(DIGEST, "scan-1")

    def lookup() -> Known:
        return known(revocations((CARD, NOW - DAY, None)))

    anchors = Anchors((), (), (ROOT.certificate,), revoked_devices=lookup)
    with pytest.raises(NotPermitted, match="was revoked by then"):
        verified(given, DIGEST, AT, anchors, lambda _: True)


def test_lists_in_a_file_are_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "cards.crl"
    file.write_bytes(revocations().public_bytes(Encoding.DER))
    lookup = trust.revocations("card_revocations", file)
    assert lookup is not None and status(CARD.certificate, ROOT.certificate, AT, lookup()) is Status.GOOD
    both = [revocations(by=Authority("Others")), revocations((CARD, NOW - DAY, None))]
    fresh = tmp_path / "new"
    fresh.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in both))
    fresh.replace(file)
    assert status(CARD.certificate, ROOT.certificate, AT, lookup()) is Status.REVOKED
    file.unlink()
    assert lookup() == Known()
    with pytest.raises(SettingError, match="card_revocations"):
        trust.revocations("card_revocations", file)
    assert trust.revocations("card_revocations", None) is None
