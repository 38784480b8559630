"""Failures that tester and customer agreed to leave out of the verdict, each with its reason."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from base.console import USAGE, Failure
from conformance.result import FAILED, NOT_APPLICABLE, Report, Result


class NoWaivers(Failure):
    """The file holds no waivers."""

    exit_code = USAGE


def read(place: Path) -> dict[str, str]:
    """Read waivers: TOML, `"pattern of case names" = "reason"`."""
    try:
        found = tomllib.loads(place.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise NoWaivers(f"the file '{place}' is not TOML: {error}") from error
    for pattern, reason in found.items():
        if not isinstance(reason, str) or not reason.strip():
            raise NoWaivers(
                f"the waiver of '{pattern}' in '{place}' has no reason; write \"{pattern}\" = \"why\""
            )
    return found


def waive(report: Report, waivers: Mapping[str, str]) -> Report:
    """Take failures that are waived out of the verdict; what passes stays as it is."""
    results = tuple(_waived(result, waivers) for result in report.results)
    count = sum(a is not b for a, b in zip(results, report.results, strict=True))
    return replace(report, results=results, environment={**report.environment, "waived": str(count)})


def _waived(result: Result, waivers: Mapping[str, str]) -> Result:
    if result.outcome != FAILED:
        return result
    for pattern, reason in waivers.items():
        if fnmatchcase(result.name, pattern):
            seen = f"waived: {reason} (demanded: {result.demanded}; seen: {result.seen})"
            return replace(result, outcome=NOT_APPLICABLE, demanded="", seen=seen)
    return result
