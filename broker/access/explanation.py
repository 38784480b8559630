"""Why a request is allowed or refused, and what its caller then sees. (docs/access.md)"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from base.access import Caller
from base.errors import Problem
from broker.access.rights import DEFAULT_TENANT, Policy, Rule, refused
from broker.language.scope import ScopeQuery
from broker.language.visibility import Attributes
from broker.model.document import DEFAULT_VOCAB


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a policy says of a request. `deciding`: each verb needed, with the rules that allow it."""

    allowed: bool
    reason: str
    status: int | None
    deciding: dict[str, tuple[Rule, ...]]

    def body(self) -> dict[str, object]:
        """Give it as JSON."""
        return {
            "allowed": self.allowed,
            "reason": self.reason,
            **({} if self.status is None else {"status": self.status}),
            "needs": {verb: [_described(rule) for rule in rules] for verb, rules in self.deciding.items()},
        }

    def lines(self) -> list[str]:
        """Write it for a person."""
        told = [self.reason]
        for verb, rules in self.deciding.items():
            names = ", ".join(f"'{rule.name}'" for rule in rules) or "no rule"
            told.append(f"{verb}: allowed by {names}" if rules else f"{verb}: no rule allows it")
            told += [f"  '{rule.name}': {reach(rule)}" for rule in rules]
        return told


def explain(policy: Policy, caller: Caller, tenant: str, verbs: Sequence[str]) -> Explanation:
    """Say what a policy makes of a caller who needs some verbs on a tenant."""
    applying = policy.of(caller, tenant).rules
    deciding = {verb: tuple(rule for rule in applying if verb in rule.may) for verb in verbs}
    missing = [verb for verb, rules in deciding.items() if not rules]
    where = f"the tenant {tenant or DEFAULT_TENANT}"
    if not verbs:
        return Explanation(True, "allowed: everybody may", None, deciding)
    if not missing:
        what = "allowed, for what these rules reach; anything else is as if it were not there"
        return Explanation(True, what, None, deciding)
    problem: Problem = refused(caller, missing[0])
    known = "the rules that apply allow other things" if applying else "no rule applies to this caller there"
    reason = f"refused with {problem.status}: {' and '.join(missing)} on {where}; {known}"
    return Explanation(False, reason, problem.status, deciding)


def reach(rule: Rule) -> str:
    """Write what a rule reaches, for a person."""
    grant = rule.grant
    types = "entities of every type" if grant.types is None else f"types {_names(grant.types)}"
    scopes = "" if grant.scope is None else f", scopes {_scopes(grant.scope)}"
    return f"{types}{scopes}, {_attributes(grant.attributes)}"


def _attributes(allowed: Attributes) -> str:
    if allowed.every:
        return "every attribute"
    if allowed.others:
        return f"every attribute but {_names(allowed.names)}"
    return f"attributes {_names(allowed.names)}" if allowed.names else "no attribute"


def _names(iris: Iterable[str]) -> str:
    return ", ".join(sorted(iri.removeprefix(DEFAULT_VOCAB) for iri in iris))


def _scopes(query: ScopeQuery) -> str:
    return ", ".join(
        ";".join(pattern.path + ("/#" if pattern.below else "") for pattern in patterns)
        for patterns in query.alternatives
    )


def _described(rule: Rule) -> dict[str, object]:
    grant = rule.grant
    return {
        "rule": rule.name,
        "types": None if grant.types is None else sorted(grant.types),
        "scopes": None if grant.scope is None else _scopes(grant.scope),
        "attributes": {
            "every" if grant.attributes.others else "only": True if grant.attributes.others else [],
        }
        if not grant.attributes.names
        else {"except" if grant.attributes.others else "only": sorted(grant.attributes.names)},
    }
