"""Answers and notifications amended to an earlier version of the specification. (4.3.6.8, 6.3.21)"""

from typing import Any

from conformance.answer import Answer
from conformance.case import case
from conformance.entity import json_property, lang, list_property, list_rel, prop, rel, vehicle, vocab
from conformance.subject import Subject

FEATURE = "Versions"
NEEDS = ("versions",)


async def amended(broker: Subject, version: str, **attributes: Any) -> Answer:
    """Read an entity as an earlier version has it, demanding 203 and Preference-Applied."""
    entity = await broker.have(vehicle(**attributes))
    answer = await broker.get(entity.path, headers={"Prefer": f"ngsi-ld={version}"})
    return answer.status(203).header("Preference-Applied", f"ngsi-ld={version}")


@case("4.3.6.8, 6.3.21", "an answer in the present version needs no amendment", feature=FEATURE, needs=NEEDS)
async def nothing_to_amend(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = await broker.get(entity.path, headers={"Prefer": "ngsi-ld=1.9"})
    answer.status(200, 203).body.has(speed=prop(1))


@case("4.3.6.8", "below 1.9 valueType and expiresAt go", feature=FEATURE, needs=NEEDS)
async def below_1_9(broker: Subject) -> None:
    later = broker.moment(3600)
    body = (await amended(broker, "1.8", speed=prop(1, valueType="xsd:double", expiresAt=later))).body
    body.at("speed").has(value=1).lacks("valueType", "expiresAt")


@case("4.3.6.8", "below 1.8 a JsonProperty is a Property", feature=FEATURE, needs=NEEDS)
async def json_below_1_8(broker: Subject) -> None:
    body = (await amended(broker, "1.7", raw=json_property({"a": 1}))).body
    body.at("raw").has(type="Property", value={"a": 1}).lacks("json")


@case("4.3.6.8", "below 1.8 a VocabProperty is a Property", feature=FEATURE, needs=NEEDS)
async def vocab_below_1_8(broker: Subject) -> None:
    body = (await amended(broker, "1.7", state=vocab("Open"))).body
    body.at("state").has(type="Property").lacks("vocab").at("value")


@case("4.3.6.8", "below 1.8 a ListProperty is a Property", feature=FEATURE, needs=NEEDS)
async def list_below_1_8(broker: Subject) -> None:
    body = (await amended(broker, "1.7", way=list_property([1, 2]))).body
    body.at("way").has(type="Property", value=[1, 2]).lacks("valueList")


@case("4.3.6.8", "below 1.8 a ListRelationship is a Relationship", feature=FEATURE, needs=NEEDS)
async def list_relationship_below_1_8(broker: Subject) -> None:
    targets = ["urn:ngsi-ld:Company:1", "urn:ngsi-ld:Company:2"]
    body = (await amended(broker, "1.7", owners=list_rel(targets))).body
    body.at("owners").has(type="Relationship").lacks("objectList").at("object")


@case("4.3.6.8", "below 1.8 objectType goes", feature=FEATURE, needs=NEEDS)
async def object_type_below_1_8(broker: Subject) -> None:
    body = (await amended(broker, "1.7", owner=rel("urn:ngsi-ld:Company:1", objectType="Company"))).body
    body.at("owner").has(object="urn:ngsi-ld:Company:1").lacks("objectType")


@case("4.3.6.8", "below 1.4 a LanguageProperty is a Property", feature=FEATURE, needs=NEEDS)
async def language_below_1_4(broker: Subject) -> None:
    body = (await amended(broker, "1.3", label=lang({"ja": "車"}))).body
    body.at("label").has(type="Property").lacks("languageMap").at("value")


@case("4.3.6.8", "below 1.3 datasetId, observedAt and unitCode go", feature=FEATURE, needs=NEEDS)
async def below_1_3(broker: Subject) -> None:
    body = (
        await amended(broker, "1.0", speed=prop(1, unitCode="KMH", observedAt="2026-03-01T00:00:00Z"))
    ).body
    body.at("speed").has(value=1).lacks("unitCode", "observedAt")


@case(
    "4.3.6.8", "in 1.0 an entity has one type and one instance of an attribute", feature=FEATURE, needs=NEEDS
)
async def single_in_1_0(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=[prop(1), prop(2, datasetId="urn:ngsi-ld:gps")]))
    entity["type"] = [entity.type, broker.type("Bus")]
    (await broker.post("/entities", entity)).status(201)
    body = (await broker.get(entity.path, headers={"Prefer": "ngsi-ld=1.0"})).status(203).body
    body.at("type").is_a(str)
    body.at("speed").is_a(dict).has(value=1)


@case("4.3.6.8, 6.4.3.2", "a query is amended too", feature=FEATURE, needs=NEEDS)
async def query(broker: Subject) -> None:
    entity = await broker.have(vehicle(raw=json_property({"a": 1})))
    answer = await broker.get("/entities", type=entity.type, headers={"Prefer": "ngsi-ld=1.6"})
    answer.status(203).header("Preference-Applied", "ngsi-ld=1.6").body.at(0, "raw").has(type="Property")


@case("4.3.6.8, 6.3.21", "another reader still gets the whole", feature=FEATURE, needs=NEEDS)
async def others_untouched(broker: Subject) -> None:
    entity = await broker.have(vehicle(raw=json_property({"a": 1})))
    (await broker.get(entity.path, headers={"Prefer": "ngsi-ld=1.6"})).status(203)
    (await broker.get(entity.path)).status(200).no_header("Preference-Applied").body.at("raw").has(
        type="JsonProperty"
    )


@case(
    "5.2.12, 4.3.6.8", "ngsildConformance amends notifications", feature=FEATURE, needs=(*NEEDS, "callbacks")
)
async def notification(broker: Subject) -> None:
    receiver = await broker.receiver()
    await broker.subscribe(receiver.url, entities=[{"type": broker.type("Vehicle")}], ngsildConformance="1.6")
    await broker.have(vehicle(raw=json_property({"a": 1})))
    (await receiver.next()).data.at(0, "raw").has(type="Property", value={"a": 1})
