"""Reports of the conformance tool: JSON, JUnit, HTML, terminal, comparison, and the command's exit codes."""

import asyncio
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from conformance import waivers
from conformance.compare import APPEARED, BETTER, GONE, OTHER, STILL, WORSE, compare
from conformance.exchange import Exchange
from conformance.report import file, html, junit, terminal
from conformance.report.groups import by_clause
from conformance.result import FAILED, NOT_APPLICABLE, OUTCOMES, PASSED, Report, Result
from engawa.command import cli
from tests.live import live_broker
from tests.ports import free_port

HOSTILE = "<script>alert('x')</script>\x00\x0b\ud7ff & \"q\" </pre>"
EXCHANGE = Exchange(
    "POST", "http://b/ngsi-ld/v1/entities", (("Accept", "*/*"),), HOSTILE.encode(), 201, "Created",
    (("X-Odd", HOSTILE.replace("\x00", "")),), b'{"a": [1]}', 0.5,
)  # fmt: skip


def result(name: str, outcome: str = PASSED, clause: str = "5.6.1.4", feature: str = "Entities") -> Result:
    why = (
        ("an <b>answer</b>", HOSTILE)
        if outcome == FAILED
        else ("", "why not" if outcome == NOT_APPLICABLE else "")
    )
    return Result(
        name,
        (clause, "6.3.2"),
        f"{name} holds",
        feature,
        "core",
        outcome,
        *why,
        0.25,
        (EXCHANGE,),
        0 if outcome == FAILED else -1,
    )


def report(*results: Result) -> Report:
    about = {
        "broker": "http://b/ngsi-ld/v1",
        "tool": "engawa conformance 0",
        "contextSourceAlias": "<i>odd</i>",
    }
    return Report(
        "NGSI-LD conformance", about, results, "2026-11-21T00:00:00Z", 1.5, {"temporal": "it answers 501"}
    )


ALL = report(
    result("a.passes"),
    result("a.fails", FAILED, "5.10.2", "Query"),
    result("b.absent", NOT_APPLICABLE, "5.7.4.4", "Temporal"),
)


def test_a_report_reads_back_as_it_was_written(tmp_path: Path) -> None:
    file.write(ALL, tmp_path / "r.json")
    assert file.read(tmp_path / "r.json") == ALL


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema":1}', '{"schema":2}', "not json"])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(file.NoReport):
        file.read(tmp_path / "r.json")


def test_junit_counts_and_carries_the_exchange(tmp_path: Path) -> None:
    junit.write(ALL, tmp_path / "r.xml")
    root = ET.parse(tmp_path / "r.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("3", "1", "1")
    assert [suite.get("name") for suite in root.findall("testsuite")] == ["Entities", "Query", "Temporal"]
    failed = root.find(".//testcase[failure]")
    assert failed is not None and "5.10.2" in str(failed.get("classname"))
    assert "curl -i -X POST" in (failed.findtext("system-out") or "")
    assert root.find(".//skipped") is not None


class Page(HTMLParser):
    """What a page refers to, and the ids in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        self.ids += [value or "" for name, value in attrs if name == "id"]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_needs_nothing_else_and_shows_the_brokers_text_as_text(language: str) -> None:
    text = html.page(ALL, language)
    page = Page(text)
    assert page.scripts == 1 and "<i>odd</i>" not in text and "alert('x')</script>" not in text
    assert all(reference.startswith("#") for reference in page.references)
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert f'<html lang="{language}">' in text and "url(" not in text and "@import" not in text


def test_the_page_shows_failures_first_with_the_exchange_open() -> None:
    text = html.page(ALL, "en")
    assert text.index('id="failures"') < text.index('id="clauses"') < text.index('id="cases"')
    failures = text[text.index('id="failures"') : text.index('id="clauses"')]
    assert "a.fails holds" in failures and "an &lt;b&gt;answer&lt;/b&gt;" in failures
    assert "curl -i -X POST" in failures and 'class="exchange shown" open' in failures
    assert "1 of 2 applicable cases fail." in text and "it answers 501" in text


def test_each_text_of_the_page_is_there_in_both_languages() -> None:
    words = html.texts(html.HERE / "texts.toml")
    assert all(set(text) == {"en", "ja"} and all(text.values()) for text in words.values())
    used = {
        key
        for template in html.HERE.glob("*.html")
        for key in re.findall(r"\bt\('([^']+)'", template.read_text(encoding="utf-8"))
    }
    assert used <= set(words)


def test_clauses_are_in_the_order_of_the_specification_and_grouped_by_operation() -> None:
    results = [result(c, clause=c) for c in ("5.10.2", "5.9.2.4", "5.9.2", "4.9", "6.3.4.1", "13", "")]
    assert [clause for clause, _ in by_clause(results)] == ["4.9", "5.9.2", "5.10.2", "6.3.4", "13", ""]


def test_names_what_got_better_and_worse(tmp_path: Path) -> None:
    before = report(
        *(
            result(n, o)
            for n, o in zip(
                "abcdefg", [PASSED, FAILED, FAILED, PASSED, PASSED, PASSED, NOT_APPLICABLE], strict=True
            )
        )
    )
    after = report(
        *(
            result(n, o)
            for n, o in zip(
                "abcdfgh", [FAILED, PASSED, FAILED, NOT_APPLICABLE, PASSED, PASSED, PASSED], strict=True
            )
        )
    )
    found = compare(before, after)
    assert {c.name: c.kind for c in found.changes} == {
        "a": WORSE,
        "b": BETTER,
        "c": STILL,
        "d": OTHER,
        "e": GONE,
        "g": BETTER,
        "h": APPEARED,
    }
    assert found.worse
    html.write_comparison(found, tmp_path / "c.html", "ja")
    text = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "悪化" in text and Page(text).references == []


@given(
    st.dictionaries(st.sampled_from("abcd"), st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(OUTCOMES)))
)
def test_exactly_what_differs_or_still_fails_is_a_change(outcomes: dict[str, tuple[str, str]]) -> None:
    before = report(*(result(n, o) for n, (o, _) in outcomes.items()))
    after = report(*(result(n, o) for n, (_, o) in outcomes.items()))
    named = {c.name for c in compare(before, after).changes}
    assert named == {n for n, (a, b) in outcomes.items() if a != b or b == FAILED}
    assert compare(before, after).worse == any(b == FAILED != a for a, b in outcomes.values())


def called(*words: Any) -> Any:
    return CliRunner().invoke(cli, ["conformance", *map(str, words)])


async def test_the_command_judges_a_broker_and_writes_all_reports(tmp_path: Path) -> None:
    places = [option for kind in ("html", "junit", "json") for option in (f"--{kind}", tmp_path / kind)]
    async with live_broker(tmp_path / "broker") as live:
        done = await asyncio.to_thread(called, live.url, "--case", "entities.read", *places)
        optioned = await asyncio.to_thread(called, "--clause", "5.6.1", "--feature", "Entities", live.url)
    assert done.exit_code == 0 and "1 pass, 0 fail, 0 not applicable; 1 case in" in done.output, done.output
    assert optioned.exit_code == 0, optioned.output
    assert file.read(tmp_path / "json").environment["case"] == "entities.read"
    assert "All 1 applicable cases pass." in (tmp_path / "html").read_text(encoding="utf-8")
    assert ET.parse(tmp_path / "junit").getroot().get("failures") == "0"


async def test_failures_end_the_command_with_1_and_show_what_was_demanded(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    done = await asyncio.to_thread(called, url, "--case", "entities.create")
    listener.close()
    assert done.exit_code == 1 and "FAIL entities.create (clause 5.6.1.4)" in done.output
    assert "demanded: POST answers with status 201" in done.output


@pytest.mark.parametrize(
    "words",
    [
        ("nowhere",),
        ("run", "nowhere"),
        ("http://b", "--clause", "99"),
        ("http://b", "--without", "moon"),
        ("http://b", "--header", "nothing"),
        ("http://b", "--profile", "all"),
        ("compare", "a", "b"),
        ("etsi", "http://b", "--suite", "nowhere"),
        ("etsi", "http://b", "--suite", "."),
        ("etsi", "b", "--suite", "."),
    ],
)
def test_wrong_usage_ends_the_command_with_2(words: tuple[str, ...]) -> None:
    assert called(*words).exit_code == 2


def test_no_broker_ends_the_command_with_3() -> None:
    done = called(f"http://127.0.0.1:{free_port()}")
    assert done.exit_code == 3 and "no broker answers at http://127.0.0.1:" in done.output
    assert "no connection: Connection refused" in done.output


def test_an_address_without_a_scheme_is_told_apart_from_a_command() -> None:
    done = called("localhost:1026", "--clause", "5.6.1")
    assert done.exit_code == 2 and "write it with http://" in done.output


def test_compare_ends_with_1_when_anything_got_worse(tmp_path: Path) -> None:
    good, bad = report(result("a")), report(result("a", FAILED))
    file.write(good, tmp_path / "good")
    file.write(bad, tmp_path / "bad")
    assert called("compare", tmp_path / "good", tmp_path / "good").exit_code == 0
    assert called("compare", tmp_path / "bad", tmp_path / "good").exit_code == 0
    done = called("compare", tmp_path / "good", tmp_path / "bad", "--html", tmp_path / "c.html")
    assert done.exit_code == 1 and "worse" in done.output and (tmp_path / "c.html").exists()


def test_a_waived_failure_does_not_count_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text('"a.f*" = "agreed on 3 May"\n"a.passes" = "not needed"\n')
    found = waivers.waive(ALL, waivers.read(tmp_path / "w.toml"))
    assert found.counts() == {PASSED: 1, FAILED: 0, NOT_APPLICABLE: 2} and found.environment["waived"] == "1"
    assert "waived: agreed on 3 May (demanded: an <b>answer</b>" in found.results[1].seen


@pytest.mark.parametrize("text", ['"a" = ""', '"a" = 5', "a b c"])
def test_a_waiver_without_reason_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "w.toml").write_text(text)
    with pytest.raises(waivers.NoWaivers):
        waivers.read(tmp_path / "w.toml")


def test_a_broker_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show(report(replace(result("a", FAILED), seen="\x1b[2Jgone\x07")))
    assert "\x1b" not in (out := capsys.readouterr().out) and "\x07" not in out and "gone" in out


def test_the_core_profile_holds_entities_queries_and_subscriptions_only() -> None:
    listed = orjson.loads(called("list", "--json").output)
    core = {one["feature"] for one in listed if one["profile"] == "core"}
    assert {"Entities", "Query", "Subscriptions", "Tenants"} <= core
    assert not {
        name for name in core if name.startswith(("Temporal", "Snapshot", "Registration", "Entity maps"))
    }


def test_cases_and_features_are_listed() -> None:
    assert '"name": "entities.create_twice"' in called("list", "--json").output
    assert (
        "entities.create_twice" in called("list").output.replace("\n", "")
        and "snapshots" in called("features").output
    )


def test_a_report_without_cases_says_so() -> None:
    assert "No case applies." in html.page(replace(ALL, results=()), "en")
