"""The report as JUnit XML, for continuous integration."""

import re
from itertools import groupby
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from conformance.result import FAILED, NOT_APPLICABLE, Report, Result, counts

_FORBIDDEN: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: Report, place: Path) -> None:
    """Write the report: a suite for each feature, a case for each case."""
    tree = ET.ElementTree(tree_of(report))
    ET.indent(tree)
    tree.write(place, encoding="utf-8", xml_declaration=True)


def tree_of(report: Report) -> ET.Element:
    """Build the XML."""
    root = ET.Element(
        "testsuites", {"name": report.title, "time": f"{report.seconds:.3f}", **_numbers(report.results)}
    )
    ordered = sorted(report.results, key=lambda r: r.feature)
    for feature, group in groupby(ordered, key=lambda r: r.feature):
        results = tuple(group)
        spent = sum(r.seconds for r in results)
        head = {"name": feature, "time": f"{spent:.3f}", "timestamp": report.started}
        suite = ET.SubElement(root, "testsuite", {**head, **_numbers(results)})
        about = ET.SubElement(suite, "properties")
        for name, value in report.environment.items():
            ET.SubElement(about, "property", {"name": _clean(name), "value": _clean(value)})
        for result in results:
            _add(suite, result)
    return root


def _numbers(results: tuple[Result, ...]) -> dict[str, str]:
    found = counts(results)
    return {
        "tests": str(len(results)),
        "failures": str(found[FAILED]),
        "skipped": str(found[NOT_APPLICABLE]),
        "errors": "0",
    }


def _add(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{result.feature}.{result.clause}",
        name=_clean(f"{result.name}: {result.demand}"),
        time=f"{result.seconds:.3f}",
    )
    if result.outcome == NOT_APPLICABLE:
        ET.SubElement(case, "skipped", message=_clean(result.seen))
    elif result.outcome == FAILED:
        said = ET.SubElement(case, "failure", message=_clean(f"demanded: {result.demanded}"), type="demand")
        said.text = _clean(f"clause {result.clause}\ndemanded: {result.demanded}\nseen: {result.seen}")
        if result.exchanges:
            exchange = result.exchanges[result.shown]
            parts = (exchange.curl, exchange.request, exchange.response)
            ET.SubElement(case, "system-out").text = _clean("\n\n".join(parts))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
