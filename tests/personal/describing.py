"""Every answer that tests get, held against the description that the module serves. (OpenAPI 3.1)"""

import re
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator

from personal.api import openapi
from personal.api.front import PREFIX
from personal.app import operations
from personal.settings import PersonalSettings

BODYLESS = frozenset({204, 415})
DEMO = PREFIX + "/demo/"
"""Not there at all unless everybody is made up."""


@lru_cache(1)
def described() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """Give the answers of each operation: method, pattern of its path, answers by status."""
    document = openapi.document(operations(PersonalSettings(demo=True)))
    return [
        (method.upper(), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + r"\Z"), operation["responses"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


@lru_cache(512)
def answers(method: str, path: str) -> dict[str, Any] | None:
    """Find the answers of the operation at a path, one without parts before one with; None if there is none."""
    found = [
        (len(pattern.pattern.split("[^/]+")), told)
        for known, pattern, told in described()
        if known == method and pattern.match(path)
    ]
    return min(found, key=lambda one: one[0])[1] if found else None


def check(method: str, path: str, status: int, kind: str, body: Any) -> None:
    """Fail if an answer is not one that is described; pages and the description itself are none of it."""
    if not path.startswith(PREFIX) or path == openapi.PATH:
        return
    known = answers(method, path)
    if known is None or (status == 404 and path.startswith(DEMO)):
        assert status in (404, 405), (method, path, status)
        return
    told = known.get(str(status)) or known.get(f"{status // 100}XX")
    assert told is not None, f"{method} {path} answers {status}, which is not described"
    contents, plain = told.get("content"), kind.partition(";")[0]
    if status in BODYLESS or contents is None:
        return
    assert plain in contents, (
        f"{method} {path} answers {status} with {kind}, described are {', '.join(contents)}"
    )
    if body is not None:
        schema = contents[plain]["schema"]
        if "$ref" in schema:
            schema = openapi.document(())["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        Draft202012Validator(schema).validate(body)
