"""The broker's doors as its settings want them, and what its audit log says of a request. (docs/security.md)"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from base import clock
from base.access.audit import Audit
from base.access.caller import Caller
from base.access.certificates import Tls, TlsFiles
from base.access.doors import Doors
from base.access.issuers import Issuer, read
from base.access.keys import Keys
from base.access.limits import Limit
from base.admin import Handler as Command
from base.egress import AddressPolicy
from base.errors import Problem
from base.settings import SettingError
from broker.operations.call import Operation
from broker.settings import BrokerSettings

if TYPE_CHECKING:
    from base.access.tokens import Tokens

FLOODS: Final = frozenset((401, 429))
"""Statuses of refusals at the door: what else these requests say is not looked at."""
HEALTH: Final = ("/health/live", "/health/ready")
"""Asked by what keeps the broker running: never limited."""
LONGEST_ENTITY: Final = 1_000
SHOWING: Final = frozenset(
    (
        "check",
        "stats",
        "tenants.list",
        "outbox.list",
        "outbox.dead",
        "schema.list",
        "history.show",
        "keys.list",
        "transfer.put",
    )
)
"""Commands that change nothing by themselves."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked, as far as it was understood."""

    operation: Operation | None
    path: Mapping[str, str]
    tenant: str
    understood: bool


def doors_of(settings: BrokerSettings, policy: AddressPolicy) -> Doors:
    """Build the doors; SettingError says which setting cannot be used."""
    issuers = read(settings.issuers) if settings.issuers is not None else ()
    rate, tls = settings.requests_per_second, _tls(settings)
    return Doors(
        Keys(settings.data),
        _tokens(issuers, policy) if issuers else None,
        Limit(rate, settings.requests_burst) if rate else None,
        Audit(settings.audit) if settings.audit is not None else None,
        tls,
    )


def _tokens(issuers: Sequence[Issuer], policy: AddressPolicy) -> "Tokens":
    from base.access.tokens import Tokens  # megabytes of cryptography, which few brokers need

    return Tokens(issuers, policy)


def _tls(settings: BrokerSettings) -> Tls | None:
    if settings.tls_certificate is None:
        if settings.tls_key or settings.tls_client_authorities or settings.tls_clients == "required":
            raise SettingError("tls_key, tls_client_authorities and tls_clients need a tls_certificate")
        return None
    # half of the connections may be beginning, or being refused
    return Tls(tls_files(settings, settings.tls_certificate), settings.connections * 2)


def tls_files(settings: BrokerSettings, certificate: Path) -> TlsFiles:
    """Name the files of TLS; SettingError if one is missing."""
    authorities, clients = settings.tls_client_authorities, settings.tls_clients
    if clients == "required" and authorities is None:
        raise SettingError(
            "tls_clients = 'required' needs tls_client_authorities, by which they are verified"
        )
    return TlsFiles(certificate, settings.tls_key, authorities, clients)


def limiting(doors: Doors, elsewhere: Handler) -> Any:
    """Make a middleware that limits requests for pages and other resources; `elsewhere` has doors of its own."""

    @web.middleware
    async def enter(request: web.Request, handler: Handler) -> web.StreamResponse:
        if doors.limit is None or request.path in HEALTH or request.match_info.handler == elsewhere:
            return await handler(request)
        try:
            doors.admit(request)
        except Problem as problem:
            return web.json_response(problem.body(), status=problem.status, headers=problem.headers)
        return await handler(request)

    return enter


def noting(doors: Doors, commands: Mapping[str, Command]) -> Mapping[str, Command]:
    """Have the audit log tell of each command of the operator that does more than show something."""
    audit = doors.audit
    if audit is None:
        return commands

    def noted(name: str, command: Command) -> Command:
        async def run(asked: Mapping[str, Any]) -> Any:
            about = {what: asked[what] for what in ("tenant", "name") if isinstance(asked.get(what), str)}
            audit.note({"time": clock.show(clock.now()), "event": "command", "command": name, **about})
            return await command(asked)

        return run

    return {name: command if name in SHOWING else noted(name, command) for name, command in commands.items()}


def note(
    audit: Audit, identifier: str, caller: Caller | None, done: Done, status: int, *, refused: bool
) -> None:
    """Log a write, or a refusal: who, what, where, and how it ended; nothing of what was sent."""
    if not refused and not (done.understood and done.operation is not None and writes(done.operation)):
        return
    operation = done.operation
    record: dict[str, Any] = {
        "time": clock.show(clock.now()),
        "request": identifier,
        "event": "refusal" if refused else "write",
        "kind": caller.kind if caller else "unproven",
        "caller": caller.name if caller else "",
        "operation": f"{operation.method} {operation.path}" if operation else "-",
        "status": status,
    }
    if status not in FLOODS:
        record["tenant"] = done.tenant
        if "entityId" in done.path:
            record["entity"] = done.path["entityId"][:LONGEST_ENTITY]
    audit.note(record)


def writes(operation: Operation) -> bool:
    """Say whether an operation changes what the broker holds; queries may come as POST. (6.23, 6.24)"""
    return operation.method != "GET" and not operation.path.endswith("/query")
