"""The served description against the module itself, in random requests. (OpenAPI 3.1; Andmejälgija 2.1.0)"""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from personal.api.front import path_of
from personal.app import operations
from personal.operations.actors import Who
from personal.settings import PersonalSettings
from tests.personal.live import STAFF, Live

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
ROWS = operations(PersonalSettings(demo=True))
USAGE = "/personal/v1/usage/v2/"


async def tokens(live: Live) -> dict[str, str]:
    """Log in as one of each kind of actors, of staff with every role."""
    await live.register("hanako")
    await live.service("shelter")
    found = {"resident": await live.resident("hanako"), "service": await live.service_token("shelter")}
    return found | {login: await live.staff(login) for login in STAFF}


def holders(row: Any) -> list[str]:
    """Name who may call an operation, and one who may not."""
    found = [who.value for who in (Who.RESIDENT, Who.SERVICE) if who in row.who]
    if Who.STAFF in row.who:
        found += [login for login, roles in STAFF.items() if not row.roles or set(roles) & row.roles][:2]
    return [*found, "nobody"]


def fuzz(url: str, described: dict[str, Any], held: dict[str, str], paths: str, examples: int) -> int:
    """Send random requests that fit the description, and look whether the answers do; count the operations."""
    document = schemathesis.openapi.from_dict(described)
    rows = {(row.method, path_of(row)): row for row in operations(PersonalSettings(demo=True))}
    seen = 0
    for result in document.get_all_operations():
        operation = result.ok()
        if not operation.path.startswith(paths):
            continue
        seen += 1
        who = st.sampled_from(holders(rows[operation.method.upper(), operation.path]))

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), who=who)
        def ask(case: Any, who: str) -> None:
            headers = {"Engawa-Municipality": "yabu"}
            if who in held:
                headers["Authorization"] = f"Bearer {held[who]}"
            case.headers = {}
            checks = schemathesis.checks.CHECKS.get_by_names(
                [
                    "not_a_server_error",
                    "status_code_conformance",
                    "content_type_conformance",
                    "response_schema_conformance",
                ]
            )
            case.validate_response(case.call(base_url=url, headers=headers), checks=checks)

        ask()
    return seen


async def test_describes_every_operation(live: Live) -> None:
    described = (await live.get("/openapi.json")).json
    rows = {(row.method.lower(), path_of(row)) for row in operations(PersonalSettings(demo=True))}
    assert {(method, path) for path, methods in described["paths"].items() for method in methods} == rows
    all_of_them = [one for methods in described["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in all_of_them}) == len(all_of_them)
    assert all(one["summary"] for one in all_of_them)
    for one in all_of_them:
        for content in one.get("requestBody", {}).get("content", {}).values():
            Draft202012Validator.check_schema(content["schema"])


async def test_answers_random_requests_as_it_says(live: Live) -> None:
    described, held = (await live.get("/openapi.json")).json, await tokens(live)
    seen = await asyncio.to_thread(fuzz, live.url, described, held, "/personal/v1/", 4)
    assert seen == len(operations(PersonalSettings(demo=True)))


async def test_answers_about_accesses_as_the_interface_of_andmejälgija_says(live: Live) -> None:
    described, held = (await live.get("/openapi.json")).json, await tokens(live)
    held = {"resident": held["resident"]}
    assert await asyncio.to_thread(fuzz, live.url, described, held, USAGE, 40) == 3
    found = await live.get("/usage/v2/findUsage", by=held["resident"])
    assert found.status == 200 and found.json["totalUsages"] >= 2
