"""Consent records and receipts: what was decided, in terms anybody's software reads. (ISO/IEC TS 27560, DPV 2.3)

A receipt for the resident carries its place in the audit log; one for a service carries nothing by which two
services could compare: their own pseudonym of the resident, days instead of moments, no place in the log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import rfc8785
from joserfc import jws

from base import clock, merkle
from base.errors import BadRequestData
from personal.rules import decisions, heads
from personal.rules import signed as signed_text
from personal.rules.consent import HOLDING, Consent, Kind

TYP: Final = "engawa-receipt+jwt"
PROOF: Final = "engawa:proof"
LOG: Final = "engawa:log"
DECISION: Final = "engawa:decision"
SCHEMA_OF_RECEIPT: Final = "https://w3id.org/dpv/schema/dpv-27560#receipt"
SCHEMA_OF_RECORD: Final = "https://w3id.org/dpv/schema/dpv-27560#record"
CONTEXT: Final[dict[str, Any]] = {
    "dpv": "https://w3id.org/dpv#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "loc": "https://w3id.org/dpv/loc#",
    "legal-jp": "https://w3id.org/dpv/legal/jp#",
    "engawa": "urn:engawa:terms:",
    **{
        name: {"@type": "@id"}
        for name in (
            "dct:conformsTo", "dpv:hasLegalBasis", "dpv:hasJurisdiction", "dpv:hasApplicableLaw",
            "dpv:hasNecessity", "dpv:hasProcessing", "dpv:isIndicatedBy", "dpv:isExercisedAt",
        )
    },
    "dct:created": {"@type": "xsd:dateTime"},
    "dct:date": {"@type": "xsd:date"},
    "dct:valid": {"@type": "xsd:dateTime"},
    "dpv:isIndicatedAtTime": {"@type": "xsd:dateTime"},
    "dpv:hasDuration": {"@type": "xsd:duration"},
    LOG: {"@type": "@json"},
    DECISION: {"@type": "@json"},
}  # fmt: skip
_PROCESSING: Final = {Kind.STORE: "dpv:Store", Kind.SHARE: "dpv:Share"}
_BY: Final = {
    "resident": "dpv:DataSubject",
    "guardian": "dpv:GuardianOfDataSubject",
    "staff-paper": "dpv:DataSubject",
}
_JAPAN: Final = 9 * 3_600 * clock.SECOND


@dataclass(frozen=True, slots=True)
class Terms:
    """What a receipt tells besides the decision itself: the description that was agreed to, and who publishes it.

    labels: of items, {ja, en}; special: items that are care-requiring; locations: where each item lives.
    """

    municipality: tuple[str, str]
    service: str
    version: int
    description: Mapping[str, Any]
    labels: Mapping[str, Mapping[str, str]]
    special: frozenset[str] = frozenset()
    locations: Mapping[str, str] = field(default_factory=dict)
    withdraw: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """How a decision was made: by whom, shown by what evidence."""

    by: str
    evidence: str


def receipt(
    id: str,
    now: int,
    terms: Terms,
    consents: Sequence[Consent],
    given: Given,
    document: Mapping[str, Any],
    log: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the resident's receipt for one decision; `log`: its entry, where it stands, what proves that."""
    records = [
        {**record, "dpv:hasConsentStatus": _status(group, given)}
        for record, group in _records(id, document["subject"], terms, consents)
    ]
    return {
        **_header(id, terms),
        "dct:created": clock.show(now),
        "dpv:hasRecordOfActivity": records,
        DECISION: dict(document),
        LOG: dict(log),
    }


def for_service(id: str, now: int, ppid: str, terms: Terms, consents: Sequence[Consent]) -> dict[str, Any]:
    """Write a service's receipt for what is agreed; `id` must be fresh, or derived by a key for this service."""
    records = [
        {**record, "dpv:hasConsentStatus": _status_by_day(group)}
        for record, group in _records(id, ppid, terms, [one for one in consents if one.state in HOLDING])
    ]
    return {**_header(id, terms), "dct:date": _day(now), "dpv:hasRecordOfActivity": records}


def canonical(receipt: Mapping[str, Any]) -> bytes:
    """Give the one form of a receipt that is signed. (RFC 8785)"""
    return rfc8785.dumps({name: value for name, value in receipt.items() if name != PROOF})


def signed(receipt: Mapping[str, Any], signature: str) -> dict[str, Any]:
    """Add the signature over a receipt, a JWS without its payload. (RFC 7515 appendix F)"""
    return {**receipt, PROOF: jws.detach_content(signature)}


def verified(receipt: Mapping[str, Any], keys: Mapping[str, Any]) -> Mapping[str, Any]:
    """Verify a receipt under the public keys of its municipality; BadRequestData says what does not hold.

    Gives the head of the log that it carries; nothing for a service's receipt, which carries none.
    """
    signed_text.payload(str(receipt[PROOF]), keys, TYP, detached=canonical(receipt))
    if LOG not in receipt:
        return {}
    head: Mapping[str, Any] = orjson.loads(signed_text.payload(receipt[LOG]["head"], keys, heads.KIND))
    _check_log(receipt[LOG], head, decisions.shown(decisions.digest(receipt[DECISION])))
    return head


def _check_log(log: Mapping[str, Any], head: Mapping[str, Any], digest: str) -> None:
    """Verify that the entry is in the log that the head covers, and tells of this decision. (RFC 9162 2.1.3)"""
    entry = log["entry"].encode()
    proof = [bytes.fromhex(step) for step in log["proof"]]
    root = bytes.fromhex(head["root"])
    if not merkle.includes(merkle.leaf_hash(entry), log["position"], head["size"], proof, root):
        raise BadRequestData("The entry of the receipt is not in the log whose head it carries.")
    if orjson.loads(entry).get("digest") != digest:
        raise BadRequestData("The entry of the log tells of another decision than the receipt.")


def _header(id: str, terms: Terms) -> dict[str, Any]:
    code, name = terms.municipality
    return {
        "@context": CONTEXT,
        "@id": f"urn:engawa:receipt:{id}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": SCHEMA_OF_RECEIPT,
        "dct:identifier": id,
        "dct:publisher": {"@id": f"urn:engawa:municipality:{code}", "dpv:hasName": name},
    }


def _records(
    id: str, principal: str, terms: Terms, consents: Sequence[Consent]
) -> list[tuple[dict[str, Any], list[Consent]]]:
    """Write one record for the items of each purpose, kind and state."""
    groups: dict[tuple[str, str, str], list[Consent]] = {}
    for one in consents:
        groups.setdefault((one.purpose, one.kind, one.state), []).append(one)
    return [
        (_record(f"{id}-{number}", principal, terms, group), group)
        for number, group in enumerate(groups.values(), 1)
    ]


def _record(id: str, principal: str, terms: Terms, group: Sequence[Consent]) -> dict[str, Any]:
    return {
        "@id": f"urn:engawa:consent:{id}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": SCHEMA_OF_RECORD,
        "dct:identifier": id,
        "dpv:hasDataSubject": {"@type": "dpv:DataSubject", "dct:identifier": principal},
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "dct:identifier": f"{terms.service}/{terms.version}",
            "dct:language": ["ja", "en"],
        },
        "dpv:hasLegalBasis": "dpv:Consent",
        "dpv:hasJurisdiction": "loc:JP",
        "dpv:hasApplicableLaw": "legal-jp:law-APPI",
        "dpv:hasService": {
            "@type": "dpv:Service",
            "dct:identifier": terms.service,
            "dct:title": _texts(terms.description["name"]),
        },
        "dpv:hasProcess": _process(terms, group),
        "dpv:hasConsentControl": {
            "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
            "dpv:isExercisedAt": terms.withdraw,
        },
    }


def _process(terms: Terms, group: Sequence[Consent]) -> dict[str, Any]:
    kind, id = group[0].kind, group[0].purpose
    purpose = next((one for one in terms.description["purposes"] if one["id"] == id), None)
    asked = {} if purpose is None else {one["item"]: one for one in purpose["items"]}
    told: dict[str, Any] = {"@type": "dpv:Purpose", "dct:identifier": id}
    if purpose is not None:
        told |= {
            "dct:title": _texts(purpose["name"]),
            "dct:description": {"@language": "ja", "@value": purpose["registeredPurpose"]},
        }
    operator = terms.description["operator"]
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": told,
        "dpv:hasProcessing": _PROCESSING[kind],
        "dpv:hasDataController": {
            "@type": "dpv:DataController",
            "dpv:hasName": operator["name"],
            "dpv:hasAddress": operator["address"],
            "dpv:hasContact": operator["contact"],
        },
        "dpv:hasPersonalData": [_data(one.item, terms, asked.get(one.item)) for one in group],
    }


def _data(item: str, terms: Terms, asked: Mapping[str, Any] | None) -> dict[str, Any]:
    special = item in terms.special
    told: dict[str, Any] = {
        "@type": "dpv:SpecialCategoryPersonalData" if special else "dpv:PersonalData",
        "dct:identifier": item,
        "dct:title": _texts(terms.labels.get(item, {})),
    }
    stored: list[dict[str, Any]] = []
    if item in terms.locations:
        stored.append({"@type": "dpv:StorageLocation", "dpv:hasLocation": terms.locations[item]})
    if asked is not None:
        stored.append({"@type": "dpv:StorageDuration", "dpv:hasDuration": f"P{asked['retentionDays']}D"})
        told["dpv:hasNecessity"] = "dpv:Required" if asked["need"] == "required" else "dpv:Optional"
        told["dpv:hasRecipient"] = [
            {"@type": "dpv:ThirdParty", "dpv:hasName": name} for name in asked["recipients"]
        ]
    return {**told, "dpv:hasStorageCondition": stored}


def _status(group: Sequence[Consent], given: Given) -> dict[str, Any]:
    first = group[0]
    told = {
        "@type": f"dpv:{first.state}",
        "dpv:isIndicatedAtTime": clock.show(first.since),
        "dpv:isIndicatedBy": _BY[given.by],
        "dpv:hasIndicationMethod": f"{given.by}: {given.evidence}",
    }
    return {**told, **_until(first)}


def _status_by_day(group: Sequence[Consent]) -> dict[str, Any]:
    first = max(group, key=lambda one: one.since)
    return {"@type": f"dpv:{first.state}", "dct:date": _day(first.since), **_until(first)}


def _until(consent: Consent) -> dict[str, str]:
    if consent.until is None or consent.state not in HOLDING:
        return {}
    return {"dct:valid": clock.show(consent.until)}


def _day(at: int) -> str:
    return clock.show(at + _JAPAN)[:10]


def _texts(label: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"@language": language, "@value": text} for language, text in label.items()]
