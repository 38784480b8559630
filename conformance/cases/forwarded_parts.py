"""Changes of one entity at its sources, and what is answered when a source refuses or fails. (5.6, 6.3.17)"""

from typing import Any

from conformance.case import case
from conformance.cases.forwarded_changes import names, owning
from conformance.cases.forwarded_reads import FEATURE, NEEDS, information, short
from conformance.demand import demand
from conformance.entity import Entity, prop, vehicle
from conformance.servers.source import Source
from conformance.subject import Subject


async def whole(broker: Subject, one: Entity, *operations: str, **members: Any) -> Source:
    """Register a source that has a whole entity."""
    source = await broker.source()
    asked = {"mode": "redirect", "operations": list(operations or ("redirectionOps",)), **members}
    await broker.register(source.url, information(broker, id=one.id), **asked)
    return source


@case(
    "5.6.18.4",
    "replacing an entity replaces at its source what the source holds",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def replace(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=3, wheels=4))
    source = (await owning(broker, one, "speed")).answers("PUT", one.path, 204)
    body = Entity({"id": one.id, "type": one.type, "speed": prop(5), "doors": prop(4)})
    (await broker.put(one.path, body)).status(204)
    forward = await source.next()
    sent = names(forward.body.value)
    demand(forward.method == "PUT", "a forwarded PUT", forward.method)
    demand("speed" in sent and "doors" not in sent, "speed without doors", sorted(sent))
    found = (await broker.get(one.path, local=True)).status(200).body
    found.has(doors=prop(4)).lacks("speed", "wheels")


@case(
    "5.6.17.4",
    "merging merges at its source what the source holds",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def merge(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=3, wheels=4))
    source = (await owning(broker, one, "speed")).answers("PATCH", one.path, 204)
    (await broker.patch(one.path, {"speed": prop(5), "doors": prop(4)})).status(204)
    sent = names((await source.next()).body.value)
    demand("speed" in sent and "doors" not in sent, "speed without doors", sorted(sent))
    found = (await broker.get(one.path, local=True)).status(200).body
    found.has(doors=prop(4), wheels=prop(4)).lacks("speed")


@case(
    "5.6.3.4",
    "attributes that a source holds are appended there",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def append(broker: Subject) -> None:
    one = await broker.have(vehicle(wheels=4))
    source = (await owning(broker, one, "speed")).answers("POST", f"{one.path}/attrs", 204)
    (await broker.post(f"{one.path}/attrs", {"speed": prop(5), "doors": prop(4)})).status(204)
    sent = names((await source.next()).body.value)
    demand("speed" in sent and "doors" not in sent, "speed without doors", sorted(sent))
    (await broker.get(one.path, local=True)).status(200).body.has(doors=prop(4)).lacks("speed")


@case(
    "5.6.19.4",
    "an attribute that a source holds is replaced there",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def replace_attribute(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=4))
    path = f"{one.path}/attrs/speed"
    source = (await owning(broker, one, "speed")).answers("PUT", path, 204)
    (await broker.put(path, prop(6))).status(204)
    forward = await source.next()
    forward.body.has(type="Property", value=6)
    demand(forward.method == "PUT", "a forwarded PUT", forward.method)
    (await broker.get(one.path, local=True)).status(200).body.lacks("speed")


@case(
    "5.6.21.4",
    "a purge goes on to the sources that it concerns",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "purge"),
)
async def purge(broker: Subject) -> None:
    here = await broker.have(vehicle(doors=4))
    source = (await broker.source()).answers("DELETE", "/entities", 204).answers("GET", "/entities", 200, [])
    await broker.register(source.url, information(broker), operations=["purgeEntity"])
    (await broker.delete("/entities", type=here.type)).status(204)
    forward = await source.next()
    told = short(forward.params.get("type", ""))
    demand(forward.method == "DELETE" and told == here.type, f"DELETE with type={here.type}", forward.method)
    (await broker.get(here.path, local=True)).status(404)


@case(
    "5.6.1.4, 4.3.6.3",
    "several redirect sources all get a change",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def several(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    left, right = await whole(broker, one), await whole(broker, one)
    for source in (left, right):
        source.answers("POST", "/entities", 201)
    (await broker.post("/entities", one)).status(201)
    for source in (left, right):
        sent = names((await source.next()).body.value)
        demand("speed" in sent, "speed at both", sorted(sent))
    (await broker.get(one.path, local=True)).status(404)


@case(
    "6.3.17, 5.2.16, 6.5.3.2",
    "of several sources one that refuses makes a partial success",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def several_partly(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    (await whole(broker, one)).answers("DELETE", one.path, 204)
    (await whole(broker, one)).answers("DELETE", one.path, 500)
    result = (await broker.delete(one.path)).status(207).media("application/json").body
    result.at("errors").counts(1).at(0).has(entityId=one.id).at("error", "type")


@case(
    "6.3.17, 4.3.6.2",
    "an inclusive source that fails makes a partial success, and all is kept here",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def inclusive_failing(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = await whole(broker, one, "createEntity", mode="inclusive")
    source.answers("POST", "/entities", 500)
    result = (await broker.post("/entities", one)).status(207).header("Location").body
    result.at("errors").counts(1).at(0).has(entityId=one.id)
    result.at("success").contains(one.id)
    (await broker.get(one.path, local=True)).status(200).body.has(speed=prop(5))


@case(
    "5.6.1.4",
    "an inclusive source that offers no creation is no reason to refuse one",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def inclusive_not_offered(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = await whole(broker, one, "retrieveOps", mode="inclusive")
    (await broker.post("/entities", one)).status(201)
    await source.none()


@case(
    "5.2.18, 6.7.3.1",
    "an update that succeeds in part names what was updated and what was not",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def updated_partly(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=3))
    (await owning(broker, one, "speed")).answers("PATCH", f"{one.path}/attrs", 500)
    answer = await broker.patch(f"{one.path}/attrs", {"speed": prop(5), "doors": prop(4)})
    result = answer.status(207).media("application/json").body
    result.at("updated").each(lambda name: name.matches("(.*/)?doors"))
    failed = result.at("notUpdated").counts(1).at(0)
    failed.at("attributeName").matches("(.*/)?speed")
    failed.at("reason")
    (await broker.get(one.path, local=True)).status(200).body.has(doors=prop(4))


@case(
    "5.2.18, 6.6.3.1",
    "an append that succeeds in part names what was appended and what was not",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def appended_partly(broker: Subject) -> None:
    one = await broker.have(vehicle(wheels=4))
    (await owning(broker, one, "speed")).answers("POST", f"{one.path}/attrs", 500)
    answer = await broker.post(f"{one.path}/attrs", {"speed": prop(5), "doors": prop(4)})
    result = answer.status(207).media("application/json").body
    result.at("updated").each(lambda name: name.matches("(.*/)?doors"))
    result.at("notUpdated").counts(1).at(0).at("attributeName").matches("(.*/)?speed")


@case(
    "5.2.16, 6.5.3.3",
    "a replacement that succeeds in part says so",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def replaced_partly(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=3))
    (await owning(broker, one, "speed")).answers("PUT", one.path, 500)
    answer = await broker.put(one.path, one.of(speed=5, doors=4))
    answer.status(207).body.at("errors").counts(1).at(0).has(entityId=one.id)
    (await broker.get(one.path, local=True)).status(200).body.has(doors=prop(4)).lacks("speed")


@case(
    "5.2.16, 6.5.3.4",
    "a merge that succeeds in part says so",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def merged_partly(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=3))
    (await owning(broker, one, "speed")).answers("PATCH", one.path, 500)
    answer = await broker.patch(one.path, {"speed": prop(5), "doors": prop(4)})
    answer.status(207).body.at("errors").counts(1).at(0).has(entityId=one.id)
    (await broker.get(one.path, local=True)).status(200).body.has(doors=prop(4)).lacks("speed")


@case(
    "6.3.17",
    "what the single source does not know is not found",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def not_found(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    missing = {"type": "https://uri.etsi.org/ngsi-ld/errors/ResourceNotFound", "title": "No such entity"}
    source = (await whole(broker, one)).answers("DELETE", one.path, 404, missing)
    (await broker.delete(one.path)).refused(404, "ResourceNotFound")
    await source.next()


@case(
    "6.3.17",
    "a single source that answers too late makes a gateway timeout",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def too_late(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = await whole(broker, one, management={"timeout": 300})
    source.answers("DELETE", one.path, 204, delay=2.0)
    (await broker.delete(one.path)).status(504)


@case(
    "6.3.17",
    "a single source that forbids makes a bad gateway",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def forbidden(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = (await whole(broker, one)).answers("DELETE", one.path, 403)
    (await broker.delete(one.path)).status(502)
    await source.next()


@case(
    "5.6.6.4, 5.6.2.4",
    "a redirect source that does not offer the change makes a conflict",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def not_offered(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = await whole(broker, one, "retrieveOps")
    (await broker.delete(one.path)).refused(409, "Conflict")
    (await broker.patch(f"{one.path}/attrs", {"speed": prop(6)})).refused(409, "Conflict")
    await source.none()


@case(
    "5.5.13, 6.3.18",
    "local=true changes nothing at sources",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def local(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=5))
    source = await whole(broker, one, mode="inclusive")
    (await broker.patch(f"{one.path}/attrs", {"speed": prop(6)}, local=True)).status(204)
    (await broker.delete(one.path, local=True)).status(204)
    await source.none()


@case(
    "6.3.17, 6.7.3.1, 6.7.3.2, 6.7.3.3",
    "a change of one attribute that one of several sources refuses makes a partial success",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def attribute_partly(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    path = f"{one.path}/attrs/speed"
    left, right = await whole(broker, one), await whole(broker, one)
    for method in ("PATCH", "PUT", "DELETE"):
        left.answers(method, path, 204)
        right.answers(method, path, 500)
    (await broker.patch(path, {"value": 6})).status(207).media("application/json").body.is_a(dict)
    (await broker.put(path, prop(6))).status(207).media("application/json").body.is_a(dict)
    (await broker.delete(path)).status(207).media("application/json").body.is_a(dict)


@case(
    "5.6.21.4, 6.4.3.3",
    "a purge that a source refuses makes a partial success",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "purge"),
)
async def purge_partly(broker: Subject) -> None:
    here = await broker.have(vehicle(doors=4))
    source = (await broker.source()).answers("DELETE", "/entities", 500).answers("GET", "/entities", 200, [])
    await broker.register(source.url, information(broker), operations=["purgeEntity"])
    result = (await broker.delete("/entities", type=here.type)).status(207).media("application/json").body
    result.at("errors").is_a(list)
    result.at("success").is_a(list)
    (await broker.get(here.path, local=True)).status(404)


@case(
    "5.6.21.4, 4.9",
    "csf chooses the sources that a purge goes on to",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "purge"),
)
async def purge_some(broker: Subject) -> None:
    sources = []
    for name in ("yabu", "asago"):
        source = (await broker.source()).answers("DELETE", "/entities", 204)
        asked: Any = {"registrationName": name, "operations": ["purgeEntity"]}
        await broker.register(source.url, information(broker), **asked)
        sources.append(source)
    csf = 'registrationName=="yabu"'
    (await broker.delete("/entities", type=broker.type("Vehicle"), csf=csf)).status(204)
    yabu, asago = sources
    demand((await yabu.next()).method == "DELETE", "a forwarded DELETE", "another method")
    await asago.none(0)
