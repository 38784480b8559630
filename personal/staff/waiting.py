"""What waits for a member of staff: of all that their roles let them see, the most urgent first."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor

MOST_SHOWN: Final = 8
Listed = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do: the section it stands in, the key of its name, what more it is, by when, where it is done."""

    section: str
    name: str
    due: str
    path: str
    late: bool = False
    more: Mapping[str, str] | str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Everything that waits: how much in each section (and how much of it is late), and the first to be done."""

    counts: Mapping[str, tuple[int, int]]
    tasks: tuple[Task, ...]


async def waiting(desk: Desk, visitor: Visitor) -> Waiting:
    """Gather what waits for a visitor."""
    every: list[Task] = []
    counts: dict[str, tuple[int, int]] = {}
    for section, path, find in SOURCES:
        if desk.may(visitor, "GET", path):
            found = await find(desk, visitor)
            counts[section] = len(found), sum(task.late for task in found)
            every += found
    every.sort(key=lambda task: (not task.late, task.due))
    return Waiting(counts, tuple(every[:MOST_SHOWN]))


async def _proposals(desk: Desk, visitor: Visitor) -> list[Task]:
    """Give what somebody else proposed; one's own has to be decided by others."""
    found: Listed = (await desk.ask(visitor, "GET", "/proposals"))["proposals"]
    return [
        Task(
            "proposals",
            f"kind_{one['kind']}",
            one["until"],
            f"{STAFF}/proposals/{one['id']}",
            one["expired"],
            one["body"].get("service") or one["body"].get("name") or "",
        )
        for one in found
        if one["proposer"] != visitor.actor.id
    ]


async def _rights(desk: Desk, visitor: Visitor) -> list[Task]:
    found: Listed = (await desk.ask(visitor, "GET", "/rights"))["requests"]
    return [
        Task("rights", f"right_{one['right']}", one["due"], f"{STAFF}/rights/{one['id']}", one["overdue"])
        for one in found
    ]


async def _duties(desk: Desk, visitor: Visitor) -> list[Task]:
    found: Listed = (await desk.ask(visitor, "GET", "/notices/overdue"))["overdue"]
    return [
        Task("duties", "task_erase", one["eraseBy"], f"{STAFF}/duties", True, one["service"]) for one in found
    ]


async def _looks(desk: Desk, visitor: Visitor) -> list[Task]:
    """Give the looks of others that are to be reviewed."""
    found: Listed = (await desk.ask(visitor, "GET", "/break-glass"))["looks"]
    return [
        Task(
            "break-glass", "task_review", one["reviewBy"], f"{STAFF}/break-glass/{one['id']}", one["overdue"]
        )
        for one in found
        if one.get("justified") is None
    ]


async def _emergencies(desk: Desk, visitor: Visitor) -> list[Task]:
    """Give the emergencies that run: each ends by itself if nobody prolongs it."""
    found: Listed = (await desk.ask(visitor, "GET", "/emergencies/all"))["emergencies"]
    return [
        Task(
            "emergencies", "task_running", one["until"], f"{STAFF}/emergencies/{one['id']}", more=one["name"]
        )
        for one in found
        if one["state"] == "running"
    ]


SOURCES: Final[tuple[tuple[str, str, Callable[[Desk, Visitor], Awaitable[list[Task]]]], ...]] = (
    ("proposals", "/proposals", _proposals),
    ("rights", "/rights", _rights),
    ("duties", "/notices/overdue", _duties),
    ("break-glass", "/break-glass", _looks),
    ("emergencies", "/emergencies/all", _emergencies),
)
"""Where something may wait: the section, the operation without which one sees nothing of it, what finds it."""
