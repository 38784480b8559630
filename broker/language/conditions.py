"""Conditions: a query tree turned into one function of a document, made once. (4.9)

Instances of an attribute: any of them may meet the term. Elements of an array and texts of a LanguageProperty count
together: any of them for ==, none of them for !=. An array is no text and no number: ordering and patterns never
match it; neither do they match a Relationship.
"""

import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from broker.language.literals import KEYS, plain
from broker.language.patterns import searcher
from broker.language.tree import (
    And,
    Hop,
    Kind,
    Literal,
    Node,
    Op,
    Operand,
    Path,
    Pattern,
    Range,
    Term,
    Values,
)
from broker.model.document import VALUE_MEMBER, Document, Instance

Resolve: TypeAlias = Callable[[str], Document | None]
Condition: TypeAlias = Callable[[Document, Resolve], bool]
Check: TypeAlias = Callable[[Any], bool]

MICROSECONDS = frozenset({"createdAt", "modifiedAt", "deletedAt"})
MISSING = object()
_RELATIONS = ("Relationship", "ListRelationship")
_FOR_RELATIONS = (Op.EXISTS, Op.EQUAL, Op.UNEQUAL)
_AS_GIVEN = ("JsonProperty", "GeoProperty")
_ORDER: dict[Op, Callable[[Any, Any], bool]] = {
    Op.GREATER: operator.gt,
    Op.GREATER_EQ: operator.ge,
    Op.LESS: operator.lt,
    Op.LESS_EQ: operator.le,
}


def compiled(tree: Node) -> Condition:
    """Turn a tree into a function of a document and a look-up of linked entities."""
    if isinstance(tree, Term):
        return _term(tree)
    conditions = tuple(compiled(part) for part in tree.parts)
    if isinstance(tree, And):
        return lambda document, resolve: all(holds(document, resolve) for holds in conditions)
    return lambda document, resolve: any(holds(document, resolve) for holds in conditions)


def _term(term: Term) -> Condition:
    if term.op is Op.ABSENT:
        present = _term(Term(term.path))
        return lambda document, resolve: not present(document, resolve)
    condition = _found(term)
    for hop in reversed(term.path.hops):
        condition = _linked(hop, condition)
    return condition


def _found(term: Term) -> Condition:
    instances = _instances(term.path.names)
    target_of, check = target(term.path, related=term.op in _FOR_RELATIONS), _check(term)

    def condition(document: Document, resolve: Resolve) -> bool:
        for instance in instances(document):
            value = target_of(instance)
            if value is not MISSING and check(value):
                return True
        return False

    return condition


def _linked(hop: Hop, condition: Condition) -> Condition:
    instances, types = _instances(hop.names), frozenset(hop.types)

    def linked(document: Document, resolve: Resolve) -> bool:
        for instance in instances(document):
            for uri in _objects(instance):
                entity = resolve(uri)
                wanted = entity is not None and (not types or not types.isdisjoint(entity["type"]))
                if wanted and condition(entity, resolve):  # type: ignore[arg-type]  # wanted: it is there
                    return True
        return False

    return linked


def _objects(instance: Instance) -> list[str]:
    objects = instance.get("object") or instance.get("objectList") or []
    return [objects] if isinstance(objects, str) else objects


def _instances(names: tuple[str, ...]) -> Callable[[Any], Iterable[Instance]]:
    if not names:
        return lambda document: (document,)
    first, rest = names[0], names[1:]
    if not rest:
        return lambda document: document["attrs"].get(first, ())

    def walk(document: Document) -> Iterable[Instance]:
        found: Iterable[Instance] = document["attrs"].get(first, ())
        for name in rest:
            found = [sub for instance in found for sub in instance.get("attrs", {}).get(name, ())]
        return found

    return walk


def target(path: Path, *, related: bool) -> Callable[[Instance], Any]:
    """Make a function that gives the target value of an instance: a tuple for the texts of a LanguageProperty."""
    if path.member:
        member = path.member
        return lambda instance: instance.get(member, MISSING)
    if path.trailing:
        return lambda instance: _trailing(instance, path)

    def whole(instance: Instance) -> Any:
        kind = instance["type"]
        if kind == "LanguageProperty":
            return _texts(instance["languageMap"].values())
        return MISSING if kind in _RELATIONS and not related else instance[VALUE_MEMBER[kind]]

    return whole


def _trailing(instance: Instance, path: Path) -> Any:
    kind = instance["type"]
    if kind == "LanguageProperty":
        return _language(instance["languageMap"], path.trailing)
    value = instance[VALUE_MEMBER[kind]]
    for name in path.trailing if kind in _AS_GIVEN else path.expanded:
        if type(value) is not dict or name not in value:
            return MISSING
        value = value[name]
    return value


def _language(texts: dict[str, Any], names: tuple[str, ...]) -> Any:
    if names == ("*",):
        return _texts(texts.values())
    wanted = names[0].lower()
    found = [value for tag, value in texts.items() if tag.lower() == wanted] if len(names) == 1 else []
    return _texts(found) if found else MISSING


def _texts(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(text for value in values for text in (value if isinstance(value, list) else (value,)))


def _check(term: Term) -> Check:
    """Make a function of the target value."""
    operand = term.operand
    if operand is None:
        return lambda value: True
    if isinstance(operand, Pattern):
        return _matching(searcher(operand.expression), wanted=term.op is Op.PATTERN)
    exact = term.path.member in MICROSECONDS
    if term.op in _ORDER:
        assert isinstance(operand, Literal)
        return _ordered(_ORDER[term.op], operand, exact)
    same = _same(operand, exact)
    if term.op is Op.EQUAL:
        return lambda value: any(map(same, value)) if type(value) in (list, tuple) else same(value)
    return lambda value: not any(map(same, value)) if type(value) in (list, tuple) else not same(value)


def _matching(found: Check, *, wanted: bool) -> Check:
    def texts(value: Any) -> bool:
        value = plain(value)
        if type(value) is str:
            return found(value) is wanted
        if type(value) is not tuple:
            return False
        return any(map(found, value)) if wanted else not any(map(found, value))

    return texts


def _key(kind: Kind, exact: bool) -> Callable[[Any], Any]:
    if not exact:
        return KEYS[kind]
    return (lambda value: value) if kind is Kind.INSTANT else (lambda value: None)


def _ordered(order: Callable[[Any, Any], bool], operand: Literal, exact: bool) -> Check:
    key, bound = _key(operand.kind, exact), operand.value

    def single(value: Any) -> bool:
        value = key(plain(value))
        return value is not None and order(value, bound)

    return lambda value: any(map(single, value)) if type(value) is tuple else single(value)


def _same(operand: Operand, exact: bool) -> Check:
    if isinstance(operand, Values):
        return _listed(operand.literals, exact)
    if isinstance(operand, Range):
        key, low, high = _key(operand.low.kind, exact), operand.low.value, operand.high.value

        def between(value: Any) -> bool:
            value = key(plain(value))
            return value is not None and low <= value <= high

        return between
    assert isinstance(operand, Literal)
    single, wanted = _key(operand.kind, exact), operand.value
    return lambda value: single(plain(value)) == wanted


def _listed(literals: tuple[Literal, ...], exact: bool) -> Check:
    wanted = tuple(
        (_key(kind, exact), frozenset(literal.value for literal in literals if literal.kind is kind))
        for kind in dict.fromkeys(literal.kind for literal in literals)
    )

    def listed(value: Any) -> bool:
        value = plain(value)
        return any(key(value) in values for key, values in wanted)

    return listed
