"""Signed attributes: a proof comes back exactly as it went in, everywhere. (4.5.2.2, C.11)"""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from broker.model import expand, represent
from broker.model.represent import Representation
from tests.live import Live
from tests.model.samples import NOW, TABLE, members, values
from tests.notify.receiver import receiving

ID = "urn:ngsi-ld:Shelter:1"
KEY = Ed25519PrivateKey.generate()
CONTEXT = {
    "cryptosuite": "https://example.org/suite",
    "address": "https://example.org/address",
    "Shelter": "https://example.org/Shelter",
}
ADDRESS = {"streetAddress": ["Tiger Street 4", "al"], "postalCode": "42420", "https://x.example/y": 1.5}


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed(value: Any) -> dict[str, Any]:
    """Give the proof of a value; its members are in an order nobody would choose."""
    proof: dict[str, Any] = {
        "verificationMethod": "https://city.example/keys#1",
        "type": "DataIntegrityProof",
        "https://uri.etsi.org/ngsi-ld/name": {"https://example.org/address": ["address", {"z": 1, "a": 2}]},
        "created": "2025-01-27T21:02:24Z",
        "cryptosuite": "eddsa-jcs-2022",
        "proofPurpose": "assertionMethod",
    }
    return {**proof, "proofValue": KEY.sign(canonical([ID, "Shelter", value, proof])).hex()}


def verify(attribute: dict[str, Any]) -> None:
    """Verify the signature over what a reader got."""
    proof = attribute["ngsildproof"]
    assert proof["entityIdSealed"] == ID and proof["entityTypeSealed"] == "Shelter"
    shown = dict(proof["value"])
    signature = bytes.fromhex(shown.pop("proofValue"))
    KEY.public_key().verify(signature, canonical([ID, "Shelter", attribute["value"], shown]))


def body(**address: Any) -> dict[str, Any]:
    proof = {
        "type": "Property",
        "entityIdSealed": ID,
        "entityTypeSealed": "Shelter",
        "value": signed(ADDRESS),
    }
    return {
        "@context": CONTEXT,
        "id": ID,
        "type": "Shelter",
        "address": {"type": "Property", "value": ADDRESS, "ngsildproof": proof, **address},
    }


@pytest.fixture
async def told(live: Live) -> Callable[[], Any]:
    """Give a way to read the signed attribute in the @context it was signed in."""
    reply = await live.post("/jsonldContexts", {"@context": CONTEXT})
    url = live.url + reply.headers["Location"]

    async def read(**params: Any) -> Any:
        headers = {"Link": f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}
        found = await live.get(f"/entities/{ID}", headers=headers, **params)
        assert found.status == 200, found.json
        return found

    return read


async def test_a_signature_still_verifies(live: Live, told: Any) -> None:
    assert (await live.post("/entities", body())).status == 201
    reply = await told()
    verify(reply.json["address"])
    assert orjson.dumps(signed(ADDRESS)) in reply.raw
    verify((await told(format="concise")).json["address"])
    assert (await told(format="simplified")).json["address"] == ADDRESS


async def test_a_signature_survives_other_changes(live: Live, told: Any) -> None:
    assert (await live.post("/entities", body())).status == 201
    other = {"type": "Property", "value": 7}
    assert (await live.post(f"/entities/{ID}/attrs", {"capacity": other})).status == 204
    assert (await live.ask("PATCH", f"/entities/{ID}", {"capacity": {"value": 8}})).status == 204
    later = {"@context": CONTEXT, "observedAt": "2026-04-01T09:00:00Z"}
    assert (
        await live.ask("PATCH", f"/entities/{ID}/attrs/https%3A%2F%2Fexample.org%2Faddress", later)
    ).status == 204
    reply = await told()
    verify(reply.json["address"])
    assert reply.json["address"]["observedAt"] == "2026-04-01T09:00:00Z"


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge"])
async def test_a_signature_survives_batch_operations(live: Live, told: Any, operation: str) -> None:
    if operation in ("update", "merge"):
        bare = {"@context": CONTEXT, "id": ID, "type": "Shelter"}
        assert (await live.post("/entities", bare)).status == 201
    assert (await live.post(f"/entityOperations/{operation}", [body()])).status in (201, 204)
    verify((await told()).json["address"])


async def test_a_concise_proof_is_understood(live: Live, told: Any) -> None:
    given = body()
    del given["address"]["type"], given["address"]["ngsildproof"]["type"]
    assert (await live.post("/entities", given)).status == 201
    verify((await told()).json["address"])


@pytest.mark.parametrize("form", ["normalized", "concise"])
async def test_a_signature_survives_in_notifications(live: Live, told: Any, form: str) -> None:
    async with receiving() as receiver:
        subscription = {
            "@context": CONTEXT,
            "type": "Subscription",
            "entities": [{"type": "Shelter"}],
            "notification": {"format": form, "endpoint": {"uri": receiver.url}},
        }
        assert (await live.post("/subscriptions", subscription)).status == 201
        assert (await live.post("/entities", body())).status == 201
        (request,) = await receiver.wait()
        verify(request.entities[0]["address"])


async def test_the_type_sealed_is_a_name_and_the_proof_is_not(live: Live) -> None:
    assert (await live.post("/entities", body())).status == 201
    plain = (await live.get(f"/entities/{ID}")).json["https://example.org/address"]
    assert plain["ngsildproof"]["entityTypeSealed"] == "https://example.org/Shelter"
    assert plain["ngsildproof"]["value"] == signed(ADDRESS)


@pytest.mark.parametrize(
    "name", ["ngsildproof", "ngsi-ld:ngsildproof", "https://uri.etsi.org/ngsi-ld/ngsildproof"]
)
async def test_a_proof_of_an_entity_under_any_of_its_names(live: Live, name: str) -> None:
    proof = {"type": "Property", "value": signed(1), "entityIdSealed": ID}
    given = {"@context": CONTEXT, "id": ID, "type": "Shelter", name: proof}
    assert (await live.post("/entities", given)).status == 201
    assert (await live.get(f"/entities/{ID}")).json["ngsildproof"] == proof


@pytest.mark.parametrize(
    "attribute",
    [
        {"type": "Property", "value": 1, "entityIdSealed": ID},
        {"type": "Relationship", "object": ID, "entityTypeSealed": "Shelter"},
        {"type": "Property", "value": 1, "ngsildproof": {"type": "Property", "value": "text"}},
        {"type": "Property", "value": 1, "ngsildproof": {"type": "Relationship", "object": ID}},
        {
            "type": "Property",
            "value": 1,
            "ngsildproof": {"type": "Property", "value": {}, "entityIdSealed": 4},
        },
        {
            "type": "Property",
            "value": 1,
            "ngsildproof": {"type": "Property", "value": {}, "entityTypeSealed": []},
        },
    ],
)
async def test_refuses_what_is_no_proof(live: Live, attribute: Any) -> None:
    reply = await live.post("/entities", {"id": ID, "type": "Shelter", "address": attribute})
    assert reply.status == 400


proofs = st.dictionaries(
    st.one_of(members, st.sampled_from([TABLE.iri("open"), "capacity", "@type", "ex:floor", "避難所名"])),
    values,
    max_size=5,
)


@given(proofs, st.sampled_from(["normalized", "concise"]))
def test_any_proof_comes_back_as_it_was(proof: Any, form: Any) -> None:
    given = {
        "id": ID,
        "type": "Shelter",
        "open": {"type": "Relationship", "object": ID, "ngsildproof": {"type": "Property", "value": proof}},
    }
    made = expand.entity(given, TABLE, NOW)
    shown = represent.show(made, TABLE, Representation(format=form))["open"]["ngsildproof"]["value"]
    assert orjson.dumps(shown) == orjson.dumps(proof)
    again = expand.entity(represent.show(made, TABLE, Representation(format=form)), TABLE, NOW)
    assert again == made
