"""Pages shown again with what was typed in: nothing is lost by a mistake or by a login that ended."""

from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from typing import Final

_MARKED: Final = ("checkbox", "radio")
_KEPT: Final = ("hidden", "submit", "button", "file", "password")
Attributes = list[tuple[str, str | None]]


def refilled(page: str, action: str, typed: Mapping[str, str], wrong: str = "", why: str = "") -> str:
    """Put what was typed into the form of a page that is sent to an address; beside a wrong field stands why."""
    filling = _Filling(action, typed, wrong, why)
    filling.feed(page)
    filling.close()
    return "".join(filling.parts)


class _Filling(HTMLParser):
    """Copies a page; within the form that is meant, fields get other values. Hidden ones stay as the page has them."""

    def __init__(self, action: str, typed: Mapping[str, str], wrong: str, why: str) -> None:
        super().__init__(convert_charrefs=False)
        self._why, self._late = why, ""
        self.parts: list[str] = []
        self._action, self._typed = action, typed
        self._wrong = {wrong, f"item.{wrong}", f"login.{wrong}"} if wrong else set()
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
        attrs = self._filled(tag, attrs, found, name)
        if name in self._wrong and found.get("type") != "hidden":
            attrs, self._late = self._refused(tag, attrs, found)
        self.parts.append(_written(tag, attrs))
        if tag == "input":
            self._say_why(tag)
        if self._skipping:
            self.parts.append(escape("\n" + self._typed[name]))

    def _filled(self, tag: str, attrs: Attributes, found: Mapping[str, str | None], name: str) -> Attributes:
        """Give a field what was typed; of lists and long texts, see to what comes after the tag."""
        if tag == "select":
            self._chosen = self._typed.get(name)
        elif tag == "option":
            if self._chosen is not None:
                return _flagged(attrs, "selected", found.get("value") == self._chosen)
        elif tag == "textarea" and name in self._typed:
            self._skipping = True
        elif tag == "input" and found.get("type") not in _KEPT:
            return self._field(attrs, found, name)
        return attrs

    def handle_endtag(self, tag: str) -> None:
        """Copy the end of a tag."""
        if tag == "textarea":
            self._skipping = False
        elif tag == "form":
            self._inside = False
        elif tag == "select":
            self._chosen = None
        self._copy(f"</{tag}>")
        self._say_why(tag)

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

    def _refused(
        self, tag: str, attrs: Attributes, found: Mapping[str, str | None]
    ) -> tuple[Attributes, str]:
        """Mark a field as wrong; gives the tag after which stands why: none in a list of boxes, and none twice."""
        told = self._why and not (tag == "input" and found.get("type") in _MARKED)
        by = [("aria-errormessage", "wrong-here" if told else "wrong"), ("autofocus", None)]
        if told:
            by.append(("aria-describedby", f"{found.get('aria-describedby') or ''} wrong-here".strip()))
            attrs = [(key, value) for key, value in attrs if key != "aria-describedby"]
        return [*attrs, ("aria-invalid", "true"), *by], tag if told else ""

    def _say_why(self, tag: str) -> None:
        if self._late == tag:
            self.parts.append(f'<span class="why" id="wrong-here">{escape(self._why)}</span>')
            self._late = self._why = ""

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
