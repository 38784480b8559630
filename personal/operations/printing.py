"""Forms in which data is handed over: CSV for spreadsheets, a page for printing, PDF. (RFC 4180, ISO 32000)"""

import csv
import html
import io
import logging
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from base.errors import OperationNotSupported

_MARK: Final = "\ufeff"  # tells spreadsheets that what follows is UTF-8
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_TITLES: Final = {
    "municipality": "自治体 / Municipality",
    "exported": "書き出した日時 / Exported",
    "registered": "登録 / Registration",
    "records": "登録されている情報 / Records",
    "consents": "同意 / Consents",
    "decisions": "決定と証拠 / Decisions and their evidence",
    "accesses": "取扱いの記録 / What was done with your data",
    "identifiers": "登録番号等の種類 / Kinds of identifiers",
    "namesAtServices": "あなたを知っているサービス / Services that know you",
    "loginsAtServices": "つながっているサービス / Services where you log in",
    "guardians": "代わりに手続きをする人 / Who may act for you",
    "represented": "あなたが代わりに手続きをする人 / For whom you may act",
    "links": "ほかの自治体との結び付け / Links with other municipalities",
    "requests": "開示・訂正・利用停止の請求 / Requests about your data",
    "notices": "お知らせ / What you were told",
    "contacts": "お知らせの届け先 / Where you hear of news",
}
_NONE: Final = "なし / None"
_STYLE: Final = (
    "body{font-family:sans-serif;max-width:60rem;margin:auto;padding:1rem;line-height:1.6}"
    "h2{break-after:avoid}table{border-collapse:collapse;width:100%;margin:0 0 1rem;break-inside:avoid}"
    "th,td{border:1px solid #767676;padding:.2rem .5rem;text-align:left;vertical-align:top}th{width:18rem}"
)


def table(lines: Iterable[tuple[str, ...]]) -> bytes:
    """Write lines as CSV that spreadsheets open as text, never as a formula. (RFC 4180)"""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_cell(cell) for cell in line] for line in lines)
    return (_MARK + text.getvalue()).encode()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def flat(told: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Give the lines of an export: section, number of the row, member, value."""
    yield ("section", "number", "member", "value")
    for section, content in told.items():
        rows = content if isinstance(content, list) else [content]
        for number, row in enumerate(rows, 1):
            for member, value in _leaves(row):
                yield (section, str(number), member, value)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, "" if value is None else str(value)


def page(title: str, told: Mapping[str, Any]) -> bytes:
    """Write an export as a page for printing, with nothing from elsewhere in it."""
    name = html.escape(title)
    parts = ['<!doctype html><html lang="ja"><meta charset="utf-8">']
    parts.append(f"<title>{name}</title><style>{_STYLE}</style><h1>{name}</h1>")
    for heading, rows in _sections(told):
        parts.append(f"<h2>{heading}</h2>")
        parts.extend(_block(row) for row in rows)
        if not rows:
            parts.append(f"<p>{_NONE}</p>")
    return "".join([*parts, "</html>"]).encode()


def pdf(title: str, told: Mapping[str, Any], font: Path | None) -> bytes:
    """Write an export as PDF with a font that has Japanese letters; OperationNotSupported if there is none here."""
    from fpdf import FPDF, FPDFException  # it takes long to load, and is needed for this only

    font = font or installed_font()
    if font is None:
        raise _no_pdf()
    # its warnings would repeat letters of what is written
    logging.getLogger("fpdf").setLevel(logging.CRITICAL)
    document = FPDF()
    document.set_lang("ja")
    document.set_title(title)
    try:
        document.add_font("text", fname=font)
    except (FPDFException, OSError, ValueError):
        raise _no_pdf() from None
    document.add_page()

    def write(text: str, size: int) -> None:
        document.set_font("text", size=size)
        document.multi_cell(0, size * 0.55, text, new_x="LMARGIN", new_y="NEXT")

    write(title, 16)
    for heading, rows in _sections(told):
        document.ln(4)
        write(heading, 13)
        for row in rows:
            document.ln(2)
            for name, value in _leaves(row):
                write(f"{name}: {value}" if name else value, 9)
        if not rows:
            write(_NONE, 9)
    return bytes(document.output())


def installed_font() -> Path | None:
    """Find a font with Japanese letters that is installed on this machine; None if there is none. (fontconfig)"""
    tool = shutil.which("fc-match")
    if tool is None:
        return None
    command = [tool, "--format=%{file}\\n%{lang}", "sans-serif:lang=ja"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603  # no input
    except (OSError, subprocess.SubprocessError):
        return None
    file, _, languages = told.partition("\n")
    return Path(file) if "ja" in languages.split("|") else None


def _no_pdf() -> OperationNotSupported:
    return OperationNotSupported(
        "This server has no font with Japanese letters, so it makes no PDF. Its operator installs one (Debian, Ubuntu:"
        " fonts-ipaexfont) or names one (setting pdf_font). Until then take format=html and print that."
    )


def _sections(told: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    for section, heading in _TITLES.items():
        if section in told:
            yield heading, told[section] if isinstance(told[section], list) else [told[section]]


def _block(row: Any) -> str:
    lines = "".join(
        f"<tr><th scope=row>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in _leaves(row)
    )
    return f"<table>{lines}</table>"
