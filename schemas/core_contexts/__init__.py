"""The NGSI-LD core @contexts of all versions, made from one list of terms. (Annex B)

`terms.csv` says of each term what it means and in which versions it stands; the documents are generated from it.
"""

import csv
from functools import cache
from importlib import resources
from typing import Any, Final

VERSIONS: Final = ("1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9")
CURRENT: Final = VERSIONS[-1]
DEFAULT_VOCAB: Final = "https://uri.etsi.org/ngsi-ld/default-context/"
_FOLDER: Final = "https://uri.etsi.org/ngsi-ld/v1/"
_PROOF_TYPE: Final = "DataIntegrityProof"
_ALIASES: Final = {"id": "@id", "type": "@type", "@protected": True}
_PREFIXES: Final = {"sec": "https://w3id.org/security#", "xsd": "http://www.w3.org/2001/XMLSchema#"}
_JSON_LD_1_1: Final = VERSIONS[VERSIONS.index("1.8") :]


def url(version: str) -> str:
    """Give the URL under which the core context of a version is published."""
    return f"{_FOLDER}ngsi-ld-core-context-v{version}.jsonld"


CORE_URL: Final = url(CURRENT)
PROOF_URL: Final = "https://w3id.org/security/data-integrity/v2"
URLS: Final = {
    **{url(version): version for version in VERSIONS},
    f"{_FOLDER}ngsi-ld-core-context.jsonld": CURRENT,
}
"""Every URL of a core context and the version it means; the one without a version means the current one."""


@cache
def document(version: str = CURRENT) -> dict[str, Any]:
    """Give the core context of a version as a JSON-LD document. Callers do not change it. (Annex B)"""
    terms: dict[str, Any] = {"@version": 1.1, "@protected": True} if version in _JSON_LD_1_1 else {}
    place = VERSIONS.index(version)
    with resources.files(__name__).joinpath("terms.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            last = row["until"] or CURRENT
            if VERSIONS.index(row["since"]) <= place <= VERSIONS.index(last):
                terms[row["term"]] = _definition(row)
    if place >= VERSIONS.index("1.9"):
        terms["ngsildproof"] = {"@id": "ngsi-ld:ngsildproof", "@context": [_sealed(), PROOF_URL]}
    return {"@context": {**terms, "@vocab": DEFAULT_VOCAB}}


@cache
def proof_document() -> dict[str, Any]:
    """Give the context of the W3C's Data Integrity proofs, to which `ngsildproof` refers. (4.5.2.2, Annex B)"""
    groups: dict[str, dict[str, Any]] = {}
    with resources.files(__name__).joinpath("proof_terms.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            full = {name: _in_full(row[name]) for name in ("iri", "type")}
            groups.setdefault(row["within"], {})[row["term"]] = _definition({**row, **full})
    terms = groups[_PROOF_TYPE]
    terms["proofPurpose"] |= {"@context": {**_ALIASES, **groups["proofPurpose"]}}
    proof = {"@id": _in_full(f"sec:{_PROOF_TYPE}"), "@context": {**_ALIASES, **terms}}
    return {"@context": {**_ALIASES, **groups[""], _PROOF_TYPE: proof}}


def _in_full(name: str) -> str:
    prefix, _, rest = name.partition(":")
    return _PREFIXES[prefix] + rest if prefix in _PREFIXES else name


def _definition(row: dict[str, str]) -> Any:
    if not row["type"] and not row["container"]:
        return row["iri"]
    members = {"@id": row["iri"], "@type": row["type"], "@container": row["container"]}
    return {name: value for name, value in members.items() if value}


def _sealed() -> dict[str, Any]:
    return {
        "entityIdSealed": "ngsi-ld:entityIdSealed",
        "entityTypeSealed": {"@id": "ngsi-ld:entityTypeSealed", "@type": "@vocab"},
    }
