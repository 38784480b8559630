"""A response of the broker, and the demands on it."""

import re
from typing import Any, Final

import orjson
from multidict import CIMultiDict

from conformance.demand import Seen, shown
from conformance.exchange import Exchange
from conformance.verdict import Failure

ERRORS: Final = "https://uri.etsi.org/ngsi-ld/errors/"
_LINK: Final = re.compile(r"<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:\"[^\"]*\"|[^\s\",;]+))*)")


class Answer:
    """What the broker answered; demands return the answer, so that they may be chained."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.code = exchange.status
        self.headers = CIMultiDict(exchange.headers)

    def status(self, *allowed: int) -> "Answer":
        """Demand one of these status codes."""
        wanted = " or ".join(map(str, allowed))
        return self._holds(self.code in allowed, f"status {wanted}", self._first_line())

    def refused(self, status: int, error: str) -> "Answer":
        """Demand a refusal: status, error type, title and detail, in application/json. (5.5.2, 5.5.3, 6.3.2)"""
        body = self._parsed()
        told = body if isinstance(body, dict) else {}
        texts = all(isinstance(told.get(name), str) and told[name] for name in ("title", "detail"))
        media = self.media_type
        seen_type = told.get("type")
        ok = self.code == status and seen_type == ERRORS + error and media == "application/json" and texts
        return self._holds(
            ok,
            f"a refusal: status {status}, error type {error}, title and detail, in application/json",
            f"status {self.code}, type {shown(seen_type)}{'' if texts else ', title or detail missing'}, "
            f"in {media or 'no media type'}",
        )

    def header(self, name: str, *values: str, pattern: str = "") -> "Answer":
        """Demand a header: any value, one of these, or one that a regular expression matches as a whole."""
        seen = self.headers.get(name)
        demanded = f"header {name}" + (f": {' or '.join(values)}" if values else "")
        ok = seen is not None and (not values or seen in values)
        if pattern:
            demanded += f" matching {pattern}"
            ok = ok and re.fullmatch(pattern, seen or "") is not None
        return self._holds(ok, demanded, "no such header" if seen is None else f"{name}: {seen}")

    def no_header(self, name: str) -> "Answer":
        """Demand that a header is not there."""
        return self._holds(name not in self.headers, f"no header {name}", f"{name}: {self.headers.get(name)}")

    def media(self, *types: str) -> "Answer":
        """Demand one of these media types, whatever its parameters."""
        return self._holds(
            self.media_type in types, f"media type {' or '.join(types)}", self.media_type or "no media type"
        )

    def empty(self) -> "Answer":
        """Demand that there is no body."""
        return self._holds(not self.exchange.body, "no body", f"{len(self.exchange.body)} bytes")

    @property
    def media_type(self) -> str:
        """Give the media type without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def json(self) -> Any:
        """Give the body, demanding that it is JSON."""
        try:
            return orjson.loads(self.exchange.body)
        except orjson.JSONDecodeError:
            raise Failure("a JSON body", self._first_line(), self.exchange) from None

    @property
    def body(self) -> Seen:
        """Look at the body: `answer.body.at("speed").has(value=55)`."""
        return Seen(self.json, "the body", self.exchange)

    @property
    def text(self) -> str:
        """Give the body as text."""
        return self.exchange.body.decode("utf-8", "replace")

    @property
    def location(self) -> str:
        """Give the path of Location below the broker's root, demanding the header."""
        self.header("Location")
        return below_root(self.headers["Location"])

    def links(self, rel: str) -> list[str]:
        """Give the targets of the Link headers of a relation."""
        found = []
        for value in self.headers.getall("Link", ()):
            for target, rest in _LINK.findall(value):
                if re.search(rf';\s*rel\s*=\s*"?{re.escape(rel)}"?\s*(;|$)', rest):
                    found.append(target)
        return found

    def _parsed(self) -> Any:
        try:
            return orjson.loads(self.exchange.body)
        except orjson.JSONDecodeError:
            return None

    def _first_line(self) -> str:
        text = self.text.strip()
        return f"status {self.code}" + (f", {text[:300]}" if text else ", no body")

    def _holds(self, ok: bool, demanded: str, seen: str) -> "Answer":
        if not ok:
            asked = f"{self.exchange.method} answers with {demanded}"
            raise Failure(asked, seen, self.exchange)
        return self


def below_root(location: str) -> str:
    """Give what stands behind /ngsi-ld/v1 in a Location."""
    _, found, rest = location.partition("/ngsi-ld/v1")
    return rest if found else location
