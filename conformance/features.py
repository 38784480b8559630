"""Features that a broker may leave out: how to find out, and what says honestly that it is absent."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from conformance.answer import ERRORS, Answer
from conformance.entity import entity
from conformance.subject import Subject
from conformance.surroundings import Surroundings
from conformance.verdict import Failure

Probe = Callable[[Subject], Awaitable[Answer]]
GONE: Final = (404, 405, 501)


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature: its name, the request that finds it, the answers that declare it absent."""

    name: str
    meaning: str
    probe: Probe | None = None
    declared: tuple[int, ...] = GONE


def _get(path: str, accept: str = "", **params: str) -> Probe:
    async def probe(broker: Subject) -> Answer:
        return await broker.get(path, headers={"Accept": accept} if accept else None, **params)

    return probe


def _post(path: str, body: object) -> Probe:
    async def probe(broker: Subject) -> Answer:
        return await broker.post(path, body)

    return probe


def _of_entity(method: str, rest: str, accept: str = "") -> Probe:
    async def probe(broker: Subject) -> Answer:
        made = await broker.have(entity("Probe", speed=1))
        headers = {"Accept": accept} if accept else None
        return await broker.send(method, made.path + rest, headers=headers)

    return probe


async def _tenant(broker: Subject) -> Answer:
    return await broker.get("/entities", tenant=broker.unknown_tenant(), type=broker.type("Probe"))


async def _purge(broker: Subject) -> Answer:
    return await broker.delete("/entities", type=broker.type("Probe"))


async def _entity_map(broker: Subject) -> Answer:
    return await broker.get("/entityMaps", type=broker.type("Probe"))


async def _temporal_map(broker: Subject) -> Answer:
    return await broker.get(
        "/temporal/entityMaps", type=broker.type("Probe"), timerel="before", timeAt="2020-01-01T00:00:00Z"
    )


async def _temporal(broker: Subject) -> Answer:
    return await broker.get(
        "/temporal/entities", type=broker.type("Probe"), timerel="before", timeAt="2020-01-01T00:00:00Z"
    )


async def _past(broker: Subject) -> Answer:
    return await broker.get("/entities", type=broker.type("Probe"), asOf="2020-01-01T00:00:00Z")


async def _registrations(broker: Subject) -> Answer:
    return await broker.get("/csourceRegistrations", type=broker.type("Probe"))


FEATURES: Final = (
    Feature("batch", "batch operations (5.6.7 to 5.6.10)", _post("/entityOperations/create", [])),
    Feature("purge", "purging entities (5.6.21)", _purge),
    Feature("discovery", "types and attributes (5.7.5 to 5.7.10)", _get("/types")),
    Feature("tenants", "several tenants (4.14)", _tenant, (501,)),
    Feature("subscriptions", "subscriptions (5.8)", _get("/subscriptions", limit="1")),
    Feature("callbacks", "the broker reaches this machine"),
    Feature("mqtt", "notifications by MQTT (7)"),
    Feature("temporal", "temporal evolution of entities (5.6.11 to 5.6.16, 5.7.3, 5.7.4)", _temporal),
    Feature("registrations", "registrations of context sources (5.9)", _registrations),
    Feature("registration subscriptions", "subscriptions to registrations (5.11)", _get("/csourceSubscriptions")),
    Feature("contexts", "hosting and listing @contexts (5.13)", _get("/jsonldContexts")),
    Feature("entity maps", "entity maps (5.14)", _entity_map),
    Feature("temporal entity maps", "entity maps of temporal queries (5.14.5)", _temporal_map),
    Feature("snapshots", "snapshots (5.16)", _post("/snapshots", {})),
    Feature("source identity", "identity of the context source (5.15)", _get("/info/sourceIdentity")),
    Feature("versions", "answers amended to earlier versions (4.3.6.8)"),
    Feature("ordering", "entities in an order (4.23)"),
    Feature("federation", "distributed operations (4.3.6)"),
    Feature("head", "HEAD (NGSI-LD 2.0)", _of_entity("HEAD", "")),
    Feature("options", "OPTIONS (NGSI-LD 2.0)", _of_entity("OPTIONS", "")),
    Feature("attribute retrieval", "reading one attribute (NGSI-LD 2.0)", _of_entity("GET", "/attrs/speed")),
    Feature("attribute value", "reading one value (NGSI-LD 2.0)", _of_entity("GET", "/attrs/speed/value")),
    Feature("value replacement", "setting one value (NGSI-LD 2.0)", _of_entity("PUT", "/attrs/speed/value")),
    Feature("past", "entities as they were at a time, asOf (extension)", _past, (400, 501)),
    Feature("turtle", "answers as RDF (extension)", _of_entity("GET", "", "text/turtle"), (406,)),
)  # fmt: skip


async def absent_features(around: Surroundings, asked: Iterable[str]) -> dict[str, str]:
    """Find which of some features are absent, and by what they are known to be."""
    known = {feature.name: feature for feature in FEATURES}
    absent: dict[str, str] = {}
    for name in sorted({*asked}):
        if name not in known:
            raise ValueError(f"a case needs '{name}', which conformance/features.py does not name")
        reason = await _reason(around, known[name])
        if reason:
            absent[name] = reason
    return absent


async def _reason(around: Surroundings, feature: Feature) -> str:
    if feature.name in around.asked.without:
        return f"left out by --without '{feature.name}'"
    if feature.probe is None:
        return ""
    subject = Subject(around)
    try:
        answer = await feature.probe(subject)
    except Failure:
        return ""  # not declared absent: its cases are told, and fail by themselves
    finally:
        await subject.close()
    if declares(answer, feature.declared):
        return f"the broker answers {answer.exchange.method} {answer.exchange.url} with {answer.code}"
    return ""


def declares(answer: Answer, declared: tuple[int, ...]) -> bool:
    """Say whether an answer declares that there is no such feature."""
    if answer.code == 422:
        return ERRORS + "OperationNotSupported" in answer.text
    return answer.code in declared
