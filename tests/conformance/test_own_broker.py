"""All our cases against our broker: none fails, none is passed over, and no operation is left out."""

import asyncio
from pathlib import Path

from conformance.collect import all_cases, chosen
from conformance.result import NOT_APPLICABLE
from conformance.run import run
from conformance.surroundings import Asked
from tests.conformance.coverage import untouched
from tests.conformance.started import started_broker

MOST_SECONDS = 900.0
MISSING_HERE = "mosquitto is not installed on this machine"


async def test_our_broker_does_what_every_case_demands(tmp_path: Path) -> None:
    async with started_broker(tmp_path) as url, asyncio.timeout(MOST_SECONDS):
        report = await run(chosen(all_cases(), profile="federation"), Asked(url, patience=3.0))
    assert not [f"{r.name} ({r.clause}): demanded {r.demanded}; seen {r.seen}" for r in report.failed]
    assert not report.absent
    assert not [operation for operation, names in untouched(report).items() if names == [""]]
    assert {r.seen for r in report.with_outcome(NOT_APPLICABLE)} <= {MISSING_HERE}
