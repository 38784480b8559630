"""The core contexts of all versions. (4.4, Annex B)"""

import pytest
from pyld import jsonld

from base.jsonld import core_of
from schemas import core_contexts


def test_every_published_version_is_built_in() -> None:
    assert list(core_contexts.VERSIONS) == ["1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9"]
    assert core_contexts.CORE_URL == "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
    assert core_contexts.URLS["https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"] == "1.9"


@pytest.mark.parametrize("version", core_contexts.VERSIONS)
def test_each_version_is_a_context_that_can_be_processed(version: str) -> None:
    table = core_of(core_contexts.document(version)["@context"]).table
    assert table.iri("Property") == "https://uri.etsi.org/ngsi-ld/Property"
    assert table.iri("value") == "https://uri.etsi.org/ngsi-ld/hasValue"
    assert table.iri("coordinates") == "https://purl.org/geojson/vocab#coordinates"
    assert table.iri("unknown") == core_contexts.DEFAULT_VOCAB + "unknown"


@pytest.mark.parametrize(
    ("version", "count"), [("1.3", 109), ("1.4", 117), ("1.5", 124), ("1.6", 147), ("1.7", 152), ("1.8", 184)]
)
def test_versions_have_as_many_members_as_the_published_ones(version: str, count: int) -> None:
    assert len(core_contexts.document(version)["@context"]) == count


@pytest.mark.parametrize(
    ("term", "first"),
    [
        ("avg", "1.4"),
        ("languageMap", "1.5"),
        ("scope", "1.5"),
        ("notificationTrigger", "1.6"),
        ("vocab", "1.7"),
        ("json", "1.8"),
        ("valueList", "1.8"),
        ("valueType", "1.9"),
        ("ngsildproof", "1.9"),
    ],
)
def test_terms_appear_with_their_version(term: str, first: str) -> None:
    having = [v for v in core_contexts.VERSIONS if term in core_contexts.document(v)["@context"]]
    assert having == list(core_contexts.VERSIONS[core_contexts.VERSIONS.index(first) :])


def test_only_the_later_versions_are_protected() -> None:
    protected = [v for v in core_contexts.VERSIONS if core_contexts.document(v)["@context"].get("@protected")]
    assert protected == ["1.8", "1.9"]


def test_signed_attributes_refer_to_the_data_integrity_context() -> None:
    proof = core_contexts.document()["@context"]["ngsildproof"]
    assert proof["@context"][1] == core_contexts.PROOF_URL
    assert "entityIdSealed" in proof["@context"][0]


def test_the_terms_of_a_proof_expand_to_their_iris() -> None:
    context = [
        core_contexts.document()["@context"]["ngsildproof"]["@context"][0],
        core_contexts.proof_document()["@context"],
    ]
    proof = {
        "@context": context,
        "type": "DataIntegrityProof",
        "created": "2025-01-27T21:02:24Z",
        "verificationMethod": "https://example.edu/issuers/565049#key",
        "proofPurpose": "assertionMethod",
        "proofValue": "z3X",
    }
    (expanded,) = jsonld.expand(proof, {"processingMode": "json-ld-1.1"})
    security = "https://w3id.org/security#"
    assert expanded["@type"] == [f"{security}DataIntegrityProof"]
    assert expanded[f"{security}verificationMethod"] == [{"@id": "https://example.edu/issuers/565049#key"}]
    assert expanded[f"{security}proofPurpose"] == [{"@id": f"{security}assertionMethod"}]
    assert expanded[f"{security}proofValue"] == [{"@type": f"{security}multibase", "@value": "z3X"}]
    assert "http://purl.org/dc/terms/created" in expanded
