"""What periodic subscriptions tell: all that matches, here and at sources, joined. (5.8.6, 4.3.6.7)"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

import orjson

from base.access import Caller
from base.jsonld import TermTable
from broker.federation import joining, reduction
from broker.federation.inquiry import Inquiry
from broker.federation.reduction import Words
from broker.language import sources
from broker.language.selection import Window
from broker.model import tenancy
from broker.model.document import Document
from broker.notify import presentation
from broker.notify.interest import Interest
from broker.notify.periodic import Due
from broker.notify.subscription import Body
from broker.operations import distributed_entities, distributed_links, rendering
from broker.operations.admission import as_told
from broker.operations.asked import Links, Wanted
from broker.operations.call import JSON, Broker, Call, Params
from broker.operations.distributed_reading import QUERYING, concerned, inquiry, seeing

_CONDITIONS: Final = ("geoQ", "scopeQ", "expandValues", "jsonKeys")
_TEXTS: Final = ("scopeQ", "expandValues", "jsonKeys")
_GEO: Final = ("georel", "geometry", "geoproperty")


async def due(broker: Broker, tenant: str, interest: Interest, now: int) -> Due | None:
    """Find all that a periodic subscription matches; None: no source is concerned. (5.8.6)"""
    if tenancy.is_snapshot(tenant) or not len(broker.registry.of(tenant)):
        return None
    body = (await broker.notifier.book(tenant)).get(interest.id)
    if not reduction.distributes(body):
        return None
    asking = await broker.subscribing.asking_for(tenant, interest.id)
    own = await broker.subscribing.own_context(tenant, body)
    params = _params(body, Words(own.table, asking.context.table))
    broker, rights = as_told(broker, interest.owner or Caller(), tenant)
    call = Call("GET", "", {}, params, tenant, asking.context, JSON, None, now, rights=rights)
    wanted = _wanted(broker, call, body, interest, own.table)
    several = concerned(broker, asking, wanted, QUERYING, seeing(call))
    if not several:
        return None
    asks = inquiry(broker, asking, wanted.selection.selectors)
    found, _ = await distributed_entities.find(call, broker, asks, several, wanted)
    return await _linked(call, broker, asks, found.documents, interest)


def _params(body: Body, words: Words) -> Params:
    """Write the conditions of a subscription as parameters for sources. (5.2.12, 6.4.3.2)"""
    shown = presentation.named({name: body[name] for name in _CONDITIONS if name in body}, words.write)
    params: dict[str, str] = {name: unquote(shown[name]) for name in _TEXTS if name in shown}
    if "q" in body:
        params["q"] = words.plain(body)
    if geo := shown.get("geoQ"):
        place = geo["coordinates"]
        params |= {name: geo[name] for name in _GEO if name in geo}
        params["coordinates"] = place if isinstance(place, str) else orjson.dumps(place).decode()
    return Params(params)


def _wanted(broker: Broker, call: Call, body: Body, interest: Interest, table: TermTable) -> Wanted:
    """Understand a subscription as a query for all that it matches at once. (5.7.2)"""
    return Wanted(
        replace(interest.selection, dataset_ids=frozenset(body.get("datasetId", ()))),
        Window(broker.settings.entity_map_entities),
        interest.form.representation,
        csf=sources.filter_of_sources(unquote(body["csf"]), table) if "csf" in body else None,
        split=body.get("splitEntities"),
        texts=call.params,
    )


async def _linked(
    call: Call, broker: Broker, asks: Inquiry, documents: Sequence[Document], interest: Interest
) -> Due:
    """Give entities with what reads those they link to, wherever these are. (4.5.23)"""
    here, form = rendering.reading(broker.catalogue.open(call.tenant), call.now), interest.form
    documents = [joining.dated(document, call.now) for document in documents]
    if form.join == "@none":
        return Due(documents, here)
    links = Links(form.join == "inline", form.join_level, frozenset())
    linked = await distributed_links.linked(call, broker, asks, documents, links)
    dated = {id: joining.dated(document, call.now) for id, document in linked.items()}
    return Due(documents, lambda id: dated.get(id) or here(id))
