"""A subscription made ready: what changes it wants and how they are told, parsed once, never changed. (5.8.6)"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from base import clock
from base.access import Caller
from base.jsonld import Context, TermTable
from broker.access.rights import owner_in
from broker.language import geo, patterns, projection, q, scope, sources, timerel, types
from broker.language.selection import EntitySelector, Selection
from broker.language.sources import SourceSelection
from broker.model import languages, tenancy, versions
from broker.model.document import LOCATION
from broker.model.projection import Projection
from broker.model.registration_members import CERTIFICATE
from broker.model.represent import Representation
from broker.notify.endpoint import MqttTarget, certificate, is_mqtt, mqtt_target
from broker.notify.subscription import DEFAULT_TRIGGERS, REGISTRATIONS, Body

GEO_JSON: Final = "application/geo+json"
LD_JSON: Final = "application/ld+json"
JSON: Final = "application/json"

ENTITY_UPDATED: Final = frozenset({"attributeCreated", "attributeUpdated", "attributeDeleted"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where notifications go. Times are µs; None: the broker's own choice. (5.2.15)"""

    uri: str
    timeout: int | None
    cooldown: int
    mqtt: MqttTarget | None = None
    certificate: str | None = None  # the name of the one to show; None: one that is meant for the address


@dataclass(frozen=True, slots=True)
class Form:
    """How the entities of a notification are written; equal forms give equal bytes. (5.2.14)"""

    representation: Representation
    table: TermTable
    context: str | None  # set: the @context stands in the body
    show_changes: bool
    join: str
    join_level: int


@dataclass(frozen=True, slots=True, eq=False)
class Interest:
    """One subscription as matching and delivery see it."""

    id: str
    selection: Selection
    watched: frozenset[str] | None
    triggers: frozenset[str]
    expires: int | None
    active: bool
    throttling: int
    interval: int
    since: int
    form: Form
    headers: Mapping[str, str]
    endpoint: Endpoint
    sources: SourceSelection | None = None  # set: it is about registrations
    owner: Caller | None = None  # who made it, as far as that is known


def prepare(body: Body, query_context: Context, context: Context, tenant: str, most_terms: int) -> Interest:
    """Parse what a subscription holds; BadRequestData where its queries are wrong. (5.2.12)"""
    notification = body["notification"]
    if "lang" in body:
        languages.ranges(body["lang"])
    selection = _selection(body, query_context.table, most_terms)
    return Interest(
        id=body["id"],
        selection=selection,
        watched=frozenset(body["watchedAttributes"]) if "watchedAttributes" in body else None,
        triggers=_triggers(body),
        expires=clock.parse(body["expiresAt"]) if "expiresAt" in body else None,
        active=body.get("isActive", True),
        throttling=_micros(body.get("throttling", 0), clock.SECOND),
        interval=_micros(body.get("timeInterval", 0), clock.SECOND),
        since=body["modifiedAt"],
        form=_form(body, notification, context),
        headers=_headers(body, notification, context, tenant),
        endpoint=_endpoint(notification["endpoint"]),
        sources=_sources(body, selection, query_context.table, most_terms),
        owner=owner_in(body["owner"]) if "owner" in body else None,
    )


def _triggers(body: Body) -> frozenset[str]:
    names = frozenset(body.get("notificationTrigger", DEFAULT_TRIGGERS))
    return names | ENTITY_UPDATED if "entityUpdated" in names else names


def _micros(number: float, unit: int) -> int:
    return max(1, round(number * unit)) if number else 0


def _selection(body: Body, table: TermTable, most_terms: int) -> Selection:
    selectors = [_selector(one, table, most_terms) for one in body.get("entities", ())]
    return Selection(
        selectors=() if any(one == EntitySelector() for one in selectors) else tuple(selectors),
        q=_query(body, table, most_terms),
        geo=_geo(body["geoQ"], table) if "geoQ" in body else None,
        scope=scope.parse(unquote(body["scopeQ"]), most_terms) if "scopeQ" in body else None,
    )


def _sources(body: Body, selection: Selection, table: TermTable, most_terms: int) -> SourceSelection | None:
    """Say which registrations a subscription is about; a context source filter is checked in any. (5.11.2.4)

    Attributes restrict them only where both those watched and those told are given.
    """
    csf = sources.filter_of_sources(unquote(body["csf"]), table, most_terms) if "csf" in body else None
    if body.get("about") != REGISTRATIONS:
        return None
    watched, told = body.get("watchedAttributes", ()), body["notification"].get("attributes", ())
    temporal = timerel.parse_object(body["temporalQ"]) if "temporalQ" in body else None
    return SourceSelection(
        selectors=selection.selectors,
        attributes=frozenset((*watched, *told)) if watched and told else frozenset(),
        csf=csf,
        geo=selection.geo,
        scope=selection.scope,
        span=temporal.span if temporal else None,
    )


def _selector(given: Mapping[str, Any], table: TermTable, most_terms: int) -> EntitySelector:
    """id takes precedence over idPattern. (5.2.33)"""
    ids = given.get("id", ())
    pattern = None if ids else given.get("idPattern")
    if pattern is not None:
        patterns.check(pattern, "idPattern")
    selection = types.parse(given["type"], table, most_terms=most_terms)
    return EntitySelector(
        (ids,) if isinstance(ids, str) else tuple(ids), pattern, None if selection.everything else selection
    )


def _query(body: Body, table: TermTable, most_terms: int) -> q.Query | None:
    """Read q; subscribers send it percent-encoded, as in a URL, or as it is: both are understood. (4.9)"""
    if "q" not in body:
        return None
    return q.parse(
        unquote(body["q"]),
        table,
        expand_values=_names(body.get("expandValues")),
        json_keys=_names(body.get("jsonKeys")),
        most_terms=most_terms,
    )


def _names(text: str | None) -> frozenset[str]:
    return frozenset(text.split(",")) if text else frozenset()


def _geo(given: Mapping[str, Any], table: TermTable) -> geo.GeoQuery:
    return geo.parse(
        given["georel"],
        given["geometry"],
        given["coordinates"],
        given.get("geoproperty", LOCATION),
        table,
    )


def _form(body: Body, notification: Body, context: Context) -> Form:
    accept = notification["endpoint"].get("accept", JSON)
    embedded = accept == LD_JSON or (accept == GEO_JSON and not _prefers_json(notification))
    wanted = notification.get("format", "normalized")
    return Form(
        Representation(
            format="simplified" if wanted == "keyValues" else wanted,
            geojson=accept == GEO_JSON,
            sys_attrs=notification.get("sysAttrs", False),
            pick=_projection(notification, "pick", context.table),
            omit=_projection(notification, "omit", context.table),
            attrs=frozenset(notification["attributes"]) if "attributes" in notification else None,
            lang=body.get("lang"),
            dataset_ids=frozenset(body.get("datasetId", ())),
            geometry_property=LOCATION,
            version=versions.read(body["ngsildConformance"]) if "ngsildConformance" in body else None,
        ),
        context.table,
        body["jsonldContext"] if embedded else None,
        notification.get("showChanges", False),
        notification.get("join", "@none"),
        notification.get("joinLevel", 1),
    )


def _projection(notification: Body, name: str, table: TermTable) -> Projection | None:
    return projection.parse(",".join(notification[name]), table) if name in notification else None


def _prefers_json(notification: Body) -> bool:
    pairs = notification["endpoint"].get("receiverInfo", ())
    return any(
        p["key"].lower() == "prefer" and p["value"].replace(" ", "").lower() == "body=json" for p in pairs
    )


def _headers(body: Body, notification: Body, context: Context, tenant: str) -> dict[str, str]:
    """Give the headers of a notification; names keep the case in which the subscriber wrote them. (6.3.8, 6.3.14)"""
    accept = notification["endpoint"].get("accept", JSON)
    headers = {"Content-Type": accept}
    if accept == JSON or (accept == GEO_JSON and _prefers_json(notification)):
        headers["Link"] = (
            f'<{body["jsonldContext"]}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
        )
    headers |= tenancy.headers(tenant)
    pairs = notification["endpoint"].get("receiverInfo", ())
    given = [pair for pair in pairs if pair["key"] != CERTIFICATE]
    named = {pair["key"].lower() for pair in given}
    kept = {name: value for name, value in headers.items() if name.lower() not in named}
    return kept | {pair["key"]: pair["value"] for pair in given}


def _endpoint(given: Mapping[str, Any]) -> Endpoint:
    timeout = given.get("timeout")
    return Endpoint(
        given["uri"],
        None if timeout is None else _micros(timeout, 1000),
        _micros(given.get("cooldown", 0), 1000),
        mqtt_target(given) if is_mqtt(given["uri"]) else None,
        certificate(given),
    )
