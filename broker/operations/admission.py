"""What an operation asks of its caller, and the part of the broker that it then sees. (docs/access.md)

Without a policy none of this is there: the table of operations stays as it is.
"""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any, Final

from base.access import Caller
from broker.access.policies import Policies
from broker.access.rights import VERBS, Rights, refused
from broker.access.view import VisibleCatalogue
from broker.model import tenancy
from broker.operations.call import Answer, Broker, Call, Operation

Run = Callable[[Call, Broker], Coroutine[Any, Any, Answer]]

_IDENTITY: Final = "/info/sourceIdentity"
OPEN: Final = frozenset({("GET", "/jsonldContexts/{contextId}"), ("GET", _IDENTITY)})
"""What everybody may: whoever is sent data reads the @context they are written in, and whose they are."""
PURGES: Final = frozenset({"/entities", "/snapshots"})
_VERBS: Final = (
    # the beginning of the path, what reading needs, what changing needs
    ("/entityMaps", "read", "read"),
    ("/temporal/entityMaps", "read", "read"),
    ("/entities", "read", "write"),
    ("/entityOperations", "read", "write"),
    ("/temporal", "read", "write"),
    ("/types", "read", "read"),
    ("/attributes", "read", "read"),
    ("/subscriptions", "subscribe", "subscribe"),
    ("/csourceRegistrations", "register", "register"),
    ("/csourceSubscriptions", "register", "register"),
    ("/snapshots", "snapshot", "snapshot"),
    ("/jsonldContexts", "contexts", "contexts"),
)
_DOING: Final = {
    "read": "read",
    "write": "write",
    "purge": "purge",
    "subscribe": "subscribe",
    "register": "register context sources",
    "snapshot": "use snapshots",
    "contexts": "look after @contexts",
}


def verbs(operation: Operation) -> tuple[str, ...]:
    """Name what a caller must be allowed; nothing for what everybody may."""
    if (operation.method, operation.path) in OPEN:
        return ()
    if operation.method == "DELETE" and operation.path in PURGES:
        return ("purge", "write" if operation.path == "/entities" else "snapshot")
    reads = operation.method == "GET" or operation.path.endswith("/query")
    for start, reading, changing in _VERBS:
        if operation.path == start or operation.path.startswith(start + "/"):
            return (reading if reads else changing,)
    return tuple(VERBS)  # what is not known here is for those who may do everything


def check(rights: Rights, caller: Caller, operation: Operation, *, snapshot: bool) -> None:
    """Refuse what the caller may not do at all on a tenant, before it is said whether the tenant is there."""
    needed = verbs(operation)
    for verb in (*needed, "snapshot") if snapshot and needed else needed:
        if not rights.may(verb):
            raise refused(caller, f"{_DOING.get(verb, verb)} on this tenant")


def _check_identity(rights: Rights, caller: Caller, operation: Operation, tenant: str) -> None:
    """Say of a tenant whether it is there only to those who may do something on it."""
    if tenant and operation.path == _IDENTITY and not rights.verbs:
        raise refused(caller, "ask for this tenant")


def _check_filter(rights: Rights, call: Call) -> None:
    """Refuse to choose among sources by what their registrations say to those who may not see registrations."""
    body = call.body if isinstance(call.body, dict) else {}
    if ("csf" in call.params or "csf" in body) and not rights.may("register"):
        raise refused(call.caller, "use csf")


def admitting(operations: Iterable[Operation], policies: Policies) -> tuple[Operation, ...]:
    """Give the operations as they are for callers with limited rights."""
    return tuple(_admitting(operation, policies) for operation in operations)


def _admitting(operation: Operation, policies: Policies) -> Operation:
    def admit(caller: Caller, tenant: str, snapshot: bool) -> None:
        rights = policies.of(caller, tenant)
        check(rights, caller, operation, snapshot=snapshot)
        _check_identity(rights, caller, operation, tenant)

    def run(call: Call, broker: Broker) -> Coroutine[Any, Any, Answer]:
        # asked again, for the policy may be another one since a read was understood
        rights = policies.of(call.caller, call.tenant)
        check(rights, call.caller, operation, snapshot=tenancy.is_snapshot(call.tenant))
        _check_filter(rights, call)
        purges = rights.may("purge")
        return operation.run(
            replace(call, rights=rights, local_caller=purges), _as_seen(broker, rights, call.caller)
        )

    return replace(operation, run=run, admit=admit)


def as_seen(broker: Broker, caller: Caller, tenant: str) -> Broker:
    """Give the broker as it is for a caller: with what is visible to them, and nothing else."""
    if broker.policies is None:
        return broker
    return _as_seen(broker, broker.policies.of(caller, tenant), caller)


def as_told(broker: Broker, maker: Caller, tenant: str) -> tuple[Broker, Rights | None]:
    """Give the broker with what may be told the maker of a subscription, and in rights what that is."""
    if broker.policies is None:
        return broker, None
    rights = broker.policies.of(maker, tenant)
    rights = replace(rights, reading=rights.subscribing)
    return _as_seen(broker, rights, maker), rights


def _as_seen(broker: Broker, rights: Rights, caller: Caller) -> Broker:
    return replace(broker, catalogue=VisibleCatalogue(broker.catalogue, rights, caller))
