"""How a request ended: a refusal as an Answer, a failure, a line in the log. (6.3.2 to 6.3.4)"""

from typing import Any

import orjson

from base.errors import InternalError, Problem
from broker.operations.call import JSON, Answer, Operation


def refusal(problem: Problem) -> Answer:
    """Turn a Problem into problem details; 411 and 415 go without a body. (6.3.3, 6.3.4)"""
    if problem.bodyless:
        return Answer(problem.status, headers=problem.headers)
    return Answer(problem.status, orjson.dumps(problem.body()), JSON, problem.headers)


def failure(identifier: str) -> InternalError:
    """Say that something failed, and where the operator finds what."""
    return InternalError(f"Something failed here; the operator finds it as request {identifier}.")


def report(log: Any, identifier: str, operation: Operation | None, status: int, seconds: float) -> None:
    """Write an answered request into the log."""
    log.info(
        "request",
        request=identifier,
        operation=f"{operation.method} {operation.path}" if operation else "-",
        status=status,
        ms=round(seconds * 1000, 2),
    )
