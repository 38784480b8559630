"""Pages for people: templates, the reader's language, static files named by their content, strict headers."""

import hashlib
import mimetypes
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

if TYPE_CHECKING:
    import jinja2

LANGUAGES: Final = ("ja", "en")
HERE: Final = Path(__file__).parent
_YEAR: Final = "public, max-age=31536000, immutable"

Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class File:
    """One static file, kept in memory."""

    body: bytes
    type: str
    mark: str


def language_of(asked: str | None, accepted: str) -> str:
    """Choose the language of a page: the one asked for, else the reader's first that we have, else Japanese."""
    if asked in LANGUAGES:
        return str(asked)
    best, weight = LANGUAGES[0], 0.0
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";")
        language = tag.strip().lower().split("-")[0]
        try:
            given = float(quality.strip().removeprefix("q=") or 1) if quality else 1.0
        except ValueError:
            given = 0.0
        if language in LANGUAGES and given > weight:
            best, weight = language, given
    return best


@cache
def packaged(file: Path) -> Mapping[str, Any]:
    """Read a TOML file that comes with the software, once in a process."""
    return MappingProxyType(tomllib.loads(file.read_text(encoding="utf-8")))


def texts(*files: Path) -> Texts:
    """Read the texts of pages: each table of a TOML file is one text with its languages."""
    found: dict[str, Mapping[str, str]] = {}
    for file in files:
        found |= packaged(file)
    return found


class Pages:
    """The pages of one part: its templates over the common layout, its texts, its static files."""

    def __init__(
        self,
        *,
        templates: Path | Sequence[Path],
        static: Path | Sequence[Path],
        words: Texts,
        prefix: str,
        images: Sequence[str] = (),
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Read texts and static files once; `prefix` is where static files are, `images` are origins of images."""
        self.files = dict(_files([HERE / "static", *_several(static)]))
        self._prefix = prefix
        self._words = words
        self._templates = _several(templates)
        self._values = dict(values or {})
        self._headers = {
            "Content-Security-Policy": "; ".join(
                (
                    "default-src 'none'",
                    "script-src 'self'",
                    "style-src 'self'",
                    " ".join(("img-src 'self' data:", *images)),
                    "font-src 'self'",
                    "connect-src 'self'",
                    "form-action 'self'",
                    "base-uri 'none'",
                    "frame-ancestors 'none'",
                )
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Vary": "Accept-Language",
            "Cache-Control": "no-cache",
        }

    @cached_property
    def _environment(self) -> "jinja2.Environment":
        # loaded with the first page: most clients of a broker ask for none
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([*self._templates, HERE / "templates"]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(static=self.static, has_static=self.files.__contains__, **self._values)
        return environment

    def tell(self, **values: Any) -> None:
        """Give all templates further values; before the first page is rendered."""
        self._values.update(values)

    def static(self, name: str) -> str:
        """Give the URL of a static file; it changes when the file does."""
        return f"{self._prefix}{name}?v={self.files[name].mark}"

    def say(self, language: str, key: str, **values: Any) -> str:
        """Give a text in a language."""
        text = self._words[key][language]
        return text.format(**values) if values else text

    def render(self, template: str, language: str, *, status: int = 200, **values: Any) -> web.Response:
        """Answer with a page."""

        def say(key: str, **given: Any) -> str:
            return self.say(language, key, **given)

        body = self._environment.get_template(template).render(language=language, t=say, **values)
        headers = {**self._headers, "Content-Language": language}
        return web.Response(
            text=body, status=status, content_type="text/html", charset="utf-8", headers=headers
        )

    def routes(self) -> list[web.RouteDef]:
        """Give the route of the static files."""

        async def serve(request: web.Request) -> web.Response:
            file = self.files.get(request.match_info["name"])
            if file is None:
                raise web.HTTPNotFound
            marked = request.query.get("v") == file.mark
            headers = {
                "Content-Type": file.type,
                "Cache-Control": _YEAR if marked else "no-cache",
                "X-Content-Type-Options": "nosniff",
            }
            return web.Response(body=file.body, headers=headers)

        return [web.get(self._prefix + "{name:.+}", serve)]


def _several(folders: Path | Sequence[Path]) -> list[Path]:
    return [folders] if isinstance(folders, Path) else list(folders)


def _files(folders: Iterable[Path]) -> Iterable[tuple[str, File]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                body = path.read_bytes()
                kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                if kind.startswith("text/"):
                    kind += "; charset=utf-8"
                yield (
                    path.relative_to(folder).as_posix(),
                    File(body, kind, hashlib.sha256(body).hexdigest()[:12]),
                )
