"""How much the store inside LGWAN gives, takes and removes in a time, whatever the outside signs. (issue 5)"""

from collections.abc import Callable, Mapping
from typing import Final

from personal.rules.orders import Order, Refused, Task, Why

HOUR: Final = 3_600
DAY: Final = 86_400
LIMITS: Final[Mapping[str, int]] = {
    "all": 1_000,
    "day": 5_000,
    "service": 500,
    "purpose": 500,
    "item": 500,
    "recipient": 500,
    "person": 50,
    "staff": 100,
    "store": 5_000,
    "remove": 500,
}
"""How many records in an hour, unless officials say otherwise: `item` for each item, `item:contact` for that one.

`all` and `day` (24 hours) are of all releases; `recipient` of one key that reads them, be it the gateway's; `person`
of the records of one person; `staff` of what rests on forms that one official vouched for, or that they looked at.
"""
Done = Callable[[str], int]
"""Says how much was done lately, by the keys of `counted`."""


def span(key: str) -> int:
    """Say over which time a limit counts (s)."""
    return DAY if key == "day" else HOUR


def counted(order: Order, staff: str = "") -> Mapping[str, int]:
    """Say what an order counts towards which limits; staff: who vouched for the form that it rests on."""
    if order.task is Task.STORE:
        return {"store": 1}
    if order.task is Task.REMOVE:
        return {"remove": len(order.copies)}
    if order.task is Task.ERASE:
        return {"remove": 1}
    if order.task is not Task.RELEASE:
        return {}
    items = [copy.item for copy in order.copies]
    return {
        "all": len(items),
        "day": len(items),
        f"service:{order.service}": len(items),
        f"purpose:{order.service}/{order.purpose}": len(items),
        f"recipient:{order.recipient}": len(items),
        f"person:{order.box}": len(items),
        **({f"staff:{staff}": len(items)} if staff else {}),
        **{f"item:{item}": items.count(item) for item in items},
    }


def limit(limits: Mapping[str, int], key: str) -> int:
    """Say how many records in its time a limit allows."""
    kind = key.partition(":")[0]
    return limits.get(key, limits.get(kind, LIMITS[kind]))


def within(done: Done, limits: Mapping[str, int], more: Mapping[str, int]) -> None:
    """Refuse what would go beyond a limit."""
    if any(done(key) + count > limit(limits, key) for key, count in more.items()):
        raise Refused(Why.LIMIT)
