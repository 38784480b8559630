"""The commands on histories: what is written, how long it is kept. (docs/history.md)"""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from base.console import counted, json_option, setting_options, show_json, show_table
from broker.command import ask_broker
from broker.model.retention import METHODS
from broker.settings import PREFIX, BrokerSettings

F = TypeVar("F", bound=Callable[..., Any])
_at_broker = setting_options(BrokerSettings, PREFIX, only=("data",))
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_PERIOD: Final = re.compile(r"([1-9]\d{0,8})([smhd])", re.ASCII)
APPLYING: Final = 86_400.0
"""Seconds that 'apply' may take."""


@click.group()
def history() -> None:
    """Say what is written into histories and how long it is kept.

    \b
    Example:
      engawa history show
    """


def _of_tenant(command: F) -> F:
    return click.option("--tenant", default="", help="Tenant meant. [default: the default tenant]")(
        _at_broker(command)
    )


@history.command("show")
@_of_tenant
@json_option
def show(tenant: str, as_json: bool, **place: Any) -> None:
    """Show what a tenant writes into histories, and its rules.

    \b
    Example:
      engawa history show --tenant harbour
    """
    _print(ask_broker(place, "history.show", tenant=tenant), as_json)


@history.command("set")
@click.argument("record", nargs=-1)
@click.option(
    "--deleted", type=click.Choice(("keep", "drop")), help="What becomes of the history of a deleted entity."
)
@click.option(
    "--reset", is_flag=True, help="Forget what was set here, rules too: the broker's settings count."
)
@_of_tenant
@json_option
def change(
    record: tuple[str, ...], deleted: str | None, reset: bool, tenant: str, as_json: bool, **place: Any
) -> None:
    """Choose what is written: 'on', 'off', or names of types.

    It holds for changes from now on; names are those of entity types.

    \b
    Example:
      engawa history set AirQualityObserved WeatherObserved --tenant harbour
    """
    if reset == bool(record or deleted):
        raise click.UsageError("say what to write ('on', 'off' or names of types), --deleted, or --reset")
    policy: dict[str, Any] | None = None
    if not reset:
        policy = {"record": record} if record else {}
        if deleted:
            policy["keepDeleted"] = deleted == "keep"
    _print(ask_broker(place, "history.set", tenant=tenant, policy=policy), as_json)


def _period(_: click.Context, __: click.Parameter, text: str) -> int:
    shape = _PERIOD.fullmatch(text)
    if shape is None:
        raise click.BadParameter("write a number and s, m, h or d: 15m, 1h, 1d")
    return int(shape[1]) * _SECONDS[shape[2]]


@history.command("rules")
@click.option("--add", is_flag=True, help="Add a rule.")
@click.option("--type", "type_", default="", help="Entity type it is for: IRI or last part. [default: any]")
@click.option("--attribute", default="", help="Attribute it is for: IRI or last part. [default: any]")
@click.option("--raw-days", type=float, help="Days after which only one value per period stays.")
@click.option("--period", default="1h", callback=_period, help="Period: 15m, 1h, 1d.  [default: 1h]")
@click.option("--method", type=click.Choice(METHODS), default="avg", show_default=True, help="Which value.")
@click.option("--drop-days", type=float, help="Days after which nothing stays.")
@click.option("--before", type=int, help="Number of the rule it comes before. [default: after the last]")
@click.option("--remove", type=int, help="Remove the rule with this number.")
@_of_tenant
@json_option
def rules(add: bool, remove: int | None, as_json: bool, tenant: str, **given: Any) -> None:
    """List, add or remove rules of what is kept for how long.

    The first one that names type and attribute counts.

    \b
    Example:
      engawa history rules --add --type AirQualityObserved --raw-days 90 --period 1h --drop-days 3650
    """
    rule = {name: given.pop(name) for name in ("attribute", "raw_days", "period", "method", "drop_days")}
    rule["type"] = given.pop("type_")
    before = given.pop("before")
    if add and remove is not None:
        raise click.UsageError("give --add or --remove, not both")
    if add:
        body = ask_broker(given, "history.add", tenant=tenant, rule=rule, before=before)
    elif remove is not None:
        body = ask_broker(given, "history.remove", tenant=tenant, number=remove)
    else:
        body = ask_broker(given, "history.show", tenant=tenant)
    if as_json:
        show_json(body["rules"])
    else:
        _print_rules(body["rules"])


@history.command("apply")
@_of_tenant
@json_option
def apply(tenant: str, as_json: bool, **place: Any) -> None:
    """Apply the rules now.

    The broker does it by itself from time to time.

    \b
    Example:
      engawa history apply --tenant harbour
    """
    gone = ask_broker(place, "history.apply", tenant=tenant, seconds=APPLYING)
    if as_json:
        show_json({"removed": gone})
    else:
        click.echo(f"{counted(gone, 'instance was', 'instances were')} removed.")


def _print(body: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(body)
        return
    click.echo(f"Written: {' '.join(body['record'])}")
    click.echo(f"Histories of deleted entities: {'kept' if body['keepDeleted'] else 'dropped'}")
    _print_rules(body["rules"])


def _print_rules(rules: list[dict[str, Any]]) -> None:
    if not rules:
        click.echo("No rules: everything is kept.")
        return
    show_table(
        ("number", "type", "attribute", "raw days", "then each", "value", "drop after days"),
        [
            (
                number,
                rule["type"] or "(any)",
                rule["attribute"] or "(any)",
                _days(rule["raw_days"]),
                "" if rule["raw_days"] is None else _shown(rule["period"]),
                "" if rule["raw_days"] is None else rule["method"],
                _days(rule["drop_days"]),
            )
            for number, rule in enumerate(rules, 1)
        ],
    )


def _days(days: float | None) -> str:
    return "(all)" if days is None else f"{days:g}"


def _shown(seconds: int) -> str:
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
