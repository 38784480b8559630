"""Requests and answers in the names of another @context than they were made with. (4.3.6.6, 5.5.7)

Names are translated where JSON-LD would expand them: member names, entity types, and the terms in parameters and
queries. Values stay as they are, but for the names of members inside them.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, unquote

from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.federation.asking import Request
from broker.language import projection, writing

_LIST = re.compile(r"[^,\s]+")
_TYPES = re.compile(r"[^,|;()\s]+")
_PROJECTION = re.compile(r"[^,|{}\s]+")
_EVERY: Final = frozenset({"*"})
_NONE: Final[frozenset[str]] = frozenset()
_NAMING_PATHS: Final = frozenset({"attrs", "attributes", "types"})
_IN_PARAMS: Final[Mapping[str, tuple[re.Pattern[str], frozenset[str]]]] = {
    "type": (_TYPES, _EVERY),
    "attrs": (_LIST, _NONE),
    "keep": (_LIST, _NONE),
    "drop": (_LIST, _NONE),
    "expandValues": (_LIST, _NONE),
    "jsonKeys": (_LIST, _NONE),
    "geoproperty": (_LIST, _NONE),
    "geometryProperty": (_LIST, _NONE),
    "pick": (_PROJECTION, projection.CORE_MEMBERS),
    "omit": (_PROJECTION, projection.CORE_MEMBERS),
}
_NAMES: Final = frozenset(
    {
        *("type", "@type", "vocab", "previousVocab", "objectType", "valueType", "entityTypeSealed"),
        *("typeList", "attributeList", "typeNames", "attributeNames", "typeName", "attributeName"),
    }
)
"""Members of payloads whose values are names."""
_KEPT: Final = frozenset(
    {"@context", "id", "@id", "json", "previousJson", "languageMap", "previousLanguageMap", "coordinates"}
)
_VALUES: Final = frozenset({"value", "previousValue", "valueList", "previousValueList"})


@dataclass(frozen=True, slots=True)
class Wording:
    """From the names of one @context to those of another; `core`: names that mean the same in both. (5.5.7)"""

    read: TermTable
    write: TermTable
    core: Collection[str]

    @property
    def same(self) -> bool:
        """Say whether there is nothing to translate."""
        return self.read.key == self.write.key

    def turned(self) -> "Wording":
        """Give the way back."""
        return Wording(self.write, self.read, self.core)

    def name(self, name: str) -> str:
        """Translate one name."""
        return name if name in self.core else self.write.term(self.read.iri(name))

    def request(self, request: Request) -> Request:
        """Translate a request: its path, parameters and body; BadRequestData where it cannot be read. (4.3.6.6)"""
        return replace(
            request,
            path=self._path(request.path),
            params=self.params(request.params),
            body=self._payload(request),
        )

    def params(self, params: Mapping[str, str]) -> dict[str, str]:
        """Translate the terms in parameters."""
        made = {}
        for name, value in params.items():
            if name in _IN_PARAMS:
                value = self._text(value, *_IN_PARAMS[name])
            elif name == "q":
                value = self._query(value, params.get("expandValues", ""), params.get("jsonKeys", ""))
            elif name == "orderBy":
                value = writing.translated_order(value, self.read, self.write)
            made[name] = value
        return made

    def _payload(self, request: Request) -> Any:
        """Translate the payload of a request: a Query, a Subscription, or (part of) entities."""
        about = request.path.startswith("/subscriptions") or request.path.endswith(("/query", "/entityMaps"))
        return self._about_entities(request.body) if about else self.body(request.body)

    def body(self, body: Any) -> Any:
        """Translate entities, their attributes, or fragments of them."""
        if isinstance(body, list):
            return [self.body(one) for one in body]
        if not isinstance(body, dict):
            return body
        made: dict[str, Any] = {}
        for name, value in body.items():
            new = self.name(name)
            # two names of one IRI: one of them stays as it is, so that no member is lost
            made[name if new in made or (new != name and new in body) else new] = self._member(name, value)
        return made

    def _member(self, name: str, value: Any) -> Any:
        if name in _KEPT:
            return value
        if name in _NAMES:
            return self._named(value)
        if name in _VALUES:
            return self._within(value)
        return self.body(value)

    def _named(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._named(one) for one in value]
        return self.name(value) if isinstance(value, str) else self.body(value)

    def _within(self, value: Any) -> Any:
        """Translate the names of members inside a value. (4.5.2)"""
        if isinstance(value, list):
            return [self._within(one) for one in value]
        if not isinstance(value, dict):
            return value
        return self.write.compact_value(self.read.value(value))

    def _about_entities(self, body: Any) -> Any:
        """Translate a Query or a Subscription. (5.2.12, 5.2.23)"""
        if not isinstance(body, dict):
            return body
        made = dict(body)
        for name, change in self._changes(body).items():
            if name in body:
                made[name] = change(body[name])
        return made

    def _changes(self, body: Mapping[str, Any]) -> Mapping[str, Callable[[Any], Any]]:
        listed = {name: self._listed(*rule) for name, rule in _IN_PARAMS.items() if name != "type"}
        return {
            **listed,
            "entities": self._selectors,
            "watchedAttributes": self._named,
            "q": lambda q: self._query(q, body.get("expandValues", ""), body.get("jsonKeys", "")),
            "geoQ": self._inner("geoproperty", self._named),
            "ordering": self._inner("orderBy", self._order),
            "notification": lambda value: self._notification(value, listed),
        }

    def _notification(self, value: Any, listed: Mapping[str, Callable[[Any], Any]]) -> Any:
        for name, change in {**listed, "attributes": self._named}.items():
            value = self._inner(name, change)(value)
        return value

    def _inner(self, name: str, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Make what changes one member of an object."""
        return lambda value: (
            {**value, name: change(value[name])} if isinstance(value, dict) and name in value else value
        )

    def _selectors(self, value: Any) -> Any:
        change = self._inner("type", self._listed(_TYPES, _EVERY))
        return [change(one) for one in value] if isinstance(value, list) else change(value)

    def _listed(self, names: re.Pattern[str], kept: frozenset[str]) -> Callable[[Any], Any]:
        """Make what translates names in a text, or in each text of a list."""

        def change(value: Any) -> Any:
            if isinstance(value, list):
                return [change(one) for one in value]
            return self._text(value, names, kept) if isinstance(value, str) else value

        return change

    def _order(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._order(one) for one in value]
        return writing.translated_order(value, self.read, self.write) if isinstance(value, str) else value

    def _text(self, text: str, names: re.Pattern[str], kept: frozenset[str]) -> str:
        return names.sub(lambda found: found[0] if found[0] in kept else self._fitting(found[0], names), text)

    def _fitting(self, name: str, names: re.Pattern[str]) -> str:
        """Translate a name where signs separate names: a term that holds such a sign gives way to the IRI."""
        new = self.name(name)
        if names.fullmatch(new):
            return new
        iri = self.read.iri(name)
        if not names.fullmatch(iri):
            raise BadRequestData(
                "A name in the request cannot be written for this context source; rename it."
            )
        return iri

    def _query(self, text: Any, expand_values: Any, json_keys: Any) -> Any:
        if not isinstance(text, str):
            return text
        return writing.translated(
            text,
            self.read,
            self.write,
            expand_values=_listed_names(expand_values),
            json_keys=_listed_names(json_keys),
        )

    def _path(self, path: str) -> str:
        """Translate the name of a type or attribute in a path: the segment after attrs, attributes or types."""
        segments = path.split("/")
        for at, before in enumerate(segments[:-1]):
            if before in _NAMING_PATHS and segments[at + 1]:
                segments[at + 1] = quote(self.name(unquote(segments[at + 1])), safe=":")
        return "/".join(segments)


def _listed_names(given: Any) -> frozenset[str]:
    texts = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else ()
    return frozenset(one for one in texts if isinstance(one, str) and one)
