"""Requests to context sources: what their registrations convey, and in whose names they are. (4.3.6.4 to 4.3.6.6)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.api.request import parameters
from broker.federation import Request
from tests.federation.fakes import ENTITY, ask, fake
from tests.live import Live, live_broker

WORDS = {"避難所": "https://example.org/Shelter", "名前": "https://example.org/name"}
OTHER = {"Shelter": "https://example.org/Shelter", "title2": "https://example.org/name"}
LD = "application/ld+json"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path, alias="yabu") as running:
        yield running


def info(**pairs: str) -> list[dict[str, str]]:
    return [{"key": name.replace("_", "-"), "value": value} for name, value in pairs.items()]


@pytest.mark.parametrize(
    ("form", "path"),
    [
        ("{}", "/ngsi-ld/v1/entities?type=Shelter"),
        ("{}/", "/ngsi-ld/v1/entities?type=Shelter"),
        ("{}/town/a", "/town/a/ngsi-ld/v1/entities?type=Shelter"),
        ("{}/town/a/", "/town/a/ngsi-ld/v1/entities?type=Shelter"),
        ("{}/ngsi-ld/v1", "/ngsi-ld/v1/entities?type=Shelter"),
        ("{}/town/ngsi-ld/v1/", "/town/ngsi-ld/v1/entities?type=Shelter"),
        ("{}/town?key=1", "/town/ngsi-ld/v1/entities?key=1&type=Shelter"),
    ],
)
async def test_an_endpoint_may_have_a_path_and_end_in_a_slash(live: Live, form: str, path: str) -> None:
    async with fake() as source:
        outcome = await ask(live, form.format(source.url))
        assert outcome.body == [ENTITY] and outcome.failure is None
        assert source.last.path == path


async def test_parameters_arrive_as_they_were_in_the_order_of_their_names(live: Live) -> None:
    q = 'name=="a;b+c d&e#f";size>1|x~=^é%'
    async with fake() as source:
        await ask(live, source.url, Request("GET", "/entities", {"q": q, "attrs": "b,a"}))
        assert source.last.path.startswith("/ngsi-ld/v1/entities?attrs=b,a&q=")
        assert params_of(source.last.path) == {"q": q, "attrs": "b,a"}


def params_of(path: str) -> dict[str, str]:
    return dict(parameters(path.partition("?")[2]))


async def test_every_request_names_tenant_context_and_the_brokers_it_came_through(live: Live) -> None:
    async with fake() as source:
        await ask(live, source.url, tenant="water", via=("toyooka", "asago"))
        headers = source.last.headers
        assert headers["NGSILD-Tenant"] == "water" and headers["Accept"] == "application/json"
        assert headers["Via"] == "1.1 toyooka, 1.1 asago, 1.1 yabu"
        assert headers["Link"].startswith("<https://uri.etsi.org/") and "json-ld#context" in headers["Link"]
        await ask(live, source.url, tenant_here="water")
        assert "NGSILD-Tenant" not in source.last.headers
        assert (
            source.last.headers["Via"].startswith("1.1 yabu.") and "water" not in source.last.headers["Via"]
        )


async def test_conveys_what_the_registration_says(live: Live) -> None:
    pairs = info(Authorization="Bearer x", X_Town="養父".encode().decode("latin-1"))
    async with fake() as source:
        await ask(live, source.url, contextSourceInfo=pairs)
        assert source.last.headers["Authorization"] == "Bearer x" and "X-Town" in source.last.headers


async def test_passes_on_headers_of_the_request_where_they_are_there(live: Live) -> None:
    pairs = info(user="urn:ngsi-ld:request", Authorization="urn:ngsi-ld:request")
    async with fake() as source:
        await ask(live, source.url, contextSourceInfo=pairs, headers={"user": "abcd"})
        assert source.last.headers["user"] == "abcd" and "Authorization" not in source.last.headers


async def test_headers_of_connection_and_interaction_cannot_be_set(live: Live) -> None:
    names = (
        "Host",
        "Content-Length",
        "Connection",
        "Transfer-Encoding",
        "NGSILD-Tenant",
        "Via",
        "Link",
        "TE",
    )
    pairs = [{"key": name, "value": "evil"} for name in (*names, "Content-Type", "Expect", "Upgrade")]
    async with fake() as source:
        outcome = await ask(live, source.url, contextSourceInfo=pairs)
        assert outcome.failure is None
        assert "evil" not in str(dict(source.last.headers)) and "NGSILD-Tenant" not in source.last.headers


async def test_a_source_may_be_asked_for_its_own_data_only(live: Live) -> None:
    async with fake() as source:
        await ask(live, source.url, management={"localOnly": True})
        assert source.last.path.endswith("?local=true&type=Shelter")


async def test_answers_with_an_context_of_their_own_are_read_in_the_names_of_the_request(live: Live) -> None:
    async with fake() as source:
        source.context = OTHER
        source.body = [
            {**ENTITY, "title2": ENTITY["name"], "@context": source.url + "/context"},
            {"id": "urn:ngsi-ld:Shelter:2", "type": "S", "@context": [{"S": "https://example.org/Shelter"}]},
        ]
        source.headers = {"Content-Type": LD}
        outcome = await ask(live, source.url, contextSourceInfo=info(accept=LD), context=WORDS)
        assert source.last.headers["Accept"] == LD
        assert outcome.body[0]["type"] == "避難所" and outcome.body[0]["名前"] == ENTITY["name"]
        assert outcome.body[1] == {"id": "urn:ngsi-ld:Shelter:2", "type": "避難所"}


async def test_the_link_of_an_answer_says_in_whose_names_it_is(live: Live) -> None:
    async with fake({"id": "urn:x:1", "type": "Shelter", "title2": ENTITY["name"]}) as source:
        source.context = OTHER
        link = f'</context>; rel="http://www.w3.org/ns/json-ld#context"; type="{LD}"'
        source.headers = {"Link": link}
        outcome = await ask(live, source.url, Request("GET", "/entities/urn:x:1"), context=WORDS)
        assert outcome.body == {"id": "urn:x:1", "type": "避難所", "名前": ENTITY["name"]}


async def test_writes_everything_with_the_context_that_the_source_wants(live: Live) -> None:
    async with fake() as source:
        source.context = OTHER
        pairs = info(jsonldContext=source.url + "/context")
        source.body = [{"id": "urn:x:1", "type": "Shelter", "title2": {"type": "Property", "value": 5}}]
        params = {
            "type": "(避難所;Other)|避難所",
            "attrs": "名前,x",
            "pick": "id,名前{x}",
            "q": '名前[a.b]=="b"|!名前;x.名前~=^a(b|c)',
            "orderBy": "名前;desc,x",
            "geoproperty": "名前",
        }
        request = Request("GET", "/entities", params)
        outcome = await ask(live, source.url, request, contextSourceInfo=pairs, context=WORDS)
        assert params_of(source.last.path) == {
            "type": "(Shelter;Other)|Shelter",
            "attrs": "title2,x",
            "pick": "id,title2{x}",
            "q": 'title2[a.b]=="b"|(!title2;x.title2~="^a(b|c)")',
            "orderBy": "title2;desc,x",
            "geoproperty": "title2",
        }
        assert source.url + "/context" in source.last.headers["Link"]
        assert outcome.body[0] == {
            "id": "urn:x:1",
            "type": "避難所",
            "名前": {"type": "Property", "value": 5},
        }


async def test_writes_payloads_with_the_context_that_the_source_wants(live: Live) -> None:
    entity = {
        "id": "urn:x:1",
        "type": ["避難所"],
        "名前": [
            {
                "type": "Property",
                "value": {"名前": 1, "b": [{"名前": 2}]},
                "名前": {"type": "VocabProperty", "vocab": "避難所"},
            },
            {"type": "LanguageProperty", "languageMap": {"名前": "kept"}, "datasetId": "urn:x:2"},
        ],
        "where": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
    }
    async with fake(None, status=201) as source:
        source.context = OTHER
        pairs = info(jsonldContext=source.url + "/context", contentType=LD)
        request = Request("POST", "/entities/urn:x:1/attrs/%E5%90%8D%E5%89%8D", body=entity)
        await ask(live, source.url, request, contextSourceInfo=pairs, context=WORDS)
        assert source.last.path == "/ngsi-ld/v1/entities/urn:x:1/attrs/title2"
        assert source.last.headers["Content-Type"] == "application/json"
        assert source.last.body == {
            "id": "urn:x:1",
            "type": ["Shelter"],
            "title2": [
                {
                    "type": "Property",
                    "value": {"title2": 1, "b": [{"title2": 2}]},
                    "title2": {"type": "VocabProperty", "vocab": "Shelter"},
                },
                {"type": "LanguageProperty", "languageMap": {"名前": "kept"}, "datasetId": "urn:x:2"},
            ],
            "where": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
        }


async def test_writes_queries_and_subscriptions_with_the_context_that_the_source_wants(live: Live) -> None:
    query: dict[str, Any] = {
        "type": "Query",
        "entities": [{"type": "避難所|x", "idPattern": "避難所"}],
        "attrs": ["名前"],
        "q": "名前>5",
        "geoQ": {"geoproperty": "名前", "georel": "within"},
        "ordering": {"orderBy": ["名前;desc"]},
    }
    subscription = {
        "type": "Subscription",
        "entities": [{"type": "避難所"}],
        "watchedAttributes": ["名前"],
        "notification": {"attributes": ["名前"], "endpoint": {"uri": "http://x/名前"}},
    }
    async with fake([]) as source:
        source.context = OTHER
        told: dict[str, Any] = {
            "contextSourceInfo": info(jsonldContext=source.url + "/context"),
            "context": WORDS,
        }
        await ask(live, source.url, Request("POST", "/entityOperations/query", body=query), **told)
        assert source.last.body == {
            "type": "Query",
            "entities": [{"type": "Shelter|x", "idPattern": "避難所"}],
            "attrs": ["title2"],
            "q": "title2>5",
            "geoQ": {"geoproperty": "title2", "georel": "within"},
            "ordering": {"orderBy": ["title2;desc"]},
        }
        await ask(live, source.url, Request("POST", "/subscriptions", body=subscription), **told)
        assert source.last.body["entities"] == [{"type": "Shelter"}]
        assert source.last.body["notification"] == {
            "attributes": ["title2"],
            "endpoint": {"uri": "http://x/名前"},
        }


async def test_a_payload_holds_its_context_if_the_source_wants_so(live: Live) -> None:
    async with fake(None, status=201) as source:
        source.context = WORDS
        told: dict[str, Any] = {"contextSourceInfo": info(contentType=LD), "context": source.url + "/context"}
        await ask(
            live, source.url, Request("POST", "/entities", body={"id": "urn:x:1", "type": "避難所"}), **told
        )
        assert source.last.headers["Content-Type"] == LD and "Link" not in source.last.headers
        assert source.last.body == {"id": "urn:x:1", "type": "避難所", "@context": source.url + "/context"}
        await ask(live, source.url, Request("POST", "/entityOperations/delete", body=["urn:x:1"]), **told)
        assert source.last.headers["Content-Type"] == "application/json" and source.last.body == ["urn:x:1"]
        assert source.url + "/context" in source.last.headers["Link"]


async def test_no_source_has_to_come_back_for_the_context_of_a_payload(live: Live) -> None:
    async with fake(None, status=201) as source:
        body = {"id": "urn:x:1", "type": "避難所"}
        await ask(live, source.url, Request("POST", "/entities", body=body), context=WORDS)
        assert source.last.headers["Content-Type"] == LD and source.last.body == {**body, "@context": WORDS}
        source.status, source.body = 200, [{"id": "urn:x:1", "type": "https://example.org/Shelter"}]
        request = Request("GET", "/entities", {"type": "避難所"})
        outcome = await ask(live, source.url, request, context=WORDS)
        assert source.last.path.endswith("?type=https://example.org/Shelter")
        assert source.last.headers["Link"].startswith("<https://uri.etsi.org/")
        assert outcome.body == [{"id": "urn:x:1", "type": "避難所"}]


async def test_a_source_of_an_earlier_version_gets_what_it_understands(live: Live) -> None:
    body = {
        "id": "urn:x:1",
        "type": ["A", "B"],
        "scope": "/a",
        "expiresAt": "2050-01-01T00:00:00Z",
        "a": [
            {"type": "Property", "value": 1, "datasetId": "urn:x:2"},
            {"type": "Property", "value": 2, "unitCode": "C"},
        ],
        "b": {"type": "JsonProperty", "json": {"scope": 1}, "c": {"type": "VocabProperty", "vocab": "x"}},
        "d": {"languageMap": {"ja": "x"}},
        "e": {"type": "ListRelationship", "objectList": ["urn:x:3"], "objectType": "T"},
    }
    async with fake(None, status=201) as source:
        pairs = info(ngsildConformance="1.0")
        await ask(live, source.url, Request("POST", "/entities", body=body), contextSourceInfo=pairs)
        assert source.last.body == {
            "id": "urn:x:1",
            "type": "A",
            "a": {"type": "Property", "value": 2},
            "b": {"type": "Property", "value": {"scope": 1}, "c": {"type": "Property", "value": "x"}},
            "d": {"value": {"ja": "x"}},
            "e": {"type": "Relationship", "object": ["urn:x:3"]},
        }
        pairs = info(ngsildConformance="1.8")
        await ask(live, source.url, Request("POST", "/entities", body=body), contextSourceInfo=pairs)
        assert source.last.body == {name: value for name, value in body.items() if name != "expiresAt"}
        request = Request(
            "PATCH", "/entities/urn:x:1/attrs/b", body={"json": 5, "valueType": "x"}, merge_patch=True
        )
        await ask(live, source.url, request, contextSourceInfo=info(ngsildConformance="1.7"))
        assert source.last.body == {"value": 5}


async def test_counts_for_the_registration_and_forgets_nothing_over_a_restart(tmp_path: Path) -> None:
    async with fake() as source:
        body = {
            "id": "urn:ngsi-ld:ContextSourceRegistration:1",
            "type": "ContextSourceRegistration",
            "endpoint": source.url,
            "information": [{"entities": [{"type": "Shelter"}]}],
        }
        path = "/csourceRegistrations/" + str(body["id"])
        async with live_broker(tmp_path) as live:
            await live.post("/csourceRegistrations", body)
            before = (await live.get(path, options="sysAttrs")).json
            assert (await live.get("/entities", type="Shelter")).status == 200
            shown = (await live.get(path, options="sysAttrs")).json
            assert shown["timesSent"] == 1 and shown["status"] == "ok" and "timesFailed" not in shown
            source.status = 500
            assert (await live.get("/entities", type="Shelter")).status == 200
            shown = (await live.get(path, options="sysAttrs")).json
            assert (shown["timesSent"], shown["timesFailed"], shown["status"]) == (2, 1, "failed")
            assert (
                shown["lastFailure"] >= shown["lastSuccess"] and shown["modifiedAt"] == before["modifiedAt"]
            )
        async with live_broker(tmp_path) as live:
            again = (await live.get(path, options="sysAttrs")).json
            assert again == shown
            await live.ask("PATCH", path, {"description": "d"})
            assert (await live.get(path)).json["timesSent"] == 2


async def test_an_answer_is_used_again_for_as_long_as_the_registration_says(live: Live) -> None:
    told: dict[str, Any] = {
        "management": {"cacheDuration": "PT1H"},
        "contextSourceInfo": info(user="urn:ngsi-ld:request"),
    }
    async with fake() as source:
        first = await ask(live, source.url, headers={"user": "a"}, **told)
        again = await ask(live, source.url, headers={"user": "a"}, **told)
        assert again.stale and not first.stale and again.body == first.body == [ENTITY]
        assert not (await ask(live, source.url, headers={"user": "b"}, **told)).stale
        assert len(source.seen) == 2
        await ask(live, source.url, Request("DELETE", "/entities/urn:x:1"), **told)
        assert not (await ask(live, source.url, headers={"user": "a"}, **told)).stale
        source.status = 500
        assert (await ask(live, source.url, headers={"user": "c"}, **told)).status == 500
        source.status = 200
        assert not (await ask(live, source.url, headers={"user": "c"}, **told)).stale


async def test_metrics_tell_what_became_of_requests(live: Live) -> None:
    async with fake() as source:
        await ask(live, source.url)
        source.status = 500
        await ask(live, source.url)
    await ask(live, source.url)
    async with live.session.get(f"{live.url}/metrics") as reply:
        text = await reply.text()
    for outcome, number in (("answered", 1), ("refused", 1), ("unanswered", 1), ("invalid", 0), ("kept", 0)):
        assert f'engawa_broker_sources_requests_total{{outcome="{outcome}"}} {number}.0' in text
    assert "engawa_broker_sources_seconds_count 3.0" in text
