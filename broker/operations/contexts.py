"""The resource jsonldContexts: @contexts this broker stores and serves. (5.13, 6.29, 6.30)"""

from typing import cast, get_args

import orjson

from base.errors import BadRequestData, InvalidRequest, OperationNotSupported, PayloadTooLarge
from broker.contexts import Entry, Kind
from broker.operations import asked
from broker.operations.call import JSON, LD_JSON, Answer, Broker, Call
from schemas.core_contexts import URLS, VERSIONS, document, url

KINDS = get_args(Kind)


async def add_context(call: Call, part: Broker) -> Answer:
    """Store an @context. (5.13.2, 6.29.3.1)"""
    if not isinstance(call.body, dict) or "@context" not in call.body:
        raise InvalidRequest('The body must be an object with the member "@context".')
    context = call.body["@context"]
    most = part.settings.context_bytes
    if len(orjson.dumps(context)) > most:
        raise PayloadTooLarge(f"The @context is longer than {most} bytes; split it.")
    entry = await part.contexts.add(context, call.tenant)
    return Answer(201, headers={"Location": entry.url})


async def list_contexts(call: Call, part: Broker) -> Answer:
    """List stored @contexts: their URLs, or all there is to say about them. (5.13.3, 6.29.3.2)"""
    kind = call.params.get("kind")
    if kind is not None and kind not in KINDS:
        raise BadRequestData(f"kind must be one of {', '.join(KINDS)}.")
    details = asked.flag(call.params, "details")
    entries = part.contexts.stored(cast("Kind | None", kind), call.tenant)
    headers = {}
    if asked.flag(call.params, "count"):
        headers["NGSILD-Results-Count"] = str(len(entries))
    first = asked.number(call.params, "offset", 0)
    last = first + asked.number(call.params, "limit", len(entries))
    shown = [
        entry.metadata(call.origin) if details else entry.address(call.origin)
        for entry in entries[first:last]
    ]
    return Answer(200, orjson.dumps(shown), JSON, headers)


async def serve_context(call: Call, part: Broker) -> Answer:
    """Serve a stored @context, or what there is to say about it. (5.13.4, 6.30.3.1)"""
    details = asked.flag(call.params, "details")
    entry = part.contexts.find(call.path["contextId"], call.tenant, content=not details)
    if entry.kind == "Cached" and not details and entry.url not in URLS:
        raise OperationNotSupported("A Cached @context is not served; fetch it from its own URL.")
    body = orjson.dumps(entry.metadata(call.origin)) if details else entry.document
    if "core" in call.params and not details:
        body = _with_core(entry, call.params["core"])
    part.contexts.count(entry)
    return Answer(200, body, LD_JSON if call.accept == LD_JSON and not details else JSON)


def _with_core(entry: Entry, version: str) -> bytes:
    """Put the core @context of a version in the place of any other. (NGSI-LD 2.0)"""
    if version not in VERSIONS:
        raise BadRequestData(f"core must be one of {', '.join(VERSIONS)}.")
    if entry.url in URLS:
        return orjson.dumps(document(version))
    context = entry.context()
    several = context if isinstance(context, list) else [context]
    own = [part for part in several if not (isinstance(part, str) and part in URLS)]
    return orjson.dumps({"@context": [*own, url(version)]})


async def delete_context(call: Call, part: Broker) -> Answer:
    """Delete a stored @context, or download it again. (5.13.5, 6.30.3.2)"""
    name = call.path["contextId"]
    if asked.flag(call.params, "reload"):
        await part.contexts.reload(name, call.tenant)
    else:
        await part.contexts.delete(name, call.tenant)
    return Answer(204)
