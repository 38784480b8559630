"""Signed attributes. (4.5.2.2, 5.2.5: ngsildproof)"""

from typing import Any, Final

from conformance.case import case
from conformance.entity import prop, vehicle
from conformance.subject import Subject

FEATURE = "Signed attributes"
PROOF: Final[dict[str, Any]] = {
    "type": "DataIntegrityProof",
    "created": "2026-03-01T00:00:00Z",
    "cryptosuite": "eddsa-rdfc-2022",
    "verificationMethod": "did:example:yabu#key-1",
    "proofPurpose": "assertionMethod",
    "proofValue": "z2fFahsTzbvMZC1yN6FgUhcDPHHfwxUoJJN4fCnCAtM5f",
}


def signed(broker: Subject) -> dict[str, Any]:
    """Write a speed with its proof."""
    proof = {
        "type": "Property",
        "entityIdSealed": "urn:ngsi-ld:Vehicle:1",
        "entityTypeSealed": broker.type("Vehicle"),
        "value": PROOF,
    }
    return {"type": "Property", "value": 55, "ngsildproof": proof}


@case("4.5.2.2, 5.2.5", "a proof comes back exactly as it was given", feature=FEATURE, profile="full")
async def kept(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=signed(broker)))
    (await broker.get(entity.path)).status(200).body.at("speed", "ngsildproof").equals(
        signed(broker)["ngsildproof"]
    )


@case("4.5.2.3", "a proof survives the concise form", feature=FEATURE, profile="full")
async def concise(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=signed(broker)))
    body = (await broker.get(entity.path, format="concise")).status(200).body
    body.at("speed", "ngsildproof").has(value=PROOF, entityIdSealed="urn:ngsi-ld:Vehicle:1")


@case("4.5.2.2", "sealed members outside a proof are refused", feature=FEATURE, profile="full")
async def sealed_elsewhere(broker: Subject) -> None:
    entity = broker.own(vehicle(speed={**prop(1), "entityIdSealed": "urn:ngsi-ld:Vehicle:1"}))
    (await broker.post("/entities", entity)).refused(400, "BadRequestData")


@case("4.5.2.2", "a proof whose value is no object is refused", feature=FEATURE, profile="full")
async def no_object(broker: Subject) -> None:
    entity = broker.own(vehicle(speed={**prop(1), "ngsildproof": prop("signed")}))
    (await broker.post("/entities", entity)).refused(400, "BadRequestData")


@case("4.5.2.2", "valueType is kept", feature=FEATURE, profile="full")
async def value_type(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, valueType="https://example.org/Speed")))
    body = (await broker.get(entity.path)).status(200).body
    body.at("speed").has(valueType="https://example.org/Speed")
