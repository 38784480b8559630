"""Temporal Evolutions made, extended, changed and removed. (5.6.11 to 5.6.16)"""

from typing import Any

from conformance.case import case
from conformance.demand import demand
from conformance.entity import Entity, prop, vehicle
from conformance.subject import Subject

FEATURE = "Temporal changes"
NEEDS = ("temporal",)
DAY = "2026-03-{:02d}T00:00:00Z"
ALL: dict[str, Any] = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}


def speeds(*values: Any, **members: Any) -> list[dict[str, Any]]:
    """Write one instance a day from 1 March 2026."""
    return [prop(value, observedAt=DAY.format(day), **members) for day, value in enumerate(values, 1)]


async def known(broker: Subject, **attributes: Any) -> Entity:
    """Make a Temporal Evolution, demanding 201."""
    entity = broker.own(vehicle(**attributes))
    (await broker.post("/temporal/entities", entity)).status(201)
    return entity


async def instances(broker: Subject, entity: Entity, name: str = "speed", **params: Any) -> list[Any]:
    """Read all instances of an attribute, oldest first; [] if there are none."""
    answer = (await broker.get(entity.temporal, **{**ALL, **params})).status(200)
    found = answer.json.get(name, [])
    listed = found if isinstance(found, list) else [found]
    return sorted(listed, key=lambda instance: instance.get("observedAt", ""))


def values(found: list[Any]) -> list[Any]:
    """Give the values of instances."""
    return [instance["value"] for instance in found]


@case(
    "5.6.11.4", "a new Temporal Evolution is answered with 201 and its Location", feature=FEATURE, needs=NEEDS
)
async def create(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=speeds(1, 2, 3)))
    answer = (await broker.post("/temporal/entities", entity)).status(201).empty()
    answer.header("Location", pattern=f".*/ngsi-ld/v1/temporal/entities/{entity.id}")


@case(
    "5.6.11.4, 5.7.3.4",
    "a Temporal Evolution holds each instance that was given",
    feature=FEATURE,
    needs=NEEDS,
)
async def create_and_read(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2, 3, unitCode="KMH"))
    found = await instances(broker, entity)
    demand(values(found) == [1, 2, 3], "the instances have the values 1, 2, 3", found)
    demand(all(i["unitCode"] == "KMH" for i in found), "each instance keeps its unitCode", found)
    demand(
        [i["observedAt"] for i in found] == [DAY.format(d) for d in (1, 2, 3)], "each keeps observedAt", found
    )


@case("5.6.11.4", "a second POST adds to the Temporal Evolution with 204", feature=FEATURE, needs=NEEDS)
async def create_again(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2))
    more = entity.of(speed=[prop(3, observedAt=DAY.format(3))])
    (await broker.post("/temporal/entities", more)).status(204)
    demand(values(await instances(broker, entity)) == [1, 2, 3], "all three instances are there", "others")


@case("5.6.11.4", "a Temporal Evolution without type is refused", feature=FEATURE, needs=NEEDS)
async def create_without_type(broker: Subject) -> None:
    body = {"id": broker.id("Vehicle"), "speed": speeds(1)}
    (await broker.post("/temporal/entities", body)).refused(400, "BadRequestData")


@case("5.6.11.4, 4.6.3", "an observedAt that is no DateTime is refused", feature=FEATURE, needs=NEEDS)
async def create_with_bad_date(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=[prop(1, observedAt="2026-02-30T25:00:00Z")]))
    (await broker.post("/temporal/entities", entity)).refused(400, "BadRequestData")
    (await broker.get(entity.temporal, **ALL)).refused(404, "ResourceNotFound")


@case("5.6.11.4", "an invalid id is refused", feature=FEATURE, needs=NEEDS)
async def create_with_bad_id(broker: Subject) -> None:
    (await broker.post("/temporal/entities", vehicle(id="no uri", speed=speeds(1)))).refused(
        400, "BadRequestData"
    )


@case("5.6.12.4", "attributes are added to a Temporal Evolution", feature=FEATURE, needs=NEEDS)
async def add(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2))
    body = {"speed": [prop(9, observedAt=DAY.format(9))], "colour": [prop("red", observedAt=DAY.format(9))]}
    (await broker.post(f"{entity.temporal}/attrs", body)).status(204).empty()
    demand(values(await instances(broker, entity)) == [1, 2, 9], "speed has a third instance", "others")
    demand(values(await instances(broker, entity, "colour")) == ["red"], "colour has an instance", "none")


@case("5.6.12.4", "nothing is added to an unknown Temporal Evolution", feature=FEATURE, needs=NEEDS)
async def add_to_unknown(broker: Subject) -> None:
    path = f"/temporal/entities/{broker.id('Vehicle')}/attrs"
    (await broker.post(path, {"speed": speeds(1)})).refused(404, "ResourceNotFound")


@case("5.6.13.4", "deleteAll removes all instances of an attribute", feature=FEATURE, needs=NEEDS)
async def delete_attribute(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2), colour=speeds("red"))
    (await broker.delete(f"{entity.temporal}/attrs/speed", deleteAll=True)).status(204).empty()
    (await broker.get(entity.temporal, **ALL)).status(200).body.lacks("speed").at("colour")


@case("5.6.13.4", "without datasetId only the default instances go", feature=FEATURE, needs=NEEDS)
async def delete_default_instances(broker: Subject) -> None:
    named = prop(7, observedAt=DAY.format(7), datasetId="urn:ngsi-ld:gps")
    entity = await known(broker, speed=[*speeds(1, 2), named])
    (await broker.delete(f"{entity.temporal}/attrs/speed")).status(204)
    demand(values(await instances(broker, entity)) == [7], "the instance of the dataset is left", "others")


@case("5.6.13.4", "with datasetId only instances of the dataset go", feature=FEATURE, needs=NEEDS)
async def delete_dataset(broker: Subject) -> None:
    named = prop(7, observedAt=DAY.format(7), datasetId="urn:ngsi-ld:gps")
    entity = await known(broker, speed=[*speeds(1, 2), named])
    (await broker.delete(f"{entity.temporal}/attrs/speed", datasetId="urn:ngsi-ld:gps")).status(204)
    demand(values(await instances(broker, entity)) == [1, 2], "the default instances are left", "others")


@case("5.6.13.4", "an attribute that was never there is not found", feature=FEATURE, needs=NEEDS)
async def delete_unknown_attribute(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    (await broker.delete(f"{entity.temporal}/attrs/weight")).refused(404, "ResourceNotFound")


@case("5.6.13.4, 4.6.2", "an invalid attribute name is refused", feature=FEATURE, needs=NEEDS)
async def delete_bad_attribute(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    (await broker.delete(f"{entity.temporal}/attrs/in%28valid%29")).refused(400, "BadRequestData")


@case("4.5.7", "each instance has an instanceId of its own", feature=FEATURE, needs=NEEDS)
async def instance_ids(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2, 3))
    ids = [instance.get("instanceId") for instance in await instances(broker, entity)]
    demand(all(ids) and len(set(ids)) == len(ids), "three different instanceIds", ids)


@case("5.6.14.4", "one instance is replaced and the others stay", feature=FEATURE, needs=NEEDS)
async def change_instance(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2, 3))
    instance = (await instances(broker, entity))[1]["instanceId"]
    body = {"speed": [prop(22, observedAt=DAY.format(2))]}
    (await broker.patch(f"{entity.temporal}/attrs/speed/{instance}", body)).status(204).empty()
    found = await instances(broker, entity)
    demand(values(found) == [1, 22, 3], "the second instance is changed", found)


@case(
    "5.6.14.4", "a changed instance keeps createdAt and gets another modifiedAt", feature=FEATURE, needs=NEEDS
)
async def change_keeps_created_at(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    (before,) = await instances(broker, entity, options="sysAttrs")
    path = f"{entity.temporal}/attrs/speed/{before['instanceId']}"
    await broker.pause(0.01)
    (await broker.patch(path, {"speed": [prop(5, observedAt=DAY.format(1))]})).status(204)
    (after,) = await instances(broker, entity, options="sysAttrs")
    demand(after["createdAt"] == before["createdAt"], "createdAt stays", after)
    demand(after["modifiedAt"] != before["modifiedAt"], "modifiedAt changes", after)


@case("5.6.14.4", "an unknown instance is not changed", feature=FEATURE, needs=NEEDS)
async def change_unknown_instance(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    path = f"{entity.temporal}/attrs/speed/{broker.id('Instance')}"
    (await broker.patch(path, {"speed": [prop(5, observedAt=DAY.format(1))]})).refused(
        404, "ResourceNotFound"
    )


@case("5.6.15.4", "one instance is deleted and the others stay", feature=FEATURE, needs=NEEDS)
async def delete_instance(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2, 3))
    instance = (await instances(broker, entity))[1]["instanceId"]
    path = f"{entity.temporal}/attrs/speed/{instance}"
    (await broker.delete(path)).status(204).empty()
    demand(values(await instances(broker, entity)) == [1, 3], "the second instance is gone", "others")
    (await broker.delete(path)).refused(404, "ResourceNotFound")


@case("5.6.15.4", "an instanceId that is no URI is refused", feature=FEATURE, needs=NEEDS)
async def delete_bad_instance(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    (await broker.delete(f"{entity.temporal}/attrs/speed/nouri")).refused(400, "BadRequestData")


@case("5.6.16.4", "a deleted Temporal Evolution is gone", feature=FEATURE, needs=NEEDS)
async def delete(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    (await broker.delete(entity.temporal)).status(204).empty()
    (await broker.get(entity.temporal, **ALL)).refused(404, "ResourceNotFound")
    (await broker.delete(entity.temporal)).refused(404, "ResourceNotFound")


@case("4.5.6", "each change of an entity is recorded", feature=FEATURE, needs=NEEDS)
async def records_changes(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, observedAt=DAY.format(1))))
    for day in (2, 3):
        body = {"speed": prop(day, observedAt=DAY.format(day))}
        (await broker.patch(f"{entity.path}/attrs", body)).status(204)
    demand(values(await instances(broker, entity)) == [1, 2, 3], "three instances are recorded", "others")


@case("4.5.7", "a deleted attribute is recorded as NGSI-LD Null with deletedAt", feature=FEATURE, needs=NEEDS)
async def records_deletion(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, colour="red"))
    (await broker.delete(f"{entity.path}/attrs/colour")).status(204)
    answer = await broker.get(entity.temporal, **ALL, timeproperty="deletedAt", options="sysAttrs")
    found = answer.status(200).body.at("colour").value
    found = found if isinstance(found, list) else [found]
    nulls = [i for i in found if i.get("value") == "urn:ngsi-ld:null" and i.get("deletedAt")]
    demand(len(nulls) == 1, "an instance with the value urn:ngsi-ld:null and deletedAt", found)
