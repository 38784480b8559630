"""The policy file: rules in TOML, read as a whole or not at all. (docs/access.md)"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from base.access.who import Who
from base.errors import Problem
from base.jsonld import TermTable, core_of, flatten, table_of
from base.settings import SettingError
from broker.access.rights import TYPE, VERBS, Policy, Rule
from broker.language import scope
from broker.language.scope import ScopeQuery
from broker.language.visibility import EVERY_ATTRIBUTE, Attributes, Grant
from schemas import core_contexts

_TOP: Final = frozenset({"@context", "rule"})
_MEMBERS: Final = frozenset(
    {"name", "who", "may", "tenants", "types", "scopes", "attributes", "attributes_except"}
)
_DEEPEST: Final = 8


def load(file: Path) -> Policy:
    """Read a policy; SettingError names the file, the line or the rule, and what is wrong there."""
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"the policy {file} cannot be read: {error}") from error
    try:
        return parse(given, file.parent)
    except ValueError as error:
        raise SettingError(f"the policy {file} is wrong: {error}") from error


def parse(given: Mapping[str, Any], folder: Path) -> Policy:
    """Understand a policy; ValueError says in which rule what is wrong. `folder` is where its @context file lies."""
    for name in given.keys() - _TOP:
        raise ValueError(f"there is no '{name}'; a policy has '@context' and [[rule]]")
    table = _table(given.get("@context", {}), folder)
    rules = given.get("rule", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ValueError("rules are written as [[rule]]")
    return Policy(_rule(rule, number, table) for number, rule in enumerate(rules, 1))


def _table(source: Any, folder: Path) -> TermTable:
    """Process the @context: terms in the file itself, or a JSON-LD file beside it."""
    core = core_of(core_contexts.document()["@context"])

    def read(name: str) -> Any:
        try:
            return orjson.loads((folder / name).read_bytes())["@context"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"the @context {name} cannot be read; it must be a JSON-LD file beside the policy"
            ) from error

    try:
        flat: list[dict[str, Any]] = []
        for element in source if isinstance(source, list) else [source]:
            named = isinstance(element, str) and element not in core_contexts.URLS
            flat += flatten(read(element) if named else element, read, core_contexts.URLS, _DEEPEST)
        return table_of(core, flat)
    except Problem as problem:
        raise ValueError(problem.detail) from problem


def _rule(given: Mapping[str, Any], number: int, table: TermTable) -> Rule:
    name = given.get("name", f"rule {number}")
    if not isinstance(name, str):
        raise ValueError(f"rule {number}: name must be a text")
    where = f"rule {number}" + (f" ('{name}')" if "name" in given else "")
    try:
        for member in given.keys() - _MEMBERS:
            raise ValueError(f"there is no '{member}'; a rule has {', '.join(sorted(_MEMBERS))}")
        return Rule(
            name,
            tuple(map(Who, _texts(given, "who", needed=True))),
            _verbs(given),
            _texts(given, "tenants") if "tenants" in given else ("default",),
            Grant(_types(given, table), _scope(given), _attributes(given, table)),
        )
    except (ValueError, Problem) as error:
        raise ValueError(f"{where}: {error}") from error


def _verbs(given: Mapping[str, Any]) -> frozenset[str]:
    verbs = frozenset(_texts(given, "may", needed=True))
    for verb in verbs - VERBS.keys():
        raise ValueError(f"may '{verb[:60]}' means nothing; the verbs are {', '.join(VERBS)}")
    return verbs


def _types(given: Mapping[str, Any], table: TermTable) -> frozenset[str] | None:
    if "types" not in given:
        return None
    if "*" in _texts(given, "types", needed=True):
        raise ValueError("types are names; leave types out to mean all of them")
    return frozenset(_names(given, "types", table))


def _scope(given: Mapping[str, Any]) -> ScopeQuery | None:
    return scope.parse(",".join(_texts(given, "scopes", needed=True))) if "scopes" in given else None


def _attributes(given: Mapping[str, Any], table: TermTable) -> Attributes:
    if "attributes" in given and "attributes_except" in given:
        raise ValueError("attributes and attributes_except exclude each other")
    if "attributes" in given:
        return Attributes(frozenset(_names(given, "attributes", table)))
    if "attributes_except" in given:
        return Attributes(frozenset(_names(given, "attributes_except", table)), others=True)
    return EVERY_ATTRIBUTE


def _names(given: Mapping[str, Any], member: str, table: TermTable) -> list[str]:
    return [TYPE if name == "type" else table.iri(name) for name in _texts(given, member)]


def _texts(given: Mapping[str, Any], member: str, *, needed: bool = False) -> tuple[str, ...]:
    value = given.get(member, [])
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(one, str) and one.strip() for one in texts):
        raise ValueError(f"{member} must be a text or a list of texts")
    if needed and not texts:
        raise ValueError(f"{member} is missing or empty")
    return tuple(texts)
