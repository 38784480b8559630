"""What one caller may do on one tenant, and the policy that says so. (docs/access.md)"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from base.access import Caller, unauthorized
from base.access.who import Who, fits
from base.errors import NotPermitted, Problem
from broker.language.visibility import Grant, Visibility
from broker.model import tenancy

VERBS: Final = {
    "read": "retrieve and query entities, their history, types and attributes; use entity maps of one's own",
    "write": "create, change and delete entities and their history",
    "purge": "delete what a query selects, of what may be written; delete one's snapshots by a query",
    "subscribe": "make subscriptions, and look after one's own; they tell what this rule allows",
    "register": "register context sources for what this rule allows, look after such registrations, subscribe to them",
    "snapshot": "make snapshots of what may be read, and use one's own",
    "contexts": "store, list and delete @contexts",
    "manage": "look after the subscriptions, entity maps and snapshots of others",
}
"""What a rule may allow: each verb with what it stands for."""

DEFAULT_TENANT: Final = "default"
"""How a policy names the tenant without a name."""
_REMEMBERED: Final = 1_024


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a policy: who may do what, on which tenants, with which entities."""

    name: str
    who: tuple[Who, ...]
    may: frozenset[str]
    tenants: tuple[str, ...]
    grant: Grant

    def applies(self, caller: Caller, tenant: str) -> bool:
        """Say whether the rule is about this caller on this tenant."""
        return any(one.means(caller) for one in self.who) and any(_means(one, tenant) for one in self.tenants)


def _means(pattern: str, tenant: str) -> bool:
    """Say whether a pattern means a tenant: 'default' is the one without a name, and none that is called so."""
    if not tenant:
        return pattern in (DEFAULT_TENANT, "*")
    return pattern != DEFAULT_TENANT and fits(pattern, tenant)


@dataclass(frozen=True, slots=True, eq=False)
class Rights:
    """What a caller may do on a tenant, and with what; None: with everything there is.

    Callers to whom the same rules apply have the same object, so that what is kept for one serves the other."""

    rules: tuple[Rule, ...]
    verbs: frozenset[str]
    reading: Visibility | None
    writing: Visibility | None
    subscribing: Visibility | None
    registering: Visibility | None

    def may(self, verb: str) -> bool:
        """Say whether the caller may do this kind of thing at all."""
        return verb in self.verbs


def rights_of(rules: tuple[Rule, ...]) -> Rights:
    """Add up the rules that apply."""

    def reach(verb: str) -> Visibility | None:
        grants = tuple(dict.fromkeys(rule.grant for rule in rules if verb in rule.may))
        return None if Grant() in grants else Visibility(grants)

    verbs = frozenset(verb for rule in rules for verb in rule.may)
    return Rights(rules, verbs, reach("read"), reach("write"), reach("subscribe"), reach("register"))


class Policy:
    """The rules of one policy file. What no rule allows is refused."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        # the notifications of a change are written in another thread: these caches may be used from any
        self._of_rules = lru_cache(_REMEMBERED)(rights_of)
        self._of = lru_cache(_REMEMBERED)(self._found)

    def of(self, caller: Caller, database: str) -> Rights:
        """Give the rights of a caller on a tenant, and in its snapshots."""
        return self._of(caller, tenancy.parted(database)[0])

    def _found(self, caller: Caller, tenant: str) -> Rights:
        return self._of_rules(tuple(rule for rule in self.rules if rule.applies(caller, tenant)))


def refused(caller: Caller, what: str) -> Problem:
    """Refuse: 401 to somebody unknown, who may be known with a credential; 403 to everybody else."""
    if caller.kind == "anonymous":
        return unauthorized(f"Anonymous callers may not {what} here; send a credential.")
    return NotPermitted(f"You may not {what} here; ask the operator of this broker for the permission.")


# --- who made something ------------------------------------------------------------------------------------------


def owner_of(caller: Caller) -> dict[str, Any]:
    """Write down who made a subscription or a snapshot, to judge by later."""
    return {"kind": caller.kind, "name": caller.name, "roles": sorted(caller.roles)}


def owner_in(held: Any) -> Caller:
    """Read who made something; what was made before there was a policy belongs to an anonymous caller."""
    if not held:
        return Caller()
    return Caller(held["kind"], held["name"], frozenset(held["roles"]))


def same_maker(caller: Caller, maker: Caller) -> bool:
    """Say whether a caller made something. Anonymous callers cannot be told apart: they are one."""
    return maker.kind == caller.kind and maker.name == caller.name


# --- changes -----------------------------------------------------------------------------------------------------

TYPE: Final = "@type"
"""How a rule names the types of an entity among its attributes; its scope is named by its IRI."""
