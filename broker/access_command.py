"""The commands on the policy: what it makes of a request. (docs/access.md)"""

from pathlib import Path
from typing import Any, Final, get_args

import click

from base.access import Caller
from base.access.caller import Kind
from base.console import Failure, json_option, read_settings, setting_options, show_json
from base.errors import Problem
from broker.access import policy_file
from broker.access.explanation import Explanation, explain
from broker.settings import PREFIX, SECTION, BrokerSettings

ROOT: Final = "/ngsi-ld/v1"
REFUSED: Final = 1


@click.group()
def access() -> None:
    """Look at what the policy lets callers do.

    \b
    Example:
      engawa access explain --policy policy.toml --caller key:river-sensors POST /entities
    """


def _caller(ctx: click.Context, param: click.Parameter, value: str) -> Caller:
    kind, _, name = value.partition(":")
    known = {one: one for one in get_args(Kind)}
    if kind not in known or bool(name) is (kind == "anonymous"):
        raise click.BadParameter("write anonymous, key:NAME, token:NAME or certificate:NAME", ctx, param)
    return Caller(known[kind], name)


@access.command("explain")
@click.argument("method")
@click.argument("target")
@click.option(
    "--caller",
    callback=_caller,
    default="anonymous",
    show_default=True,
    help="Who asks: anonymous, key:NAME, token:NAME or certificate:NAME.",
)
@click.option("--role", "roles", multiple=True, help="A role of the caller; may be repeated.")
@click.option("--tenant", default="", help="Tenant asked for. [default: the default tenant]")
@setting_options(BrokerSettings, PREFIX, only=("policy",))
@json_option
def explain_request(
    method: str,
    target: str,
    caller: Caller,
    roles: tuple[str, ...],
    tenant: str,
    as_json: bool,
    config: Path | None,
    **given: Any,
) -> None:
    """Say whether a request is allowed, and by which rule.

    Says what it reaches, too. The exit code is 1 when it is refused.

    TARGET is a path, as /entities?type=Shelter, with or without what stands before it in URLs.

    \b
    Example:
      engawa access explain --policy policy.toml --caller key:toyooka --role neighbour GET /entities
    """
    settings = read_settings(BrokerSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
    if settings.policy is None:
        raise Failure("there is no policy: everybody may do everything", "Name its file with --policy.")
    told = explained(
        settings.policy, Caller(caller.kind, caller.name, frozenset(roles)), method, target, tenant
    )
    if as_json:
        show_json(told.body())
    else:
        click.echo("\n".join(told.lines()))
    if not told.allowed:
        raise click.exceptions.Exit(REFUSED)


def explained(policy: Path, caller: Caller, method: str, target: str, tenant: str) -> Explanation:
    """Say what the policy of a file makes of a request."""
    from broker.api import request as heads
    from broker.api.routes import Routes
    from broker.app import OPERATIONS
    from broker.operations.admission import verbs

    path = target.partition("?")[0].partition("#")[0]
    path = "/" + path.partition("://")[2].partition("/")[2] if "://" in path else path
    if not path.startswith(ROOT + "/"):
        path = ROOT + "/" + path.lstrip("/")
    try:
        operation, _ = Routes(OPERATIONS).find(method.upper(), heads.segments(path))
    except Problem as problem:
        raise Failure(f"{method.upper()} {path} is no operation of the broker: {problem.detail}") from problem
    return explain(policy_file.load(policy), caller, tenant, verbs(operation))
