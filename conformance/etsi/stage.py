"""A copy of the suite in which remote @contexts are at our own server; the checkout is never written."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from conformance.etsi.suite import Suite
from conformance.servers.callbacks import Call

COPIED: Final = ("TP", "IOP_TP", "data", "libraries", "resources")
_CONTEXT: Final = re.compile(r"https?://[A-Za-z0-9.-]+\.[a-z]{2,}/[^\s\"'<>`,|()\[\]{}\\]*\.jsonld")
_REMOTE_ONLY: Final = re.compile(r"(^|\.)(uri\.etsi\.org|example(\.[a-z]+)?|localhost)$")
_TEXTS: Final = frozenset({".robot", ".resource", ".py", ".json", ".jsonld", ".geojson", ".txt", ""})
_OWN_ADDRESS: Final = "http://localhost:9090"


@dataclass
class Stage:
    """The copy, and the @contexts that are served for it by their original URLs."""

    root: Path
    served_at: str
    documents: dict[str, bytes] = field(default_factory=dict)

    def here(self, url: str) -> str:
        """Give the URL at our server for a remote one."""
        parts = urlsplit(url)
        return f"{self.served_at}/{parts.netloc}{parts.path}"

    async def handle(self, call: Call) -> web.Response:
        """Serve one @context."""
        body = self.documents.get(call.path)
        if body is None:
            return web.Response(status=404)
        return web.Response(body=body, content_type="application/ld+json")


def prepare(suite: Suite, stage: Stage, *, rewrite: bool) -> None:
    """Copy the suite; with `rewrite`, point its remote @contexts at our server."""
    folder = stage.root
    for name in COPIED:
        if (suite.root / name).is_dir():
            shutil.copytree(
                suite.root / name, folder / name, ignore=shutil.ignore_patterns(".git", "__pycache__")
            )
    found: set[str] = set()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in _TEXTS:
            found |= _rewrite(stage, file, rewrite)
    for url in sorted(found):
        _document(suite, stage, url)


def _rewrite(stage: Stage, file: Path, rewrite: bool) -> set[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return set()
    urls = {url for url in _CONTEXT.findall(text) if not _REMOTE_ONLY.search(urlsplit(url).hostname or "")}
    changed = text
    if rewrite:
        for url in sorted(urls, key=len, reverse=True):
            changed = changed.replace(url, stage.here(url))
    if file.suffix == ".robot":
        changed = changed.replace(_OWN_ADDRESS, "${engawa_broker}")
    if changed != text:
        file.write_text(changed, encoding="utf-8")
    return urls


def _document(suite: Suite, stage: Stage, url: str) -> None:
    """Find a remote @context in the suite itself; one that is not there gets the suite's own terms."""
    file = _in_suite(suite, url) or _in_suite(suite, main_context(suite))
    if file is None:
        return
    staged = stage.root / file.relative_to(suite.root)
    stage.documents[urlsplit(stage.here(url)).path.removeprefix(urlsplit(stage.served_at).path)] = (
        staged.read_bytes()
    )


def _in_suite(suite: Suite, url: str) -> Path | None:
    parts = urlsplit(url).path.strip("/").split("/")
    for start in range(len(parts) - 1):
        file = suite.root.joinpath(*parts[start:])
        if ".." not in parts and file.is_file():
            return file
    named = [p for p in sorted((suite.root / "resources").rglob("*.jsonld")) if p.name == parts[-1]]
    return named[0] if named else None


def main_context(suite: Suite) -> str:
    """Give the URL of the suite's own @context, as its variables name it."""
    text = (suite.root / "resources" / "variables.py").read_text(encoding="utf-8")
    found = re.search(r"""^ngsild_test_suite_context\s*=\s*['"]([^'"]+)""", text, re.MULTILINE)
    return found.group(1) if found else ""
