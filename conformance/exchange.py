"""One request and its response as they went over the wire, to read, copy and repeat."""

import shlex
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

SHOWN: Final = 20_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came back; `status` 0 and `problem` say that nothing did."""

    method: str
    url: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: bytes
    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    seconds: float = 0.0
    problem: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        """Name the exchange in one line, its URL as people read it."""
        note = f"{self.note}: " if self.note else ""
        place = unquote(self.url.partition("/ngsi-ld/v1")[2] or self.url)
        return f"{note}{self.method} {place} → {self.status or self.problem}"

    @property
    def curl(self) -> str:
        """Write the command that repeats the request."""
        words = ["curl", "-i"]
        if self.method == "HEAD":
            words.append("--head")
        elif self.method != "GET" or self.request_body:
            words += ["-X", self.method]
        words.append(shlex.quote(self.url))
        for name, value in self.request_headers:
            if name.lower() == "content-length":
                continue  # curl counts by itself
            words += ["-H", shlex.quote(f"{name}: {value}")]
        if self.request_body:
            words += ["--data-binary", shlex.quote(_text(self.request_body))]
        return " ".join(words)

    @property
    def request(self) -> str:
        """Write the request as it was sent."""
        target = "/" + self.url.partition("://")[2].partition("/")[2]
        return _message(f"{self.method} {target} HTTP/1.1", self.request_headers, self.request_body)

    @property
    def response(self) -> str:
        """Write the response as it came."""
        if self.problem:
            return f"(no response: {self.problem})"
        return _message(f"HTTP/1.1 {self.status} {self.reason}", self.headers, self.body)


def _message(first: str, headers: tuple[tuple[str, str], ...], body: bytes) -> str:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    return "\n".join(lines) + (f"\n\n{_text(body)}" if body else "\n")


def _text(body: bytes) -> str:
    text = body[:SHOWN].decode("utf-8", "replace")
    return text if len(body) <= SHOWN else f"{text}… ({len(body)} bytes)"
