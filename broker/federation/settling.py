"""What came of the parts of a change, here and at its sources, and what they make together. (5.2.16-5.2.19, 6.3.17)"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from base.errors import (
    NGSI_LD_ERRORS,
    AlreadyExists,
    BadGateway,
    Conflict,
    GatewayTimeout,
    LoopDetected,
    Problem,
    ResourceNotFound,
)
from broker.federation.asking import Outcome
from broker.language.sources import Source

_LONGEST: Final = 300
_SHORTEST_SECRET: Final = 4
_CREATED: Final = 201
_MULTI_STATUS: Final = 207
_UNTOLD: Final = frozenset({401, 403, 407})
"""Statuses whose details tell of credentials."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What was not done: of one attribute or (None) of all that was asked for. (5.2.17, 5.2.19)"""

    problem: Mapping[str, Any]  # ProblemDetails
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What came of the part of a change that one source was told, or (None) that was done here.

    names: IRIs of the attributes it is about. refused: the Problem if nothing of it was done; faults: else what
    was not done; done: whether anything was.
    """

    source: Source | None
    names: frozenset[str] = frozenset()
    refused: Problem | None = None
    faults: tuple[Fault, ...] = ()
    done: bool = True
    created: bool = False

    @property
    def complete(self) -> bool:
        """Say whether all of it was done."""
        return self.refused is None and not self.faults


def not_offered(source: Source, names: Iterable[str] = ()) -> Part:
    """Tell of a source that alone holds something and does not offer to change it. (5.6.1.4)"""
    problem = Conflict(
        f"The {source.mode} registration {source.id} holds this and does not offer the operation; "
        "change it at its source."
    )
    return failed(source, names, problem)


def failed(source: Source | None, names: Iterable[str], problem: Problem) -> Part:
    """Tell that nothing of a part was done."""
    return Part(source, frozenset(names), problem, done=False)


def part_of(outcome: Outcome, names: Iterable[str], iri: Callable[[str], str]) -> Part:
    """Judge what a source answered to its part. (6.3.17)"""
    about = frozenset(names)
    problem = problem_of(outcome)
    if problem is not None:
        return failed(outcome.source, about, problem)
    faults = _faults(outcome, iri) if outcome.status == _MULTI_STATUS else ()
    return Part(outcome.source, about, None, faults, created=outcome.status == _CREATED)


def problem_of(outcome: Outcome) -> Problem | None:
    """Say why a source did nothing; None: it did at least a part. (6.3.17)"""
    if outcome.failure is not None:
        return outcome.failure.problem
    status = outcome.status
    if status // 100 == 2:
        return None
    said = _substance(outcome)
    if status == ResourceNotFound.status:
        return ResourceNotFound(f"The context source does not have this.{said}")
    if status == Conflict.status:
        kind = outcome.body.get("type") if isinstance(outcome.body, dict) else None
        conflict = Conflict if kind == NGSI_LD_ERRORS + "Conflict" else AlreadyExists
        return conflict(f"The context source refuses this as a conflict.{said}")
    if status == GatewayTimeout.status:
        return GatewayTimeout(f"The context source, or one behind it, gave no answer in time.{said}")
    if status == LoopDetected.status:
        return LoopDetected(f"The request would come back to the context source.{said}")
    return BadGateway(f"The context source answered {status}.{said}")


def _substance(outcome: Outcome) -> str:
    """Quote title and detail of a source's problem, nothing else of it. (6.3.17)"""
    if not isinstance(outcome.body, dict) or outcome.status in _UNTOLD:
        return ""
    said = [_clean(outcome.body.get(name), outcome.source) for name in ("title", "detail")]
    text = ": ".join(one for one in said if one)
    return f" It says: {text}" if text else ""


def _clean(text: Any, source: Source) -> str:
    """Shorten what a source says and take out what it was told in confidence. (4.3.6.5)"""
    if not isinstance(text, str):
        return ""
    for pair in source.body.get("contextSourceInfo", ()):
        secret = str(pair.get("value", ""))
        for word in {secret, *secret.split()}:
            if len(word) >= _SHORTEST_SECRET:
                text = text.replace(word, "…")
    return " ".join("".join(sign for sign in text if sign.isprintable() or sign.isspace()).split())[:_LONGEST]


def _faults(outcome: Outcome, iri: Callable[[str], str]) -> tuple[Fault, ...]:
    """Read what a source did only in part: an UpdateResult or a BatchOperationResult. (5.2.16, 5.2.18)"""
    body = outcome.body if isinstance(outcome.body, dict) else {}
    faults = [
        Fault(_problem("Not updated", one.get("reason"), outcome), _name(one.get("attributeName"), iri))
        for one in _objects(body.get("notUpdated"))
    ]
    faults += [Fault(details(one.get("error"), outcome)) for one in _objects(body.get("errors"))]
    if faults:
        return tuple(faults)
    return (Fault(_problem("Multi-Status", "The source did only a part and does not say which.", outcome)),)


def _name(given: Any, iri: Callable[[str], str]) -> str | None:
    return iri(given) if isinstance(given, str) and given else None


def _objects(given: Any) -> list[dict[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _problem(title: str, reason: Any, outcome: Outcome) -> Mapping[str, Any]:
    problem = BadGateway(_clean(reason, outcome.source) or "The context source gives no reason.")
    return {**problem.body(), "title": title}


def details(given: Any, outcome: Outcome) -> Mapping[str, Any]:
    """Take over the ProblemDetails of a source: its type, title, detail and status, as far as they make sense."""
    error = given if isinstance(given, dict) else {}
    kind, status = error.get("type"), error.get("status")
    body = BadGateway(
        _clean(error.get("detail"), outcome.source) or "The context source gives no reason."
    ).body()
    if isinstance(kind, str) and kind.startswith(NGSI_LD_ERRORS) and kind[len(NGSI_LD_ERRORS) :].isalpha():
        body["type"] = kind
    if title := _clean(error.get("title"), outcome.source):
        body["title"] = title
    if type(status) is int and 400 <= status <= 599:
        body["status"] = status
    return body


def exists(part: Part) -> bool:
    """Say whether a source refused to create what it has already. (5.6.8.4)"""
    return isinstance(part.refused, AlreadyExists)


def refusal(parts: Sequence[Part]) -> Problem | None:
    """Give the error of the whole if nothing at all was done and one error says it; else None. (6.3.17, 5.6)"""
    refused = [part.refused for part in parts]
    first = refused[0] if refused else None
    if first is None or any(one is None for one in refused):
        return None
    same = all(one is not None and one.status == first.status for one in refused)
    telling = first.status == ResourceNotFound.status or all(type(one) is Conflict for one in refused)
    return first if len(parts) == 1 or (same and telling) else None


def batch_result(id: str, parts: Iterable[Part]) -> dict[str, Any]:
    """Write what came of all parts as a BatchOperationResult about one entity. (5.2.16)"""
    parts = list(parts)
    errors = [error for part in parts for error in errors_of(id, part)]
    return {"success": [id] if any(part.done for part in parts) else [], "errors": errors}


def errors_of(id: str | None, part: Part) -> list[dict[str, Any]]:
    """Write what went wrong in a part as BatchEntityErrors. (5.2.17)"""
    problems = [part.refused.body()] if part.refused is not None else [one.problem for one in part.faults]
    return [
        {
            **({} if id is None else {"entityId": id}),
            "error": problem,
            **({} if part.source is None else {"registrationId": part.source.id}),
        }
        for problem in problems
    ]


def update_result(parts: Iterable[Part]) -> dict[str, Any]:
    """Write what came of all parts as an UpdateResult. (5.2.18, 5.2.19)"""
    updated: dict[str, None] = {}
    refused: list[dict[str, Any]] = []
    for part in parts:
        told = _not_updated(part)
        names = {one["attributeName"] for one in told}
        updated |= {name: None for name in sorted(part.names) if name not in names}
        refused += told
    return {"updated": list(updated), "notUpdated": refused}


def _not_updated(part: Part) -> list[dict[str, Any]]:
    where = {} if part.source is None else {"registrationId": part.source.id}
    faults = part.faults if part.refused is None else (Fault(part.refused.body()),)
    return [
        {"attributeName": name, "reason": fault.problem["detail"], **where}
        for fault in faults
        for name in ([fault.attribute] if fault.attribute is not None else sorted(part.names))
    ]


def parts_of_batch(outcome: Outcome, ids: Sequence[str]) -> list[Part]:
    """Judge what a source answered to a batch, for each entity of it. (5.6.7.4)"""
    problem = problem_of(outcome)
    if problem is not None:
        return [failed(outcome.source, (), problem) for _ in ids]
    if outcome.status != _MULTI_STATUS:
        told = set(_texts(outcome.body)) if outcome.status == _CREATED else set()
        return [Part(outcome.source, created=id in told) for id in ids]
    body = outcome.body if isinstance(outcome.body, dict) else {}
    succeeded, errors = set(_texts(body.get("success"))), _objects(body.get("errors"))
    unknown = Fault(_problem("Multi-Status", "The source does not say what came of this entity.", outcome))
    parts = []
    for id in ids:
        faults = [Fault(details(one.get("error"), outcome)) for one in errors if one.get("entityId") == id]
        if not faults and id not in succeeded:
            faults = [unknown]
        parts.append(Part(outcome.source, faults=tuple(faults), done=id in succeeded))
    return parts


def _texts(given: Any) -> list[str]:
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
