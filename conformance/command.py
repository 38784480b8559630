"""The commands of the conformance tool. (docs/conformance-tool.md)"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from base.console import json_option, progress, show_json, show_table
from conformance.case import PROFILES
from conformance.result import Report, Result

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_READ = click.Path(exists=True, dir_okay=False, path_type=Path)


class RunByDefault(click.Group):
    """A group whose first word may be a URL: then `run` is meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Put `run` before a URL, or before options that precede one."""
        if args and args[0] not in self.commands and (":" in args[0] or args[0].startswith("-")):
            args = ["run", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave options before the URL to `run`."""
        if args and args[0].startswith("-") and args[0] not in (*ctx.help_option_names, "--"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=RunByDefault)
def conformance() -> None:
    """Judge any NGSI-LD broker by what the specification demands.

    `engawa conformance URL` is short for `engawa conformance run URL`.

    \b
    Example:
      engawa conformance http://localhost:1026 --html report.html
      engawa conformance compare old.json new.json
    """


def report_options(command: F) -> F:
    """Add the options that say where the report goes."""
    for option in reversed(
        (
            click.option("--html", type=_FILE, help="Write the report as one HTML file."),
            click.option("--junit", type=_FILE, help="Write the report as JUnit XML."),
            click.option(
                "--json", "json_file", type=_FILE, help="Write the report as JSON; `compare` reads it."
            ),
            click.option(
                "--waive", type=_READ, help='TOML of failures not to count: "pattern of names" = "reason".'
            ),
            click.option(
                "--lang", type=click.Choice(("en", "ja")), default="en", help="Language of the HTML."
            ),
        )
    ):
        command = option(command)
    return command


@conformance.command()
@click.argument("url")
@click.option(
    "--clause", "clauses", multiple=True, help="Only cases of this clause or below; may be repeated."
)
@click.option("--feature", "features", multiple=True, help="Only cases of this feature; may be repeated.")
@click.option("--case", "names", multiple=True, help="Only this case, or this chapter; may be repeated.")
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="full",
    show_default=True,
    help="core: entities, queries, subscriptions; full: all that one broker does alone; federation: that too.",
)
@click.option("--tenant", default="", help="Tenant in which to work.  [default: the default tenant]")
@click.option(
    "--header", "headers", multiple=True, help="'Name: value' sent with each request, e.g. a token."
)
@click.option(
    "--without", multiple=True, help="Feature the broker declares not to have; `features` lists them."
)
@click.option(
    "--parallel", default=8, show_default=True, type=click.IntRange(1, 256), help="Requests at once."
)
@click.option("--patience", default=1.0, show_default=True, help="Factor on all waiting times and limits.")
@click.option("--callback-host", default="", help="Host by which the broker reaches this machine.")
@click.option("--callback-port", default=0, help="Port on which it is called back.  [default: a free one]")
@report_options
def run(url: str, **given: Any) -> None:
    """Judge the broker at URL.

    Exit code 0: all cases pass; 1: some fail; 2: wrong usage; 3: no broker answers.

    \b
    Example:
      engawa conformance http://localhost:1026 --clause 5.7.2 --html report.html
    """
    from conformance.collect import all_cases, chosen
    from conformance.run import run as judge_all

    cases = chosen(
        all_cases(),
        profile=given["profile"],
        clauses=given["clauses"],
        features=given["features"],
        names=given["names"],
    )
    if not cases:
        raise click.UsageError("no case is chosen; 'engawa conformance list' shows all")
    asked = _asked(url, given)
    with progress() as bar:
        task = bar.add_task("judging", total=len(cases))

        def told(result: Result) -> None:
            bar.update(task, advance=1)

        report = asyncio.run(judge_all(cases, asked, told))
    finish(replace(report, environment={**report.environment, **_chosen(given)}), given)


def _chosen(given: dict[str, Any]) -> dict[str, str]:
    """Say what was chosen, so that a reader knows what the figures are figures of."""
    found = {"profile": given["profile"]}
    for one, many in (
        ("clause", "clauses"),
        ("feature", "features"),
        ("case", "names"),
        ("without", "without"),
    ):
        if given[many]:
            found[one] = ", ".join(given[many])
    return found


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"'{url}' is no URL; write it with http://")


def _asked(url: str, given: dict[str, Any]) -> Any:
    from conformance.features import FEATURES
    from conformance.surroundings import Asked

    _check_url(url)
    unknown = set(given["without"]) - {feature.name for feature in FEATURES}
    if unknown:
        raise click.UsageError(
            f"there is no feature '{unknown.pop()}'; 'engawa conformance features' lists them"
        )
    headers = []
    for header in given["headers"]:
        name, colon, value = header.partition(":")
        if not colon:
            raise click.UsageError(f"--header takes 'Name: value', not '{header}'")
        headers.append((name.strip(), value.strip()))
    return Asked(
        url,
        given["tenant"],
        tuple(headers),
        given["callback_host"],
        given["callback_port"],
        frozenset(given["without"]),
        given["patience"],
        parallel=given["parallel"],
    )


def finish(report: Report, given: dict[str, Any]) -> None:
    """Print a report, write the files asked for, and end with the exit code."""
    from conformance import waivers
    from conformance.report import file, html, junit, terminal

    if given["waive"]:
        report = waivers.waive(report, waivers.read(given["waive"]))
    if given["json_file"]:
        file.write(report, given["json_file"])
    if given["junit"]:
        junit.write(report, given["junit"])
    if given["html"]:
        html.write(report, given["html"], given["lang"])
    terminal.show(report)
    raise SystemExit(1 if report.failed else 0)


@conformance.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL…")
@click.option(
    "--suite", required=True, type=_FOLDER, help="Checkout of the suite; it is copied, never written."
)
@click.option(
    "--python", default=sys.executable, help="Python that has the suite's packages.  [default: this one]"
)
@click.option(
    "--group",
    "groups",
    multiple=True,
    help="Only this folder or file below TP/NGSI-LD (--iop: IOP_TP/NGSI-LD); may be repeated.",
)
@click.option(
    "--contexts",
    type=click.Choice(("ours", "asis")),
    default="ours",
    show_default=True,
    help="ours: @contexts come from a server of this tool; asis: the broker resolves the original URLs.",
)
@click.option(
    "--core-context", default="", help="URL of the broker's core @context.  [default: as it names it]"
)
@click.option(
    "--history",
    type=click.Choice(("drop", "keep")),
    default="drop",
    show_default=True,
    help="Whether the broker drops or keeps the history of a deleted entity.",
)
@click.option(
    "--before",
    default="",
    help="Command to run before each group, e.g. to empty the broker; {url} is its URL.",
)
@click.option(
    "--wipe",
    is_flag=True,
    help="Delete ALL that the broker holds before each group: the suite leaves things behind.",
)
@click.option(
    "--iop",
    is_flag=True,
    help="Run the part that asks five brokers at once (IOP_TP), b1 to b5 in the order of the URLs.",
)
@click.option("--http-seconds", default=30.0, show_default=True, help="Longest time of one request.")
@click.option("--test-seconds", default=120.0, show_default=True, help="Longest time of one test.")
@click.option("--group-seconds", default=1800.0, show_default=True, help="Longest time of one group.")
@click.option("--callback-host", default="", help="Host by which the brokers reach this machine.")
@report_options
def etsi(urls: tuple[str, ...], **given: Any) -> None:
    """Run a checkout of the public ETSI robot suite.

    Each URL must be a broker of its own, with a store of its own and empty: the suite uses fixed identifiers. The work
    is divided among them. Exit codes are those of `run`.

    With --iop: five URLs, of brokers that reach each other by these, each with an alias of its own.

    \b
    Example:
      engawa conformance etsi http://localhost:1026 http://localhost:1027 --suite ../ngsi-ld-test-suite
      engawa conformance etsi http://localhost:909{0,1,2,3,4} --iop --suite ../ngsi-ld-test-suite
    """
    from conformance.etsi.run import EtsiAsked, run_suite
    from conformance.etsi.suite import BROKERS
    from conformance.etsi.worker import Limits

    for url in urls:
        _check_url(url)
    if given["iop"] and len(urls) != BROKERS:
        raise click.UsageError(f"--iop takes the URLs of {BROKERS} brokers, not of {len(urls)}")
    if len({url.rstrip("/") for url in urls}) < len(urls):
        raise click.UsageError("a URL is named twice; each must be a broker of its own")
    limits = Limits(given["http_seconds"], given["test_seconds"], given["group_seconds"])
    asked = EtsiAsked(
        urls, given["suite"], given["python"], given["groups"], limits, given["contexts"] == "ours",
        given["core_context"], given["history"] == "drop", given["before"], given["wipe"], given["callback_host"],
        given["iop"],
    )  # fmt: skip
    with progress() as bar:
        task = bar.add_task("groups", total=None)
        report = asyncio.run(
            run_suite(
                asked,
                lambda group, results: bar.update(task, advance=1),
                lambda groups: bar.update(task, total=len(groups)),
            )
        )
    finish(report, given)


@conformance.command()
@click.argument("before", type=_READ)
@click.argument("after", type=_READ)
@click.option("--html", type=_FILE, help="Write the comparison as one HTML file.")
@click.option("--lang", type=click.Choice(("en", "ja")), default="en", help="Language of the HTML.")
def compare(before: Path, after: Path, html: Path | None, lang: str) -> None:
    """Compare two reports written with --json.

    The exit code is 1 if anything got worse.

    \b
    Example:
      engawa conformance compare old.json new.json --html comparison.html
    """
    from conformance.compare import compare as compared
    from conformance.report import file, terminal
    from conformance.report import html as pages

    found = compared(file.read(before), file.read(after))
    if html:
        pages.write_comparison(found, html, lang)
    terminal.show_comparison(found)
    raise SystemExit(1 if found.worse else 0)


@conformance.command("list")
@json_option
def list_cases(as_json: bool) -> None:
    """List the cases.

    \b
    Example:
      engawa conformance list
    """
    from conformance.collect import all_cases

    cases = all_cases()
    if as_json:
        columns = ("name", "clauses", "demand", "feature", "profile", "needs")
        show_json([{column: getattr(case, column) for column in columns} for case in cases])
    else:
        rows = [(case.clauses[0], case.name, case.profile, case.demand) for case in cases]
        show_table(("clause", "case", "profile", "what is demanded"), rows)


@conformance.command()
def features() -> None:
    """List the features that a broker may do without.

    --without takes their names.

    \b
    Example:
      engawa conformance features
    """
    from conformance.features import FEATURES

    show_table(("feature", ""), [(feature.name, feature.meaning) for feature in FEATURES])
