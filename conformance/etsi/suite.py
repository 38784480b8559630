"""A checkout of the public ETSI robot suite: what is in it, and what it needs to run."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from base.console import USAGE, Failure

TESTS: Final = Path("TP") / "NGSI-LD"
SEVERAL: Final = Path("IOP_TP") / "NGSI-LD"
"""The part that asks several brokers, which know each other."""
BROKERS: Final = 5
_SET_UP: Final = "__init__.robot"
MOST_FILES: Final = 40
_NEEDED: Final = {
    "robot": "robotframework",
    "RequestsLibrary": "robotframework-requests",
    "JSONLibrary": "robotframework-jsonlibrary",
    "deepdiff": "deepdiff",
    "prettydiff": "prettydiff",
    "paho.mqtt": "paho-mqtt",
    "MQTTLibrary": "robotframework-mqttlibrary",
}
_SEARCH: Final = """
from importlib.util import find_spec
for name in {names!r}:
    try:
        found = find_spec(name)
    except ImportError:
        found = None
    if found is None:
        print(name)
"""
_WAITING: Final = re.compile(r"\b(?:Wait|Sleep|Should Not Receive)\b", re.IGNORECASE)
_CASE: Final = re.compile(r"^\S.*$", re.MULTILINE)


class NoSuite(Failure):
    """The suite cannot be run as it was named."""

    exit_code = USAGE


@dataclass(frozen=True, slots=True)
class Group:
    """Some files that one robot process runs, one after the other."""

    name: str
    files: tuple[Path, ...]
    weight: int
    mqtt: bool
    top: Path = TESTS
    within: Path | None = None
    """The folder whose own set-up belongs to the group, too."""

    def words(self) -> list[str]:
        """Name the files for robot."""
        if self.within is None:
            return [str(file) for file in self.files]
        return [*(word for file in self.files for word in ("--parseinclude", str(file))), str(self.within)]


@dataclass(frozen=True, slots=True)
class Suite:
    """A checkout."""

    root: Path

    def __post_init__(self) -> None:
        missing = [
            part for part in (TESTS, "data", "resources", "libraries") if not (self.root / part).is_dir()
        ]
        if missing:
            raise NoSuite(
                f"the folder '{self.root}' is no checkout of the ETSI NGSI-LD suite: it has no '{missing[0]}'; "
                "clone forge.etsi.org/rep/cim/ngsi-ld-test-suite or a fork of it"
            )

    def groups(self, chosen: Iterable[str] = (), part: Path = TESTS) -> list[Group]:
        """Divide a part of the suite into groups, the longest first; `chosen` are folders or files below the part."""
        top = self.root / part
        if not top.is_dir():
            raise NoSuite(f"this checkout of the suite has no '{part}'; take one that does")
        wanted = [top / name.strip("/") for name in chosen] or [top]
        for place in wanted:
            if not place.exists():
                raise NoSuite(f"there is no '{place.relative_to(top)}' below {top}")
        found = [group for place in wanted for group in self._divide(place, part)]
        return sorted(found, key=lambda group: -group.weight)

    def _divide(self, place: Path, part: Path) -> Iterator[Group]:
        if place.is_file():
            yield self._group(place, [place], part)
            return
        files = sorted(file for file in place.rglob("*.robot") if file.name != _SET_UP)
        folders = sorted(child for child in place.iterdir() if child.is_dir())
        own = [file for file in files if file.parent == place]
        alike = len({_speaks_mqtt(file) for file in files}) <= 1
        if not folders or (alike and len(files) <= MOST_FILES):
            if files:
                yield self._group(place, files, part)
            return
        if own:
            yield self._group(place, own, part)
        for folder in folders:
            yield from self._divide(folder, part)

    def _group(self, place: Path, files: list[Path], part: Path) -> Group:
        texts = [file.read_text(encoding="utf-8") for file in files]
        weight = sum(1 + 10 * len(_WAITING.findall(text)) for text in texts)
        name = place.relative_to(self.root / part).as_posix().removesuffix(".robot")
        relative = tuple(file.relative_to(self.root) for file in files)
        whole = Path(part.parts[0])
        return Group(
            "all" if name == "." else name,
            relative,
            weight,
            any(map(_speaks_mqtt, files)),
            part,
            whole if (self.root / whole / _SET_UP).is_file() else None,
        )

    def library_paths(self) -> list[str]:
        """Name the libraries that come with the suite."""
        found = [str(p) for p in sorted((self.root / "libraries").glob("*/src")) if p.is_dir()]
        return [*found, str(self.root / "libraries")]

    async def check_python(self, python: str) -> None:
        """Demand that a Python has what the suite needs, or say what is missing."""
        asked = _SEARCH.format(names=list(_NEEDED))
        try:
            process = await asyncio.create_subprocess_exec(
                python, "-c", asked, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            raise NoSuite(
                f"the Python '{python}' cannot be started: {error.strerror}; name one with --python"
            ) from error
        out, _ = await process.communicate()
        missing = [_NEEDED[name] for name in out.decode().split() if name in _NEEDED]
        if process.returncode or missing:
            raise NoSuite(
                f"the Python '{python}' lacks {', '.join(missing) or 'what it needs to start'}; make a "
                f"virtual environment with the packages of {self.root / 'requirements.txt'} and name its python "
                "with --python"
            )


def _speaks_mqtt(file: Path) -> bool:
    return "MqttUtils" in file.read_text(encoding="utf-8")
