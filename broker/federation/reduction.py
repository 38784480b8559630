"""A subscription reduced to what one registration covers, as it is passed on to the source. (5.8.1.4, 4.3.6.1)"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from base.jsonld import TermTable
from broker.federation import narrowing
from broker.language import writing
from broker.language.selection import EntitySelector
from broker.language.sources import Information, Match, Source, SourceFilter, SourceSelection
from broker.language.visibility import Visibility
from broker.notify import presentation
from broker.notify.interest import Interest
from broker.notify.subscription import Body

_KEPT: Final = ("type", "notificationTrigger", "timeInterval", "expiresAt", "isActive")
_FILTERS: Final = ("q", "geoQ", "scopeQ", "expandValues", "jsonKeys")
"""What cannot be judged on a part of an entity."""

_QUERIES: Final = frozenset({"queryEntity", "queryBatch"})


@dataclass(frozen=True, slots=True)
class Words:
    """The names in which the queries of a subscription stand, and those for its source."""

    read: TermTable
    write: TermTable

    def query(self, body: Mapping[str, Any]) -> str:
        """Write q for a subscription at the source; as it was given, if it is understood there. (4.9)"""
        text: str = body["q"]
        return text if self.read.key == self.write.key else self.plain(body)

    def plain(self, body: Mapping[str, Any]) -> str:
        """Write q for the source, nothing in it percent-encoded. (4.9)"""
        text = unquote(body["q"])
        if self.read.key == self.write.key:
            return text
        lists = {
            name: frozenset(body.get(name, "").split(",")) - {""} for name in ("expandValues", "jsonKeys")
        }
        return writing.translated(
            text,
            self.read,
            self.write,
            expand_values=lists["expandValues"],
            json_keys=lists["jsonKeys"],
        )


def distributes(body: Mapping[str, Any]) -> bool:
    """Say whether a subscription is about more than the entities held here. (5.2.12, 5.5.13)"""
    everything = any(one["type"] == "*" for one in body.get("entities", ()))
    local = body.get("localOnly") is True or body.get("request", {}).get("local", False)
    return not (everything or local)


def queried(body: Mapping[str, Any], source: Source) -> bool:
    """Say whether a source is asked when an interval ends, rather than given a copy of the subscription. (5.8.6)"""
    return "timeInterval" in body and not _QUERIES.isdisjoint(source.operations)


def judged_here(interest: Interest, seen: Visibility | None) -> bool:
    """Say whether a source must not judge: what it judges by may be hidden from the subscriber. (docs/access.md)"""
    if seen is None:
        return False
    q, geo = interest.selection.q, interest.selection.geo
    names = (q.attributes if q else frozenset()) | ({geo.geoproperty} if geo else set())
    return bool(q and q.depth) or not all(map(seen.always, names))


def wanted(body: Mapping[str, Any], interest: Interest, csf: SourceFilter | None = None) -> SourceSelection:
    """Say which registrations a subscription to entities is about. (5.8.1.4, 5.12)"""
    watched, told = body.get("watchedAttributes", ()), body["notification"].get("attributes", ())
    return SourceSelection(
        selectors=interest.selection.selectors,
        attributes=frozenset((*watched, *told)) if watched and told else frozenset(),
        dataset_ids=frozenset(body.get("datasetId", ())),
        csf=csf,
    )


def reduced(
    body: Mapping[str, Any],
    interest: Interest,
    match: Match,
    words: Words,
    endpoint: str,
    *,
    split: bool,
    seen: Visibility | None = None,
) -> Body | None:
    """Write the subscription for a source, without an id, in the words for it; None if it could tell nothing.

    `seen`: what its maker may see; what is hidden takes no part in filters, nor in the time between notifications."""
    registered = _attributes(match.information)
    kept = (*_KEPT, *(() if split else _judging(interest, seen)))
    made: Body = {name: body[name] for name in kept if name in body}
    entities = _entities(interest.selection.selectors, match)
    watched = _both(body.get("watchedAttributes", ()), registered)
    if entities is None or watched is None:
        return None
    if entities:
        made["entities"] = entities
    if watched and "timeInterval" not in body:
        made["watchedAttributes"] = watched
    limited = seen is not None and seen.limited
    datasets = _both(() if limited else body.get("datasetId", ()), match.source.dataset_ids)
    if datasets:
        made["datasetId"] = datasets
    if "splitEntities" in body:
        made["splitEntities"] = body["splitEntities"]
    if match.source.body.get("management", {}).get("localOnly") is True:
        made["localOnly"] = True
    made["notification"] = _notification(body["notification"], registered, endpoint, split, limited)
    if "q" in made:
        made["q"] = words.query(made)
    shown = presentation.show(made, words.write, 0)
    del shown["status"]
    return shown


def _judging(interest: Interest, seen: Visibility | None) -> tuple[str, ...]:
    """Name the members by which a source judges and counts for us. (docs/access.md)"""
    filters = () if judged_here(interest, seen) else _FILTERS
    return (*filters, "throttling") if seen is None else filters


def _notification(given: Body, registered: frozenset[str], endpoint: str, split: bool, limited: bool) -> Body:
    """Have the source tell whole entities in the normalized form: the form wanted is made here. (5.2.14)"""
    made: Body = {"endpoint": {"uri": endpoint, "accept": "application/json"}}
    whole = split or limited
    told = () if whole else given.get("attributes", ())
    if attributes := _both(told, registered) or sorted(registered):
        made["attributes"] = attributes
    if whole or given.get("sysAttrs"):
        made["sysAttrs"] = True
    if limited or given.get("showChanges"):
        made["showChanges"] = True
    return made


def _both(asked: Iterable[str], offered: frozenset[str]) -> list[str] | None:
    """Give what is both asked for and offered, where empty stands for all; None if there is nothing."""
    asked = list(asked)
    if not asked or not offered:
        return asked or sorted(offered)
    return [name for name in asked if name in offered] or None


def _attributes(information: Iterable[Information]) -> frozenset[str]:
    """Name the attributes that elements of information cover; none: any."""
    every = [info.attributes for info in information]
    return frozenset().union(*every) if all(every) else frozenset()


def _entities(selectors: tuple[EntitySelector, ...], match: Match) -> list[Body] | None:
    """Select the entities that a subscription wants and a registration covers; empty: any, None: none. (5.2.33)"""
    met = list(dict.fromkeys(part.selector for part in narrowing.narrow(match, selectors)))
    if not met:
        return None
    written = [_selector(one) for one in met]
    return [] if {} in written else written


def _selector(selector: EntitySelector) -> Body:
    """Write an EntitySelector, names as IRIs. (5.2.33, 4.17)"""
    made: Body = {}
    if selector.ids:
        made["id"] = selector.ids[0] if len(selector.ids) == 1 else list(selector.ids)
    elif selector.id_pattern is not None:
        made["idPattern"] = selector.id_pattern
    alternatives = selector.types.alternatives if selector.types is not None else ()
    if made or alternatives:
        texts = [names[0] if len(names) == 1 else f"({';'.join(names)})" for names in alternatives]
        made["type"] = "|".join(texts) or "*"
    return made
