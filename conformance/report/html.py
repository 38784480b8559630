"""The report as one HTML file that needs nothing else: to read, print and hand on."""

import json
from pathlib import Path
from typing import Any, Final

import jinja2
import orjson

from base.pages import texts
from conformance.clauses import TITLES
from conformance.compare import KINDS, Comparison
from conformance.report.groups import by_clause, by_feature
from conformance.result import FAILED, NOT_APPLICABLE, PASSED, Report, Result, counts

HERE: Final = Path(__file__).parent / "pages"


def write(report: Report, place: Path, language: str = "en") -> None:
    """Write a report."""
    place.write_text(page(report, language), encoding="utf-8")


def write_comparison(found: Comparison, place: Path, language: str = "en") -> None:
    """Write a comparison."""
    text = _render("comparison.html", language, found=found, kinds=KINDS)
    place.write_text(text, encoding="utf-8")


def page(report: Report, language: str) -> str:
    """Build the page of a report."""
    return _render(
        "report.html",
        language,
        report=report,
        clauses=[(c, TITLES.get(c, ""), _bar(group)) for c, group in by_clause(report.results)],
        features=[(f, _bar(group), group) for f, group in by_feature(report.results)],
        whole=_bar(report.results),
    )


def _bar(results: list[Result] | tuple[Result, ...]) -> dict[str, Any]:
    found = counts(results)
    return {
        "all": len(results),
        "passed": found[PASSED],
        "failed": found[FAILED],
        "other": found[NOT_APPLICABLE],
    }


def _render(template: str, language: str, **values: Any) -> str:
    words = texts(HERE / "texts.toml")

    def say(key: str, **given: Any) -> str:
        text = words[key][language]
        return text.format(**given) if given else text

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        language=language,
        t=say,
        style=(HERE / "report.css").read_text(encoding="utf-8"),
        readable=readable,
        known=words.__contains__,
        bar_of=_bar,
        FAILED=FAILED,
        **values,
    )


def readable(message: str) -> str:
    """Indent the JSON body of a message."""
    head, blank, body = message.partition("\n\n")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return message
    return head + blank + json.dumps(value, indent=2, ensure_ascii=False)
