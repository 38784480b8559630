"""Runs of the tool that end once enough is seen; what is left of them is passed over."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.case import Case
from conformance.result import Report
from conformance.run import run
from conformance.subject import Subject
from conformance.surroundings import Asked
from conformance.verdict import NotApplicable


async def run_until(outcomes: set[str], cases: Sequence[Case], asked: Asked) -> Report:
    """Judge, a few cases at once, until each of some outcomes is seen."""
    seen: set[str] = set()

    def stopping(case: Case) -> Case:
        async def story(broker: Subject) -> None:
            if outcomes <= seen:
                raise NotApplicable("enough is seen")
            await case.story(broker)

        return replace(case, story=story)

    few = replace(asked, parallel=1)
    return await run([stopping(case) for case in cases], few, lambda result: seen.add(result.outcome))
