"""Judging one case: its story is told against the broker, and whatever happens becomes a result."""

import asyncio
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conformance.case import Case
from conformance.exchange import Exchange
from conformance.result import FAILED, NOT_APPLICABLE, PASSED, Result
from conformance.subject import Subject
from conformance.surroundings import Surroundings
from conformance.verdict import Failure, NotApplicable

CLEANING: Final = 15.0


async def judge(case: Case, around: Surroundings) -> Result:
    """Tell the story of a case and say what came of it; what it made is taken away, whatever happened."""
    subject = Subject(around)
    started = time.monotonic()
    try:
        told = await _tell(case, subject, case.seconds * around.asked.patience)
    finally:
        spent = time.monotonic() - started
        await _close(subject)
    exchanges = tuple(subject.exchanges)
    return Result(
        case.name, case.clauses, case.demand, case.feature, case.profile, told.outcome, told.demanded, told.seen,
        spent, exchanges, _index(exchanges, told.shown) if told.outcome == FAILED else -1,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Told:
    outcome: str
    demanded: str = ""
    seen: str = ""
    shown: Exchange | None = None


async def _tell(case: Case, subject: Subject, limit: float) -> _Told:
    try:
        async with asyncio.timeout(limit):
            await case.story(subject)
    except Failure as failure:
        return _Told(FAILED, failure.demanded, failure.seen, failure.exchange)
    except NotApplicable as reason:
        return _Told(NOT_APPLICABLE, seen=str(reason))
    except TimeoutError:
        return _Told(FAILED, f"an end within {limit:g} s", "the case was still waiting")
    except Exception as error:  # noqa: BLE001 - whatever a story stumbles over fails this case, never the run
        return _Told(FAILED, "an answer of the shape the case counts on", _where(error))
    return _Told(PASSED)


async def _close(subject: Subject) -> None:
    try:
        async with asyncio.timeout(CLEANING):
            await subject.close()
    except TimeoutError:
        pass  # a broker that hangs may keep what it has; the case is judged already


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    last = next((f for f in reversed(frames) if "cases" in Path(f.filename).parts), frames[-1])
    return f"{type(error).__name__}: {error} at {Path(last.filename).name}:{last.lineno}: {last.line}"


def _index(exchanges: tuple[Exchange, ...], shown: Exchange | None) -> int:
    if shown is None:
        return len(exchanges) - 1
    return next((i for i, e in enumerate(exchanges) if e is shown), len(exchanges) - 1)
