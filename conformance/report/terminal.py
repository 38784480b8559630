"""The report on a terminal: summary by clause and feature, then the failures."""

import click

from base.console import counted, show_table
from conformance.clauses import TITLES
from conformance.compare import KINDS, Comparison
from conformance.report.groups import by_clause, by_feature
from conformance.result import FAILED, NOT_APPLICABLE, PASSED, Report, Result, counts


def show(report: Report) -> None:
    """Print a report."""
    rows = [(clause, TITLES.get(clause, ""), *_counted(group)) for clause, group in by_clause(report.results)]
    show_table(("clause", "", "pass", "fail", "n/a"), rows)
    click.echo()
    show_table(
        ("feature", "pass", "fail", "n/a"),
        [(feature, *_counted(group)) for feature, group in by_feature(report.results)],
    )
    for name, reason in report.absent.items():
        click.echo(f"\nNot judged: {name} ({_plain(reason)}).")
    for result in report.failed:
        _show_failure(result)
    if attention := report.environment.get("attention"):
        click.echo(f"\n{attention}")
    click.echo(f"\n{verdict(report)}")


def verdict(report: Report) -> str:
    """Say in one line what came of a run."""
    found = report.counts()
    return (
        f"{found[PASSED]} pass, {found[FAILED]} fail, {found[NOT_APPLICABLE]} not applicable; "
        f"{counted(len(report.results), 'case')} in {report.seconds:.1f} s at {report.environment.get('broker', '')}"
    )


def _show_failure(result: Result) -> None:
    click.echo(
        f"\n{click.style('FAIL', fg='red', bold=True)} {result.name} (clause {', '.join(result.clauses)})"
    )
    click.echo(f"  {result.demand}")
    click.echo(f"  demanded: {_plain(result.demanded)}")
    click.echo(f"  seen:     {_plain(result.seen)}")
    if result.exchanges:
        click.echo(f"  in:       {_plain(result.exchanges[result.shown].title)}")


def _plain(text: str) -> str:
    """Keep what a broker sent from steering the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def show_comparison(found: Comparison) -> None:
    """Print what got better and worse."""
    for kind in KINDS:
        for change in found.of(kind):
            result = change.result
            reason = f": {result.demanded}; seen: {result.seen}" if result.outcome == FAILED else ""
            click.echo(f"{kind:16} {change.name} (clause {result.clause}){_plain(reason)}")
    click.echo("; ".join(f"{len(found.of(kind))} {kind}" for kind in KINDS))


def _counted(results: list[Result]) -> tuple[int, int, int]:
    found = counts(results)
    return found[PASSED], found[FAILED], found[NOT_APPLICABLE]
