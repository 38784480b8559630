"""Receipts are what TS 27560 and DPV 2.3 say, verifiable off-line, and every change of one is found."""

import asyncio
import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rdflib import DCTERMS, RDF, Graph, Namespace, URIRef

from base import forms
from base.errors import Problem
from engawa.command import cli
from personal.rules import decisions, receipts
from personal.rules.consent import Consent, Kind, State
from schemas.personal import catalogue
from tests.personal.consents.deciding import decide
from tests.personal.disclosure.sharing import name
from tests.personal.live import Live, described

DPV = Namespace("https://w3id.org/dpv#")
DPV_TERMS = frozenset(
    [
        "ConsentReceipt",
        "hasRecordOfActivity",
        "ConsentRecord",
        "hasDataSubject",
        "DataSubject",
        "hasNotice",
        "ConsentNotice",
        "hasLegalBasis",
        "Consent",
        "hasJurisdiction",
        "hasApplicableLaw",
        "hasService",
        "Service",
        "hasProcess",
        "Process",
        "hasPurpose",
        "Purpose",
        "hasProcessing",
        "Store",
        "Share",
        "hasDataController",
        "DataController",
        "hasName",
        "hasAddress",
        "hasContact",
        "hasPersonalData",
        "PersonalData",
        "SpecialCategoryPersonalData",
        "hasNecessity",
        "Required",
        "Optional",
        "hasRecipient",
        "ThirdParty",
        "hasStorageCondition",
        "StorageLocation",
        "StorageDuration",
        "hasLocation",
        "hasDuration",
        "hasConsentControl",
        "ProvideConsent",
        "WithdrawConsent",
        "isExercisedAt",
        "hasConsentStatus",
        "ConsentRequested",
        "ConsentRequestDeferred",
        "ConsentGiven",
        "RenewedConsentGiven",
        "ConsentRefused",
        "ConsentWithdrawn",
        "ConsentRevoked",
        "ConsentExpired",
        "ConsentInvalidated",
        "isIndicatedAtTime",
        "isIndicatedBy",
        "GuardianOfDataSubject",
        "hasIndicationMethod",
    ]
)
"""The terms of DPV 2.3 (https://w3id.org/dpv) that receipts use."""


async def received(live: Live, **body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    await live.service("shelter")
    await live.register("hanako")
    token = await live.resident("hanako")
    made = await decide(live, token, **(body or {"agree": ["basic-four"], "refuse": ["allergies"]}))
    reply = await live.get(f"/me/receipts/{made.json['receipt']}", by=token)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/ld+json")
    return orjson.loads(reply.raw), (await live.get("/keys")).json


async def test_a_receipt_is_as_its_schema_says_and_verifies(live: Live) -> None:
    receipt, keys = await received(live)
    assert forms.fault(forms.validator(catalogue.schema("receipt")), receipt) is None
    head = receipts.verified(receipt, keys)
    assert head["municipality"] == "yabu" and receipt["engawa:log"]["position"] < head["size"]


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")  # of rdflib about itself
async def test_a_receipt_loads_as_linked_data_with_terms_of_dpv_only(live: Live) -> None:
    receipt, _ = await received(live)
    graph = Graph().parse(data=orjson.dumps(receipt), format="json-ld")
    used = {
        str(term).removeprefix(DPV)
        for triple in graph
        for term in triple
        if isinstance(term, URIRef) and term.startswith(DPV)
    }
    assert used <= DPV_TERMS
    verbs = {str(verb).removeprefix(DPV) for verb in graph.predicates() if str(verb).startswith(DPV)}
    assert all(verb[0].islower() for verb in verbs), "properties, and no classes, join things"
    assert all(term[0].isupper() for term in used - verbs), "and the other way round"
    assert set(graph.objects(None, DPV.hasJurisdiction)) == {URIRef("https://w3id.org/dpv/loc#JP")}
    law = URIRef("https://w3id.org/dpv/legal/jp#law-APPI")
    assert set(graph.objects(None, DPV.hasApplicableLaw)) == {law}
    shapes = set(graph.objects(None, DCTERMS.conformsTo))
    assert shapes == {URIRef(f"https://w3id.org/dpv/schema/dpv-27560#{one}") for one in ("receipt", "record")}
    records = list(graph.subjects(RDF.type, DPV.ConsentRecord))
    assert len(records) == 2
    states = {graph.value(graph.value(one, DPV.hasConsentStatus), RDF.type) for one in records}
    assert states == {DPV.ConsentGiven, DPV.ConsentRefused}
    assert set(graph.objects(None, DPV.hasLegalBasis)) == {DPV.Consent}
    assert {str(one) for one in graph.objects(None, DPV.hasDuration)} == {"P30D"}
    mandatory = (
        DPV.hasDataSubject,
        DPV.hasNotice,
        DPV.hasProcess,
        DPV.hasConsentControl,
        DPV.hasJurisdiction,
    )
    assert all(graph.value(one, field) is not None for one in records for field in mandatory)


async def test_a_withdrawal_has_a_receipt_too_and_that_of_the_consent_stays_true(live: Live) -> None:
    given, keys = await received(live, agree=["basic-four", "allergies"])
    token = await live.resident("hanako")
    where = {"service": "shelter", "purpose": "reception", "items": ["allergies"]}
    (done,) = (await live.post("/me/consents/withdraw", where, by=token)).json["withdrawn"]
    reply = await live.get(f"/me/receipts/{done['receipt']}", by=token)
    assert reply.headers["Content-Type"] == "application/ld+json"
    withdrawn = orjson.loads(reply.raw)
    assert forms.fault(forms.validator(catalogue.schema("receipt")), withdrawn) is None
    assert receipts.verified(withdrawn, keys)["size"] > receipts.verified(given, keys)["size"]
    (record,) = withdrawn["dpv:hasRecordOfActivity"]
    assert record["dpv:hasConsentStatus"]["@type"] == "dpv:ConsentWithdrawn"
    assert record["dpv:hasConsentStatus"]["dpv:isIndicatedBy"] == "dpv:DataSubject"
    assert "dct:valid" not in record["dpv:hasConsentStatus"]
    assert [one["dct:identifier"] for one in record["dpv:hasProcess"]["dpv:hasPersonalData"]] == ["allergies"]
    entry = orjson.loads(withdrawn["engawa:log"]["entry"])
    assert (entry["kind"], entry["items"]) == ("consent-withdrawn", ["allergies"])
    assert withdrawn["engawa:decision"]["refuse"] == ["allergies"]


async def test_the_receipt_of_a_service_verifies_and_tells_only_what_is_agreed(
    live: Live, tmp_path: Path
) -> None:
    _, keys = await received(live)
    subject = await name(live, await live.person("hanako"), "shelter")
    asked = {"subject": subject, "purpose": "reception"}
    reply = await live.post("/consents/agreed", asked, by=await live.service_token("shelter"))
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/ld+json")
    receipt = orjson.loads(reply.raw)
    assert forms.fault(forms.validator(catalogue.schema("receipt")), receipt) is None
    assert receipts.verified(receipt, keys) == {}
    (record,) = receipt["dpv:hasRecordOfActivity"]
    assert record["dpv:hasDataSubject"]["dct:identifier"] == subject
    assert record["dpv:hasConsentStatus"]["@type"] == "dpv:ConsentGiven"
    file, known = tmp_path / "receipt.jsonld", tmp_path / "keys.json"
    file.write_bytes(reply.raw)
    known.write_bytes(orjson.dumps(keys))
    words = ["receipt", "verify", str(file), "--keys", str(known), "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, cli, words)
    assert done.exit_code == 0 and "log" not in orjson.loads(done.stdout), done.output
    file.write_bytes(reply.raw.replace(subject.encode(), subject[:-1].encode() + b"-"))
    assert (await asyncio.to_thread(CliRunner().invoke, cli, words)).exit_code == 1


async def test_the_command_says_why_a_file_is_no_receipt_it_can_verify(live: Live, tmp_path: Path) -> None:
    receipt, keys = await received(live)
    file, known = tmp_path / "receipt.jsonld", tmp_path / "keys.json"

    async def told(text: bytes, where: str, code: int = 1) -> str:
        file.write_bytes(text)
        words = ["receipt", "verify", str(file), "--keys", where, "--json"]
        done = await asyncio.to_thread(CliRunner().invoke, cli, words)
        assert done.exit_code == code, done.output
        return str(orjson.loads(done.stderr)["error"])

    good = orjson.dumps(receipt)
    known.write_bytes(orjson.dumps(keys))
    assert "is not JSON" in await told(good[:-1], str(known))
    assert "too long" in await told(good + b" " * (1 << 20), str(known))
    assert "is no receipt" in await told(orjson.dumps({**receipt, "more": 1}), str(known))
    assert "could be anybody's" in await told(good, "http://personal.example.jp/keys")
    assert "No keys can be had" in await told(good, live.url + "/nothing")
    assert "is no JWKS" in await told(good, str(tmp_path / "none"))
    others: list[Any] = [[], {}, {"keys": [{}]}, {"keys": [{**keys["keys"][0], "x": "AAAA"}]}, {"keys": []}]
    for other in others:
        known.write_bytes(orjson.dumps(other))
        assert "does not hold" in await told(good, str(known)), other


async def test_every_change_of_a_receipt_is_found(live: Live) -> None:
    receipt, keys = await received(live)
    count = 0
    for path in leaves(receipt):
        if path[0] in ("engawa:proof", "@context"):
            continue
        changed = copy.deepcopy(receipt)
        holder = changed
        for step in path[:-1]:
            holder = holder[step]
        was = holder[path[-1]]
        holder[path[-1]] = was + 1 if isinstance(was, int) else f"{was}x"
        with pytest.raises(Problem):
            receipts.verified(changed, keys)
        count += 1
    assert count > 50


async def test_a_receipt_does_not_verify_under_other_keys_or_with_another_s_proof(live: Live) -> None:
    receipt, keys = await received(live)
    other = await decide(live, await live.resident("hanako"), agree=["basic-four"])
    second = orjson.loads(
        (await live.get(f"/me/receipts/{other.json['receipt']}", by=await live.resident("hanako"))).raw
    )
    for proof in (second["engawa:proof"], "a..b", receipt["engawa:log"]["head"]):
        with pytest.raises(Problem):
            receipts.verified({**receipt, "engawa:proof": proof}, keys)
    with pytest.raises(Problem):
        receipts.verified(receipt, {"keys": []})


async def test_the_command_verifies_a_receipt_and_finds_a_changed_one(live: Live, tmp_path: Path) -> None:
    receipt, keys = await received(live)
    file, known = tmp_path / "receipt.jsonld", tmp_path / "keys.json"
    file.write_bytes(orjson.dumps(receipt))
    known.write_bytes(orjson.dumps(keys))

    async def run(*given: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, cli, ["receipt", "verify", str(file), *given])

    offline = await run("--keys", str(known), "--json")
    assert offline.exit_code == 0, offline.output
    assert orjson.loads(offline.stdout)["ConsentGiven"] == "basic-four (shelter, reception)"
    assert (await run()).exit_code == 0
    file.write_bytes(orjson.dumps(receipt).replace(b"ConsentRefused", b"ConsentGiven"))
    changed = await run("--keys", str(known))
    assert changed.exit_code == 1 and "does not hold" in changed.output
    file.write_bytes(b"{}")
    assert "is no receipt" in (await run("--keys", str(known))).output


async def test_nobody_else_gets_a_receipt(live: Live) -> None:
    receipt, _ = await received(live)
    await live.register("taro")
    id = receipt["dct:identifier"]
    other = await live.get(f"/me/receipts/{id}", by=await live.resident("taro"))
    none = await live.get("/me/receipts/c_none", by=await live.resident("taro"))
    assert (other.status, other.raw) == (none.status, none.raw) == (404, none.raw)


@given(
    st.lists(st.sampled_from(list(State)), min_size=1, max_size=5),
    st.sampled_from(list(Kind)),
    st.integers(0, 2**50),
)
def test_any_states_make_receipts_that_the_schema_knows(states: list[State], kind: Kind, now: int) -> None:
    found = [
        Consent(kind, "shelter", "reception", f"item-{number}", 1, state, now, now + 1)
        for number, state in enumerate(states)
    ]
    labels = {one.item: {"ja": "項目", "en": "Item"} for one in found}
    terms = receipts.Terms(
        ("282227", "養父市"), "shelter", 1, described(), labels, withdraw="https://x.example/withdraw"
    )
    proof = {"position": 0, "entry": "{}", "proof": [], "head": "x"}
    choice = decisions.Choice(kind, "shelter", "reception", ("item-0",), (), None)
    document = decisions.document(choice, "yabu", 1, "s", "a", "n", now)
    given = receipts.Given("guardian", "id-token")
    validator = forms.validator(catalogue.schema("receipt"))
    for receipt in (
        receipts.receipt("c_1", now, terms, found, given, document, proof),
        receipts.for_service("x1", now, "p1.x", terms, found),
    ):
        assert forms.fault(validator, {**receipt, "engawa:proof": "a..b"}) is None


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Name every place in JSON where a text or number stands."""
    if isinstance(value, dict):
        return [found for name, inner in value.items() for found in leaves(inner, (*path, name))]
    if isinstance(value, list):
        return [found for place, inner in enumerate(value) for found in leaves(inner, (*path, place))]
    return [] if value is None else [path]
