"""The resources /csourceRegistrations and /csourceRegistrations/{registrationId}. (5.9, 5.10, 6.8, 6.9)"""

from itertools import islice
from typing import Any
from urllib.parse import quote

from base import ids
from base.errors import BadRequestData
from broker.access.registrations import covers
from broker.access.rights import refused
from broker.language.sources import Source, prepare
from broker.model import registration, registration_presentation, validate
from broker.model.registration import Body, Given
from broker.operations import asked, asked_sources, paging, rendering
from broker.operations.asked import Limits
from broker.operations.call import NO_CONTENT, Answer, Broker, Call
from broker.operations.changing import refuse_people
from broker.registry.registry import absent

ROOT = "/ngsi-ld/v1/csourceRegistrations"


async def register_source(call: Call, broker: Broker) -> Answer:
    """Register a context source; the tenant is made if absent. (5.9.2, 6.8.3.1)"""
    given = Given(call.context.table, call.now)
    body = registration.create(call.body, ids.urn("ContextSourceRegistration"), given)
    _refuse_people(broker, body)
    _check(call, body)
    await broker.catalogue.create(call.tenant)
    react = await broker.notifier.react_to_source(call.tenant)
    await broker.registry.of(call.tenant).add(body, call.now, react)
    return Answer(201, headers={"Location": f"{ROOT}/{quote(body['id'], safe=':')}"})


async def query_registrations(call: Call, broker: Broker) -> Answer:
    """Find registrations of sources that may have what is asked for. (5.10.2, 6.8.3.2)"""
    settings = broker.settings
    limits = Limits(settings.page_default, settings.page_most, settings.query_terms)
    wanted = asked_sources.from_params(call.params, call.context.table, limits)
    window = asked.window(call.params, limits)
    found = broker.registry.of(call.tenant).find(wanted, call.now)
    if call.rights is not None:
        found = (match for match in found if _looks_after(call, match.source))
    matches = list(found if window.count else islice(found, window.offset + window.limit + 1))
    page = matches[window.offset : window.offset + window.limit]
    headers: dict[str, str] = {}
    if links := paging.page_links(
        call.target, window, len(matches) > window.offset + window.limit, call.accept
    ):
        headers["Link"] = ", ".join(links)
    if window.count:
        headers["NGSILD-Results-Count"] = str(len(matches))
    return rendering.listing(call, [_shown(call, match.source) for match in page], headers)


async def retrieve_registration(call: Call, broker: Broker) -> Answer:
    """Retrieve a registration. (5.10.1, 6.9.3.1)"""
    id = _id(call)
    return rendering.listing(call, _shown(call, _there(call, broker, id)))


async def update_registration(call: Call, broker: Broker) -> Answer:
    """Update a registration. (5.9.3, 6.9.3.2)"""
    id = _id(call)
    given = Given(call.context.table, call.now)

    def rule(current: Body) -> Body:
        changed = registration.update(current, call.body, given)
        _refuse_people(broker, changed)
        _check(call, changed)
        return changed

    _there(call, broker, id)
    react = await broker.notifier.react_to_source(call.tenant)
    await broker.registry.of(call.tenant).change(id, rule, call.now, react)
    return NO_CONTENT


async def delete_registration(call: Call, broker: Broker) -> Answer:
    """Delete a registration. (5.9.4, 6.9.3.3)"""
    id = _id(call)
    _there(call, broker, id)
    react = await broker.notifier.react_to_source(call.tenant)
    await broker.registry.of(call.tenant).remove(id, call.now, react)
    return NO_CONTENT


def _there(call: Call, broker: Broker, id: str) -> Source:
    """Give a registration that the caller may look after; others are as if they were not there. (docs/access.md)"""
    source = broker.registry.of(call.tenant).get(id, call.now)
    if not _looks_after(call, source):
        raise absent(id)
    return source


def _looks_after(call: Call, source: Source) -> bool:
    return call.rights is None or covers(call.rights.registering, source)


def _check(call: Call, body: Body) -> None:
    """Refuse a registration that reaches beyond what the caller may register. (docs/access.md)"""
    if call.rights is not None and not covers(call.rights.registering, prepare(body)):
        raise refused(call.caller, "register a source of all these types, scopes and attributes")


def _id(call: Call) -> str:
    id = call.path["registrationId"]
    if not validate.is_uri(id):
        raise BadRequestData(
            "The id of a registration must be a URI such as urn:ngsi-ld:ContextSourceRegistration:1."
        )
    return id


def _refuse_people(broker: Broker, body: Body) -> None:
    """Data about people are not reached through this broker either. (DESIGN 2.10)"""
    for info in body["information"]:
        for entity in info.get("entities", ()):
            refuse_people(broker, entity)


def _shown(call: Call, source: Source) -> dict[str, Any]:
    sys_attrs = "sysAttrs" in call.params.get("options", "").split(",")
    return registration_presentation.show(source.body, call.context.table, sys_attrs=sys_attrs)
