"""Pages shown again with what was typed in: nothing is lost by a mistake or by a login that ended."""

from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from typing import Final

_MARKED: Final = ("checkbox", "radio")
_KEPT: Final = ("hidden", "submit", "button", "file", "password")
Attributes = list[tuple[str, str | None]]


def refilled(page: str, action: str, typed: Mapping[str, str], wrong: str = "") -> str:
    """Put what was typed into the form of a page that is sent to an address; the field that is wrong is marked."""
    filling = _Filling(action, typed, wrong)
    filling.feed(page)
    filling.close()
    return "".join(filling.parts)


class _Filling(HTMLParser):
    """Copies a page; within the form that is meant, fields get other values. Hidden ones stay as the page has them."""

    def __init__(self, action: str, typed: Mapping[str, str], wrong: str) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._action, self._typed = action, typed
        self._wrong = {wrong, f"item.{wrong}"} if wrong else set()
        self._inside = self._skipping = False
        self._chosen: str | None = None

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """Copy a tag, or a field with what was typed."""
        found = dict(attrs)
        if tag == "form":
            self._inside = (found.get("action") or "").partition("?")[0] == self._action
        if not self._inside or tag not in ("input", "select", "option", "textarea"):
            self.parts.append(self.get_starttag_text() or "")
            return
        name = found.get("name") or ""
        if tag == "select":
            self._chosen = self._typed.get(name)
        elif tag == "option":
            if self._chosen is not None:
                attrs = _flagged(attrs, "selected", found.get("value") == self._chosen)
        elif tag == "textarea" and name in self._typed:
            self._skipping = True
        elif tag == "input" and found.get("type") not in _KEPT:
            attrs = self._field(attrs, found, name)
        if name in self._wrong:
            attrs = [*attrs, ("aria-invalid", "true"), ("aria-errormessage", "wrong"), ("autofocus", None)]
        self.parts.append(_written(tag, attrs))
        if self._skipping:
            self.parts.append(escape("\n" + self._typed[name]))

    def handle_endtag(self, tag: str) -> None:
        """Copy the end of a tag."""
        if tag == "textarea":
            self._skipping = False
        elif tag == "form":
            self._inside = False
        elif tag == "select":
            self._chosen = None
        self._copy(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Copy text."""
        self._copy(data)

    def handle_entityref(self, name: str) -> None:
        """Copy a named reference."""
        self._copy(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Copy a numbered reference."""
        self._copy(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        """Copy the document's type."""
        self._copy(f"<!{decl}>")

    def _copy(self, text: str) -> None:
        if not self._skipping:
            self.parts.append(text)

    def _field(self, attrs: Attributes, found: Mapping[str, str | None], name: str) -> Attributes:
        if found.get("type") in _MARKED:
            return _flagged(attrs, "checked", found.get("value") in self._typed.get(name, "").split())
        if name not in self._typed:
            return attrs
        return [*((key, value) for key, value in attrs if key != "value"), ("value", self._typed[name])]


def _flagged(attrs: Attributes, flag: str, on: bool) -> Attributes:
    return [*((key, value) for key, value in attrs if key != flag), *([(flag, None)] if on else [])]


def _written(tag: str, attrs: Attributes) -> str:
    told = [f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in attrs]
    return f"<{tag}{''.join(told)}>"
