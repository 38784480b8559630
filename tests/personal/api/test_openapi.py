"""The served description against the module itself, in random requests. (OpenAPI 3.1; Andmejälgija 2.1.0)"""

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from personal.api.front import path_of
from personal.app import operations
from personal.settings import PersonalSettings
from tests.personal.api.actors import NOBODY, Actors, actors, holders, revive, sown
from tests.personal.live import Live, live_module

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
ROWS = {(row.method, path_of(row)): row for row in operations(PersonalSettings(demo=True))}
USAGE = "/personal/v1/usage/v2/"
EXAMPLES = int(os.environ.get("ENGAWA_EXAMPLES", "3"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
IN_TIME = {"wait": (0,)}
"""What would let a request wait."""
Seen = dict[str, Counter[int]]


def fuzz(live: Live, loop: Any, described: dict[str, Any], held: Actors, paths: str, examples: int) -> Seen:
    """Send random requests that fit the description, and look whether the answers do; count statuses by operation."""
    seen: Seen = {}
    for result in schemathesis.openapi.from_dict(described).get_all_operations():
        operation = result.ok()
        if not operation.path.startswith(paths):
            continue
        asyncio.run_coroutine_threadsafe(revive(live, held), loop).result(30)
        counted = seen.setdefault(f"{operation.method} {operation.path}", Counter())
        who = st.sampled_from(list(holders(ROWS[operation.method.upper(), operation.path])))

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), who=who, pick=st.integers(-2, 5))
        def ask(case: Any, who: str, pick: int) -> None:
            headers = {"Engawa-Municipality": "yabu"}
            if who != NOBODY:
                headers["Authorization"] = f"Bearer {held.tokens[who]}"
            case.headers = {}
            names = held.names[who] if pick >= 0 else IN_TIME
            case.path_parameters = sown(case.path_parameters, names, pick)
            case.query = sown(case.query, names, pick)
            case.body = sown(case.body, names, pick)
            reply = case.call(base_url=live.url, headers=headers)
            counted[reply.status_code] += 1  # noqa: B023  # called within this turn
            case.validate_response(reply, checks=schemathesis.checks.CHECKS.get_by_names(list(CHECKS)))

        ask()
    return seen


async def test_describes_every_operation(live: Live) -> None:
    described = (await live.get("/openapi.json")).json
    rows = {(method.lower(), path) for method, path in ROWS}
    assert {(method, path) for path, methods in described["paths"].items() for method in methods} == rows
    all_of_them = [one for methods in described["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in all_of_them}) == len(all_of_them)
    assert all(one["summary"] for one in all_of_them)
    for one in all_of_them:
        for content in one.get("requestBody", {}).get("content", {}).values():
            Draft202012Validator.check_schema(content["schema"])


async def test_answers_random_requests_as_it_says(tmp_path: Path) -> None:
    """Everybody who may ask, with names of what there is as well as made-up ones; no answer is a fault of ours."""
    async with live_module(tmp_path / "data", lgwan=True, lgwan_wait_seconds=0.1) as live:
        described, held = (await live.get("/openapi.json")).json, await actors(live)
        loop = asyncio.get_running_loop()
        seen = await asyncio.to_thread(fuzz, live, loop, described, held, "/personal/v1/", EXAMPLES)
    assert len(seen) == len(ROWS)
    well = [name for name, counted in seen.items() if any(status < 300 for status in counted)]
    assert len(well) > len(seen) // 3, "most requests were refused: what the answers are was hardly looked at"


async def test_answers_about_accesses_as_the_interface_of_andmejälgija_says(live: Live) -> None:
    described, held = (await live.get("/openapi.json")).json, await actors(live)
    loop = asyncio.get_running_loop()
    assert len(await asyncio.to_thread(fuzz, live, loop, described, held, USAGE, 10)) == 3
    found = await live.get("/usage/v2/findUsage", by=held.tokens["resident"])
    assert found.status == 200 and found.json["totalUsages"] >= 2
