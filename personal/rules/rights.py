"""Requests of residents about their data, and by when each is decided. (個人情報保護法 76, 83, 90, 94, 98, 102条)"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from base.errors import Conflict

DAY: Final = 86_400_000_000


class Right(StrEnum):
    """What is asked for."""

    DISCLOSURE = "disclosure"  # 開示 76条
    CORRECTION = "correction"  # 訂正 90条
    STOP = "stop"  # 利用停止 98条


class State(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    GRANTED = "granted"
    PARTLY = "partly-granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OUTCOMES: Final = (State.GRANTED, State.PARTLY, State.REFUSED)
LAW: Final = {
    Right.DISCLOSURE: "個人情報保護法76条",
    Right.CORRECTION: "個人情報保護法90条",
    Right.STOP: "個人情報保護法98条",
}
IN_TIME: Final = {
    Right.DISCLOSURE: ("個人情報保護法83条1項", "個人情報保護法83条2項"),
    Right.CORRECTION: ("個人情報保護法94条1項", "個人情報保護法94条2項"),
    Right.STOP: ("個人情報保護法102条1項", "個人情報保護法102条2項"),
}
"""What says by when a request is decided, and that its time may be prolonged."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; times in µs. extended: when its time was prolonged, which is done once at most."""

    id: str
    person: str
    right: Right
    items: tuple[str, ...]
    made: int
    due: int
    state: State = State.OPEN
    extended: int | None = None
    decided: int | None = None


def received(id: str, person: str, right: Right, items: tuple[str, ...], now: int, days: int) -> Request:
    """Begin a request, to be decided within some days."""
    return Request(id, person, right, items, now, now + days * DAY)


def extended(request: Request, now: int, days: int) -> Request:
    """Prolong the time of a request, once, before it is over. (83条2項, 94条2項, 102条2項)"""
    _need_open(request)
    if request.extended is not None:
        raise Conflict("The time of this request was prolonged already: it has to be decided now.")
    if now >= request.due:
        raise Conflict("The time of this request is over: it can only be decided now.")
    return replace(request, due=request.due + days * DAY, extended=now)


def decided(request: Request, outcome: State, now: int) -> Request:
    """Decide a request, late if need be."""
    _need_open(request)
    return replace(request, state=outcome, decided=now)


def withdrawn(request: Request, now: int) -> Request:
    """Take a request back."""
    _need_open(request)
    return replace(request, state=State.WITHDRAWN, decided=now)


def overdue(request: Request, now: int) -> bool:
    """Say whether a request waits longer than it may."""
    return request.state is State.OPEN and now >= request.due


def extensible(request: Request, now: int) -> bool:
    """Say whether the time of a request may be prolonged now."""
    return request.state is State.OPEN and request.extended is None and now < request.due


def _need_open(request: Request) -> None:
    if request.state is not State.OPEN:
        raise Conflict(f"This request is {request.state} already.")
