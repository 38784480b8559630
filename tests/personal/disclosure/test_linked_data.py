"""Disclosures as NGSI-LD: entities of type Person by a Query in the body. (ETSI GS CIM 009 5.2.23, 6.23)"""

from typing import Any

import pyld.jsonld
import pytest

from personal.operations.releasing import RECEIPT
from personal.vault import signing
from schemas import core_contexts
from schemas.personal.catalogue import VOCABULARY
from tests.personal.disclosure.sharing import (
    ALLERGIES,
    CARE,
    PHONE,
    PURPOSE,
    agree,
    hold,
    leaves,
    name,
    service,
)
from tests.personal.live import Live, Reply

PATH = "/ngsi-ld/v1/entityOperations/query"
URN = "urn:ngsi-ld:Person:"


async def query(live: Live, token: str, names: list[str], *picked: str, **more: Any) -> Reply:
    body = {
        "type": "Query",
        "entities": [{"id": URN + one, "type": "Person"} for one in names],
        "pick": list(picked),
        "purpose": PURPOSE,
    }
    return await live.post(PATH, {**body, **more.pop("body", {})}, by=token, **more)


async def three(live: Live) -> tuple[str, list[str]]:
    """Register three residents, of whom two share; give the token and all names."""
    token, names = await service(live, "shelter", "allergies", "care-needs"), []
    for number in range(3):
        person = await live.register(f"resident{number}")
        await hold(live, person, allergies=ALLERGIES, care_needs=CARE, contact=PHONE)
        if number:
            await agree(live, person, "shelter", "care-needs")
        names.append(await name(live, person, "shelter"))
    return token, names


async def test_persons_come_with_what_was_agreed_and_nothing_else(live: Live) -> None:
    token, names = await three(live)
    before = len(leaves(live))
    reply = await query(live, token, [*names, "p1." + "A" * 43], "careNeeds", "allergies", "contact")
    assert reply.status == 200, reply.raw
    assert reply.headers["Content-Type"] == "application/ld+json"
    assert [(one["id"], one["type"]) for one in reply.json] == [(URN + one, "Person") for one in names[1:]]
    for one in reply.json:
        assert one["careNeeds"] == {"type": "Property", "value": CARE}
        assert set(one) == {"id", "type", "careNeeds", "@context"}
    kinds = [(leaf["kind"], leaf["outcome"]) for leaf in leaves(live)[before:]]
    assert kinds == [
        ("disclosure-refused", "nothing"),
        ("disclosure", "part"),
        ("disclosure", "part"),
        ("disclosure-refused", "unknown-subject"),
    ]


async def test_the_answer_is_json_ld_of_the_core_context(live: Live) -> None:
    token, names = await three(live)
    (entity,) = (await query(live, token, names[1:2], VOCABULARY + "careNeeds")).json

    def load(url: str, _: Any) -> dict[str, Any]:
        known = {
            core_contexts.CORE_URL: core_contexts.document,
            core_contexts.PROOF_URL: core_contexts.proof_document,
        }
        return {"contextUrl": None, "documentUrl": url, "document": known[url]()}

    (expanded,) = pyld.jsonld.expand(entity, {"documentLoader": load})
    assert expanded["@type"] == [VOCABULARY + "Person"]
    assert VOCABULARY + "careNeeds" in expanded


async def test_simplified_pages_and_counts(live: Live) -> None:
    token, names = await three(live)
    params = {"options": "keyValues", "limit": "1", "offset": "1", "count": "true"}
    reply = await query(live, token, names, "care-needs", params=params)
    assert [one["careNeeds"] for one in reply.json] == [CARE]
    assert reply.headers["NGSILD-Results-Count"] == "3"
    body = {"attrs": ["careNeeds"]}
    attrs = await live.post(
        PATH,
        {"type": "Query", "entities": [{"id": URN + names[1], "type": "Person"}], "purpose": PURPOSE, **body},
        by=token,
        headers={"Content-Type": "application/ld+json"},
    )
    assert [one["id"] for one in attrs.json] == [URN + names[1]]


async def test_the_receipt_names_nobody(live: Live) -> None:
    token, names = await three(live)
    reply = await query(live, token, names, "careNeeds")
    (key,) = (await live.get("/keys")).json["keys"]
    claims = signing.opened(reply.headers["Engawa-Receipt"], key, RECEIPT)
    assert (claims["aud"], claims["subjects"], claims["purpose"]) == ("shelter", 2, PURPOSE)
    assert not {"sub", "items"} & claims.keys()


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Entities"},
        {"entities": [{"id": "urn:ngsi-ld:Person:r_1", "type": "Person"}]},
        {"entities": [{"type": "Person"}]},
        {"entities": [{"idPattern": ".*", "type": "Person"}]},
        {"pick": ["household"]},
        {"q": "allergies"},
    ],
)
async def test_what_is_no_such_query_is_a_problem_of_ngsi_ld(live: Live, change: dict[str, Any]) -> None:
    token, names = await three(live)
    reply = await query(live, token, names, "careNeeds", body=change)
    assert reply.status == 400
    assert reply.json["type"] == "https://uri.etsi.org/ngsi-ld/errors/BadRequestData"
    assert all(one not in reply.raw.decode() for one in names)


@pytest.mark.parametrize("params", [{"limit": "101"}, {"limit": "x"}, {"options": "concise"}, {"q": "x"}])
async def test_a_parameter_that_is_not_served_is_refused(live: Live, params: dict[str, str]) -> None:
    token, names = await three(live)
    assert (await query(live, token, names, "careNeeds", params=params)).status == 400


async def test_nobody_is_found_by_url(live: Live) -> None:
    token, names = await three(live)
    reply = await live.get(f"/ngsi-ld/v1/entities/{URN}{names[0]}", by=token)
    assert (reply.status, reply.headers["Allow"]) == (405, "")
    assert "body" in reply.json["detail"]
    assert names[0] not in reply.raw.decode()
