"""The resource /subscriptions over HTTP. (5.8.1-5.8.5, 6.10, 6.11)"""

from typing import Any

import pytest

from tests.live import Live

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
ID = "urn:ngsi-ld:Subscription:1"


def body(**members: Any) -> dict[str, Any]:
    made = {
        "id": ID,
        "type": "Subscription",
        "entities": [{"type": "Shelter"}],
        "notification": {"endpoint": {"uri": "http://127.0.0.1:9/notify"}},
        **members,
    }
    return {name: value for name, value in made.items() if value is not ...}


async def test_creates_retrieves_updates_and_deletes(live: Live) -> None:
    created = await live.post("/subscriptions", body())
    assert created.status == 201 and created.headers["Location"] == f"/ngsi-ld/v1/subscriptions/{ID}"
    shown = (await live.get(f"/subscriptions/{ID}")).json
    context = shown.pop("jsonldContext")
    assert context.startswith("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context")
    assert shown == body(notificationTrigger=["attributeCreated", "attributeUpdated"], status="active")
    assert (await live.ask("PATCH", f"/subscriptions/{ID}", {"description": "x"})).status == 204
    assert (await live.get(f"/subscriptions/{ID}")).json["description"] == "x"
    assert (await live.ask("DELETE", f"/subscriptions/{ID}")).status == 204
    for method in ("GET", "DELETE"):
        gone = await live.ask(method, f"/subscriptions/{ID}")
        assert gone.status == 404 and gone.json["type"] == ERRORS + "ResourceNotFound"


async def test_makes_an_id_where_none_is_given(live: Live) -> None:
    created = await live.post("/subscriptions", body(id=...))
    id = created.headers["Location"].rpartition("/")[2]
    assert id.startswith("urn:ngsi-ld:Subscription:")
    assert (await live.get(f"/subscriptions/{id}")).status == 200


async def test_refuses_the_same_subscription_twice(live: Live) -> None:
    await live.post("/subscriptions", body())
    again = await live.post("/subscriptions", body())
    assert again.status == 409 and again.json["type"] == ERRORS + "AlreadyExists"


@pytest.mark.parametrize(
    ("members", "status", "kind"),
    [
        ({"q": "a=="}, 400, "BadRequestData"),
        ({"csf": "(("}, 400, "BadRequestData"),
        ({"scopeQ": "a b"}, 400, "BadRequestData"),
        ({"lang": "!"}, 400, "BadRequestData"),
        ({"geoQ": {"georel": "near", "geometry": "Point", "coordinates": [1, 2]}}, 400, "BadRequestData"),
        ({"geoQ": {"georel": "within", "geometry": "Point", "coordinates": [1]}}, 400, "BadRequestData"),
        ({"entities": [{"type": "A", "idPattern": "("}]}, 400, "BadRequestData"),
        ({"jsonldContext": "http://127.0.0.1:9/context.jsonld"}, 504, "LdContextNotAvailable"),
        ({"notification": {"endpoint": {"uri": "mqtt://h"}}}, 400, "BadRequestData"),
    ],
    ids=str,
)
async def test_refuses_queries_and_contexts_it_cannot_use(
    live: Live, members: Any, status: int, kind: str
) -> None:
    reply = await live.post("/subscriptions", body(**members))
    assert (reply.status, reply.json["type"]) == (status, ERRORS + kind)
    assert (await live.get("/subscriptions")).json == []
    await live.post("/subscriptions", body())
    changed = await live.ask("PATCH", f"/subscriptions/{ID}", members)
    assert (changed.status, changed.json["type"]) == (status, ERRORS + kind)


async def test_pages_through_subscriptions(live: Live) -> None:
    ids = [f"urn:ngsi-ld:Subscription:{n}" for n in range(5)]
    for id in ids:
        await live.post("/subscriptions", body(id=id))
    page = await live.get("/subscriptions", limit=2, offset=2, count="true")
    assert [one["id"] for one in page.json] == ids[2:4]
    assert page.headers["NGSILD-Results-Count"] == "5"
    links = ", ".join(page.headers.getall("Link"))
    assert "limit=2&offset=4" in links and "limit=2&offset=0" in links
    last = await live.get("/subscriptions", limit=2, offset=4)
    assert 'rel="next"' not in ", ".join(last.headers.getall("Link", ()))


async def test_shows_names_in_the_context_of_the_reader(live: Live) -> None:
    context = {"Shelter": "https://city.example/Shelter", "beds": "https://city.example/beds"}
    made = body(watchedAttributes=["beds"], q="beds>5", **{"@context": context})
    assert (await live.post("/subscriptions", made)).status == 201
    shown = (await live.get(f"/subscriptions/{ID}")).json
    assert shown["entities"] == [{"type": "https://city.example/Shelter"}]
    assert shown["watchedAttributes"] == ["https://city.example/beds"]
    assert shown["q"] == "beds>5"
    assert shown["jsonldContext"].startswith("http")
    accept = {"Accept": "application/ld+json"}
    assert "@context" in (await live.get(f"/subscriptions/{ID}", headers=accept)).json


async def test_shows_times_when_asked_for(live: Live) -> None:
    await live.post("/subscriptions", body())
    shown = (await live.get(f"/subscriptions/{ID}", options="sysAttrs")).json
    assert shown["createdAt"] == shown["modifiedAt"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_refuses_ids_that_are_no_uri(live: Live, method: str) -> None:
    reply = await live.ask(method, "/subscriptions/none", {"q": "a"} if method == "PATCH" else None)
    assert reply.status == 400 and reply.json["type"] == ERRORS + "BadRequestData"


async def test_an_unknown_tenant_is_made_by_creation_only(live: Live) -> None:
    tenant = {"NGSILD-Tenant": "harbour"}
    assert (await live.get("/subscriptions", headers=tenant)).status == 404
    assert (await live.ask("DELETE", f"/subscriptions/{ID}", headers=tenant)).status == 404
    assert (await live.post("/subscriptions", body(q="("), headers=tenant)).status == 400
    assert not live.broker.catalogue.exists("harbour")
    assert (await live.post("/subscriptions", body(), headers=tenant)).status == 201
    assert len((await live.get("/subscriptions", headers=tenant)).json) == 1
    assert (await live.get("/subscriptions")).json == []
