"""What refusals say to readers of pages, in their language: found by the text a Problem was raised with."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from base.pages import packaged
from schemas.personal import catalogue

HERE: Final = Path(__file__).parent
_GAP: Final = "{}"
_FAULT: Final = re.compile(
    r"(?:\A|: )(?P<where>[^:]+?) (?:lacks (?P<lacks>.+)|must be .+|breaks the rule .+|has members .+)\.\Z"
)
Words = Mapping[str, Mapping[str, str]]


class Refusals:
    """The texts of refusals, each with its Japanese and, where the text is one for programs, better English."""

    def __init__(self) -> None:
        told = packaged(HERE / "refusals.toml")
        self.texts: Mapping[str, Mapping[str, str]] = told["refusals"]
        self.fields: Mapping[str, str] = told["fields"]
        self.words: Words = {**dict(_labels()), **told["words"]}
        gaps = sorted((text for text in self.texts if _GAP in text), key=lambda text: -len(text))
        self._patterns = [(re.compile(_pattern(text), re.DOTALL), text) for text in gaps]

    def said(self, detail: str, language: str) -> str:
        """Say a refusal in a language; as it is if nobody wrote it down."""
        if detail in self.texts:
            return self._shown(detail, language, detail)
        for pattern, text in self._patterns:
            found = pattern.fullmatch(detail)
            if found is not None:
                put = [self._put(part, language) for part in found.groups()]
                return self._shown(text, language, detail).format(*put)
        return detail

    def field(self, detail: str) -> str:
        """Name the field of a form that is refused, its members parted by dots; empty if it is none."""
        found = _FAULT.search(detail)
        if found is None:
            return self._told_field(detail)
        path = [part for part in found["where"].split("/") if part != "the body"]
        lacking = found["lacks"].split(", ")[:1] if found["lacks"] else []
        return ".".join([*path, *lacking])

    def _told_field(self, detail: str) -> str:
        """Name the field beside which a refusal stands that no schema says."""
        if detail in self.texts:
            return self.fields.get(detail, "")
        for pattern, text in self._patterns:
            if (found := pattern.fullmatch(detail)) is not None:
                return self.fields.get(text, "").format(*found.groups())
        return ""

    def _shown(self, text: str, language: str, detail: str) -> str:
        told = self.texts[text]
        return told.get(language) or (detail.replace("{", "{{").replace("}", "}}") if _GAP in text else text)

    def _put(self, part: str, language: str) -> str:
        """Put what stands in a refusal into words: another refusal, a list, a path of members."""
        whole = self.said(part, language)
        if whole != part:
            return whole
        if part in self.words:
            return self.words[part][language]
        if ", " in part:
            joined = "、" if language == "ja" else ", "
            return joined.join(self._put(one, language) for one in part.split(", "))
        if "/" in part:
            return " › ".join(self._member(one, language) for one in part.split("/"))
        return part

    def _member(self, part: str, language: str) -> str:
        """Name a member of a value, or say the how many-th of a list it is."""
        if part.isascii() and part.isdigit():
            return f"{int(part) + 1} 番目" if language == "ja" else f"no. {int(part) + 1}"
        return self._put(part, language)


def _pattern(text: str) -> str:
    return "(.+)".join(map(re.escape, text.split(_GAP)))


def _labels() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Give the labels of items and of their members."""
    for item in catalogue.items().values():
        yield from _members(item.schema)
    for item in catalogue.items().values():
        yield item.code, item.label


def _members(form: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for name, inner in form.get("properties", {}).items():
        if "x-label" in inner:
            yield name, inner["x-label"]
        yield from _members(inner)
    if "items" in form:
        yield from _members(form["items"])
