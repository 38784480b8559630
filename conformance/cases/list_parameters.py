"""Parameters of queries that shape every entity of a list. (4.5, 4.15, 4.21, 6.3.7, 6.4.3.2, 6.23)"""

from conformance.case import case
from conformance.entity import json_property, lang, point, prop, rel, vehicle, vocab
from conformance.subject import GEO_JSON, Subject

FEATURE = "Forms of lists"
QUERY = "/entityOperations/query"


@case("4.5.4, 6.3.7", "options=simplified and keyValues give plain values", feature=FEATURE)
async def simplified(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=55))
    for given in ({"options": "simplified"}, {"options": "keyValues"}, {"format": "simplified"}):
        answer = await broker.send("GET", "/entities", params={"type": made.type, **given})
        answer.status(200).body.equals([{"id": made.id, "type": made.type, "speed": 55}])


@case("6.3.7", "normalized is what is given without asking", feature=FEATURE)
async def normalized(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=55))
    (await broker.get("/entities", type=made.type, format="normalized")).status(200).body.equals([made])
    (await broker.get(made.path, options="normalized")).status(200).body.equals(made)


@case("6.3.7", "format goes before options", feature=FEATURE)
async def format_first(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=55))
    answer = await broker.get(made.path, format="simplified", options="normalized")
    answer.status(200).body.at("speed").equals(55)


@case("6.3.11", "sysAttrs shows the system's times of each entity", feature=FEATURE)
async def system_times(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=55))
    answer = await broker.get("/entities", type=made.type, options="sysAttrs")
    for path in ((), ("speed",)):
        answer.status(200).body.at(0, *path, "createdAt").is_time()
        answer.body.at(0, *path, "modifiedAt").is_time()
    (await broker.get("/entities", type=made.type)).body.at(0).lacks("createdAt", "modifiedAt")


@case("6.3.11, 6.3.7", "sysAttrs goes with simplified", feature=FEATURE)
async def system_times_simplified(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=55))
    answer = await broker.get("/entities", type=made.type, options="simplified,sysAttrs")
    answer.status(200).body.at(0).has(speed=55).at("createdAt").is_time()


@case("4.21, 6.4.3.2", "omit leaves members out of each entity", feature=FEATURE)
async def omit(broker: Subject) -> None:
    one, two = await broker.have_all(vehicle(speed=1, doors=4), vehicle(speed=2, doors=5))
    answer = await broker.get("/entities", type=one.type, omit="speed")
    answer.status(200).body.unordered([one.of(speed=None), two.of(speed=None)])


@case("4.15, 6.4.3.2", "lang chooses one language in each entity", feature=FEATURE)
async def language(broker: Subject) -> None:
    one, _ = await broker.have_all(
        vehicle(label=lang({"en": "a", "ja": "い"})), vehicle(label=lang({"en": "b"}))
    )
    answer = await broker.get(
        "/entities", type=one.type, lang="ja,en;q=0.5", format="simplified", pick="label"
    )
    answer.status(200).body.unordered([{"label": "い"}, {"label": "b"}])


@case("4.5.5, 6.4.3.2", "datasetId chooses instances in each entity", feature=FEATURE)
async def datasets(broker: Subject) -> None:
    extra = "urn:ngsi-ld:dataset:gps"
    made = await broker.have(vehicle(speed=[prop(55), prop(54, datasetId=extra)]))
    answer = await broker.get("/entities", type=made.type, datasetId=extra)
    answer.status(200).body.at(0, "speed").equals(prop(54, datasetId=extra))
    answer = await broker.get("/entities", type=made.type, datasetId="@none")
    answer.status(200).body.at(0, "speed").equals(prop(55))


@case("4.5.16, 6.3.15", "geometryProperty names the place of each Feature", feature=FEATURE)
async def geometry_property(broker: Subject) -> None:
    made = await broker.have(vehicle(location=point(1, 1), base=point(2, 2)))
    answer = await broker.get(
        "/entities", headers={"Accept": GEO_JSON}, type=made.type, geometryProperty="base"
    )
    answer.status(200).body.at("features", 0, "geometry", "coordinates").equals([2, 2])


@case(
    "4.5.23.2, 6.4.3.2",
    "join=inline works on lists, and containedBy keeps out what the reader has",
    feature=FEATURE,
)
async def joined(broker: Subject) -> None:
    first = await broker.have({"type": "Company", "name": prop("One")})
    second = await broker.have({"type": "Company", "name": prop("Two")})
    made = await broker.have(vehicle(owner=rel(first), user=rel(second)))
    asked = {"type": made.type, "join": "inline", "joinLevel": 1}
    answer = await broker.send("GET", "/entities", params=asked)
    answer.status(200).body.at(0, "owner", "entity").has(id=first.id)
    answer = await broker.send("GET", "/entities", params={**asked, "containedBy": first.id})
    answer.status(200).body.at(0, "user", "entity").has(id=second.id)
    answer.body.at(0, "owner").lacks("entity")


@case("4.9, 6.4.3.2", "jsonKeys names attributes whose values are plain JSON", feature=FEATURE)
async def json_keys(broker: Subject) -> None:
    one, _ = await broker.have_all(
        vehicle(data=json_property({"a": "x"})), vehicle(data=json_property({"a": "y"}))
    )
    answer = await broker.get("/entities", type=one.type, q='data[a]=="x"', jsonKeys="data")
    answer.status(200).body.ids(one)


@case("6.4.3.2", "splitEntities changes nothing where no entity is split", feature=FEATURE)
async def split(broker: Subject) -> None:
    one, _ = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    for wanted in (True, False):
        answer = await broker.get("/entities", type=one.type, q="speed==1", splitEntities=wanted)
        answer.status(200).body.equals([one])


@case("6.3.18", "local=true is taken by all ways of discovery", feature=FEATURE, needs=("discovery",))
async def local_discovery(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=55))
    (await broker.get("/types", local=True)).status(200).body.at("typeList").contains(made.type)
    (await broker.get(f"/types/{made.type}", local=True)).status(200).body.has(entityCount=1)
    (await broker.get("/attributes", local=True)).status(200).body.at("attributeList").contains("speed")
    (await broker.get("/attributes/speed", local=True)).status(200).body.at("typeNames").contains(made.type)


@case("6.23.3.1, 6.3.11", "a POSTed query has the forms of a list", feature=FEATURE, needs=("batch",))
async def posted(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=55))
    query = {"type": "Query", "entities": [{"type": made.type}]}
    plain = {"id": made.id, "type": made.type}
    (await broker.post(QUERY, query, options="simplified")).status(200).body.equals([{**plain, "speed": 55}])
    (await broker.post(QUERY, query, format="simplified")).status(200).body.equals([{**plain, "speed": 55}])
    (await broker.post(QUERY, query, options="concise")).body.at(0, "speed").one_of(55, {"value": 55})
    (await broker.post(QUERY, query, options="normalized")).status(200).body.equals([made])
    (await broker.post(QUERY, query, options="sysAttrs")).status(200).body.at(0, "createdAt").is_time()


@case("6.23.3.1, 6.3.10", "a POSTed query has pages", feature=FEATURE, needs=("batch",))
async def posted_pages(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2), vehicle(speed=3))
    query = {"type": "Query", "entities": [{"type": made[0].type}]}
    first = (await broker.post(QUERY, query, limit=2, offset=0)).status(200)
    second = (await broker.post(QUERY, query, limit=2, offset=2)).status(200)
    second.body.counts(1)
    first.body.counts(2).holds(
        sorted(e["id"] for e in first.json + second.json) == sorted(e.id for e in made),
        "and the next page together have each entity once",
    )


@case(
    "6.23.3.1, 6.3.15",
    "a POSTed query gives Features, with the place asked for",
    feature=FEATURE,
    needs=("batch",),
)
async def posted_features(broker: Subject) -> None:
    made = await broker.have(vehicle(location=point(1, 1), base=point(2, 2)))
    query = {"type": "Query", "entities": [{"type": made.type}]}
    answer = await broker.post(QUERY, query, headers={"Accept": GEO_JSON}, geometryProperty="base")
    answer.status(200).media(GEO_JSON).body.at("features", 0, "geometry", "coordinates").equals([2, 2])


@case("4.5.20, 6.4.3.2", "expandValues expands with the @context of the request", feature=FEATURE)
async def expand_values(broker: Subject) -> None:
    context = await broker.context_server(
        {"diesel": "https://fuel.example/diesel", "fuel": "https://fuel.example/fuel"}
    )
    made = await broker.have(vehicle(fuel=vocab("diesel")), context=context.url)
    answer = await broker.get(
        "/entities", context=context.url, type=made.type, q='fuel=="diesel"', expandValues="fuel"
    )
    answer.status(200).body.ids(made)


@case("4.23.2, 6.4.3.2", "collation orders texts as a language does", feature=FEATURE)
async def collation(broker: Subject) -> None:
    zebra, oe = await broker.have_all(vehicle(name="z"), vehicle(name="ö"))
    asked = {"type": zebra.type, "orderBy": "name", "local": True}
    answer = await broker.send("GET", "/entities", params={**asked, "collation": "sv"})
    answer.status(200).body.ids(zebra, oe, ordered=True)
    answer = await broker.send("GET", "/entities", params={**asked, "collation": "de"})
    answer.status(200).body.ids(oe, zebra, ordered=True)


@case("4.9, 6.4.3.2", "csf chooses sources, not entities held here; a bad one is refused", feature=FEATURE)
async def source_filter(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=1))
    (await broker.get("/entities", type=made.type, csf='registrationName=="other"')).status(200).body.ids(
        made
    )
    (await broker.get("/entities", type=made.type, csf="registrationName>>")).refused(400, "BadRequestData")


@case(
    "4.5.25, 6.4.3.2", "an entity map made by a query lives as asked", feature=FEATURE, needs=("entity maps",)
)
async def map_lifetime(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=1))
    ends = []
    for lifetime in ("PT1H", "PT2H"):
        answer = await broker.get("/entities", type=made.type, entityMap=True, entityMapLifetime=lifetime)
        place = answer.status(200, 201).header("NGSILD-EntityMap").headers["NGSILD-EntityMap"]
        found = (await broker.get(f"/entityMaps/{place.rpartition('/')[2]}")).status(200)
        ends.append(found.body.at("expiresAt").is_time().value)
    found.body.holds(ends[0] <= ends[1], "ends after the one that was asked to live an hour", str(ends))
