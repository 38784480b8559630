"""What a proposal says, in rows that whoever decides can read; the JSON itself stands below them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from personal.pages.refusals import Words
from personal.pages.values import YES_NO, Row

SKIPPED: Final = frozenset(
    {"base", "sealed", "new", "emergency", "delegation", "by", "x", "y", "n", "e", "$schema", "$id"}
)
"""What only machines read."""


def rows_of(body: Mapping[str, Any], words: Words, language: str) -> tuple[Row, ...]:
    """Give the members of a proposal with their names and values in words, as far as there are any."""
    return tuple(_rows(body, words, language))


def _rows(body: Mapping[str, Any], words: Words, language: str) -> Iterator[Row]:
    for name, value in body.items():
        if name in SKIPPED or value in (None, [], {}, ""):
            continue
        label = words[name][language] if name in words else name
        yield from _row(label, value, words, language)


def _row(label: str, value: Any, words: Words, language: str) -> Iterator[Row]:
    if isinstance(value, Mapping) and {"ja", "en"} <= value.keys():
        yield Row(label, str(value[language]))
    elif isinstance(value, Mapping):
        yield Row(label, rows=rows_of(value, words, language))
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value, 1):
            numbered = label if len(value) == 1 else f"{label} {number}"
            yield from _row(numbered, one, words, language)
    elif isinstance(value, list):
        yield Row(label, "、".join(_said(one, words, language) for one in value))
    else:
        yield Row(label, _said(value, words, language))


def _said(value: Any, words: Words, language: str) -> str:
    if isinstance(value, bool):
        return YES_NO[value][language]
    text = str(value)
    return words[text][language] if text in words else text.removeprefix("law:")
