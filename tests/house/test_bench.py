"""The bench: what it says it measures is there, and its table tells the truth."""

import random
import re
from pathlib import Path

import pytest

from bench.measure import Result, Sample, Workload
from bench.populate import entity, subscription
from bench.processes import fetch, sink
from bench.reference_handler import BODY
from bench.report import BEGIN, END, PAGE, table
from bench.workloads import POPULATIONS, WORKLOADS
from tests.live import live_broker

ROOT = Path(__file__).parents[2]


def test_the_reference_answers_with_five_hundred_bytes() -> None:
    assert len(BODY) == 500


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_every_workload_has_its_requests_and_its_population(workload: Workload) -> None:
    script = (ROOT / "bench" / "load.lua").read_text(encoding="utf-8")
    assert workload.name in re.findall(r"function workloads\.(\w+)", script)
    assert workload.population in POPULATIONS
    assert f"| {workload.population} |" in PAGE.read_text(encoding="utf-8")


def test_the_page_has_a_place_for_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1 and page.index(BEGIN) < page.index(END)


def test_tells_least_median_and_largest_ratio_and_marks_what_is_below() -> None:
    def sample(cpu: float) -> Sample:
        return Sample(units=1000, cpu=cpu, seconds=1.0, p50=1.0, p99=2.0)

    samples = (sample(0.4), sample(0.2), sample(0.1))
    result = Result(Workload("get", "retrieve", 0.6), samples, (sample(0.1),) * 3)
    [row] = table([result])[2:]
    assert "| 0.25 / **0.50** / 1.00 (below) | 0.60 | 200 | 5,000 |" in row


async def test_what_it_creates_is_taken_by_the_broker(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live:
        made = [entity(i, 2, random.Random(1)) for i in range(4)]
        assert (await live.post("/entityOperations/create", made)).status == 201
        assert (await live.post("/subscriptions", subscription(1, "http://127.0.0.1:9/x"))).status == 201
        found = await live.get("/entities", type="T1", q="dissolvedOxygen>=0", limit=20)
        assert [e["id"] for e in found.json] == ["urn:ngsi-ld:Entity:p1", "urn:ngsi-ld:Entity:p3"]


def test_the_sink_counts_what_it_gets() -> None:
    with sink() as server:
        assert fetch(server.url, "/count") == b"0"
