"""What commands and the clock have the histories of tenants do: settings, rules, tidying. (docs/history.md)"""

from collections.abc import Mapping
from typing import Any

from base import clock
from base.admin import Handler
from base.errors import BadRequestData
from broker.store.contract import Catalogue


def handlers(catalogue: Catalogue) -> Mapping[str, Handler]:
    """Name what the admin socket offers about histories."""

    async def show(asked: Mapping[str, Any]) -> Any:
        return catalogue.open(asked["tenant"]).history.policy.body()

    async def change(asked: Mapping[str, Any]) -> Any:
        history = catalogue.open(asked["tenant"]).history
        return (await history.set_policy(asked["policy"])).body()

    async def add_rule(asked: Mapping[str, Any]) -> Any:
        history = catalogue.open(asked["tenant"]).history
        rules = list(history.policy.body()["rules"])
        rules.insert(len(rules) if asked["before"] is None else _place(asked["before"], rules), asked["rule"])
        return (await history.set_policy({"rules": rules})).body()

    async def remove_rule(asked: Mapping[str, Any]) -> Any:
        history = catalogue.open(asked["tenant"]).history
        rules = list(history.policy.body()["rules"])
        del rules[_place(asked["number"], rules)]
        return (await history.set_policy({"rules": rules})).body()

    async def apply(asked: Mapping[str, Any]) -> Any:
        return await catalogue.open(asked["tenant"]).history.tidy(clock.now())

    return {
        "history.show": show,
        "history.set": change,
        "history.add": add_rule,
        "history.remove": remove_rule,
        "history.apply": apply,
    }


async def tidy(catalogue: Catalogue, now: int) -> None:
    """Apply the rules of all tenants."""
    for name in catalogue.names():
        if catalogue.exists(name):
            await catalogue.open(name).history.tidy(now)


def _place(number: int, rules: list[Any]) -> int:
    if not 1 <= number <= len(rules):
        raise BadRequestData(f"There is no rule {number}; 'engawa history rules' numbers them.")
    return number - 1
