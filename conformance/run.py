"""A run: cases told in parallel against one broker."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from conformance.case import Case
from conformance.features import absent_features
from conformance.judge import judge
from conformance.result import FAILED, NOT_APPLICABLE, Report, Result
from conformance.surroundings import Asked, Surroundings, surroundings
from conformance.version import environment, still_answers

AT_ONCE: Final = 4
"""Cases under way for each request that may be: most of them wait."""

SHUT_OUT: Final = (401, 403)

Told = Callable[[Result], None]


async def run(cases: Sequence[Case], asked: Asked, told: Told = lambda result: None) -> Report:
    """Judge all cases; `told` hears of each result as it comes."""
    started, clock = datetime.now(UTC), time.monotonic()
    async with surroundings(asked) as around:
        circumstances = await environment(around)
        absent = await absent_features(around, {need for case in cases for need in case.needs})
        results = await _judge_all(cases, around, absent, told)
        if attention := await _attention(around, results):
            circumstances["attention"] = attention
    order = {case.name: index for index, case in enumerate(cases)}
    return Report(
        "NGSI-LD conformance",
        circumstances,
        tuple(sorted(results, key=lambda r: order[r.name])),
        started.isoformat(timespec="seconds").replace("+00:00", "Z"),
        time.monotonic() - clock,
        absent,
    )


async def _attention(around: Surroundings, results: Sequence[Result]) -> str:
    """Say what a reader must know before believing the figures."""
    if not await still_answers(around):
        return "At the end of the run the broker no longer answers."
    failed = [result for result in results if result.outcome == FAILED]
    shut_out = sum(any(e.status in SHUT_OUT for e in result.exchanges) for result in failed)
    if shut_out > len(results) / 2:
        return (
            f"{shut_out} of the {len(failed)} failures met 401 or 403: the broker does not let this tool in. "
            "Send what it asks for (--header 'Authorization: Bearer …')."
        )
    callbacks = around.callbacks
    if callbacks.offered and not callbacks.served:
        return (
            f"The broker never called {callbacks.url}. If it cannot reach this machine there, name the host by "
            "which it can (--callback-host), or leave those cases out (--without callbacks)."
        )
    return ""


async def _judge_all(
    cases: Sequence[Case], around: Surroundings, absent: dict[str, str], told: Told
) -> list[Result]:
    places = asyncio.Semaphore(around.asked.parallel * AT_ONCE)
    results: list[Result] = []

    async def one(case: Case) -> None:
        missing = next((f"{need}: {absent[need]}" for need in case.needs if need in absent), "")
        if missing:
            result = _passed_over(case, missing)
        else:
            async with places:
                result = await judge(case, around)
        results.append(result)
        told(result)

    together = sorted((c for c in cases if not c.alone), key=lambda c: not c.waits)
    async with asyncio.TaskGroup() as group:
        for case in together:
            group.create_task(one(case))
    for case in cases:
        if case.alone:
            await one(case)
    return results


def _passed_over(case: Case, reason: str) -> Result:
    return Result(
        case.name, case.clauses, case.demand, case.feature, case.profile, NOT_APPLICABLE, seen=reason
    )
