"""The report as a JSON file, written and read. (docs/conformance-tool.md)"""

from pathlib import Path
from typing import Any, Final

import orjson

from base.console import USAGE, Failure
from conformance.exchange import Exchange
from conformance.result import OUTCOMES, Report, Result

SCHEMA: Final = 1


class NoReport(Failure):
    """The file is no report of this tool."""

    exit_code = USAGE


def write(report: Report, place: Path) -> None:
    """Write a report."""
    place.write_bytes(orjson.dumps(as_json(report), option=orjson.OPT_INDENT_2))


def as_json(report: Report) -> dict[str, Any]:
    """Give a report as JSON."""
    return {
        "schema": SCHEMA,
        "title": report.title,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "environment": dict(report.environment),
        "absent": dict(report.absent),
        "summary": report.counts(),
        "results": [_result(r) for r in report.results],
    }


def _result(r: Result) -> dict[str, Any]:
    return {
        "name": r.name,
        "clauses": list(r.clauses),
        "demand": r.demand,
        "feature": r.feature,
        "profile": r.profile,
        "outcome": r.outcome,
        "demanded": r.demanded,
        "seen": r.seen,
        "seconds": round(r.seconds, 3),
        "shown": r.shown,
        "exchanges": [_exchange(e) for e in r.exchanges],
    }


def _exchange(e: Exchange) -> dict[str, Any]:
    return {
        "note": e.note,
        "method": e.method,
        "url": e.url,
        "requestHeaders": [list(pair) for pair in e.request_headers],
        "requestBody": _text(e.request_body),
        "status": e.status,
        "reason": e.reason,
        "headers": [list(pair) for pair in e.headers],
        "body": _text(e.body),
        "seconds": round(e.seconds, 4),
        "problem": e.problem,
    }


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def read(place: Path) -> Report:
    """Read a report."""
    try:
        given = orjson.loads(place.read_bytes())
        if given["schema"] != SCHEMA:
            raise NoReport(f"the report '{place}' has schema {given['schema']}; this tool reads {SCHEMA}")
        return Report(
            given["title"],
            given["environment"],
            tuple(_read_result(r) for r in given["results"]),
            given["started"],
            given["seconds"],
            given["absent"],
        )
    except OSError as error:
        raise NoReport(f"the report '{place}' cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise NoReport(f"the file '{place}' is no report that 'engawa conformance --json' wrote") from error


def _read_result(r: dict[str, Any]) -> Result:
    if r["outcome"] not in OUTCOMES:
        raise ValueError(r["outcome"])
    return Result(
        r["name"], tuple(r["clauses"]), r["demand"], r["feature"], r["profile"], r["outcome"], r["demanded"],
        r["seen"], r["seconds"], tuple(_read_exchange(e) for e in r["exchanges"]), r["shown"],
    )  # fmt: skip


def _read_exchange(e: dict[str, Any]) -> Exchange:
    return Exchange(
        e["method"], e["url"], tuple((k, v) for k, v in e["requestHeaders"]), e["requestBody"].encode(),
        e["status"], e["reason"], tuple((k, v) for k, v in e["headers"]), e["body"].encode(),
        e["seconds"], e["problem"], e["note"],
    )  # fmt: skip
