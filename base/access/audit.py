"""The audit log: a file that only grows, a JSON line for each write and each refusal; written beside the requests."""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from base.settings import SettingError

SECONDS: Final = 1.0  # after which what was logged is on disk
MOST_WAITING: Final = 100_000  # lines, while the disk cannot take them
MODE: Final = 0o640
_ALIKE: Final = frozenset((401, 429))  # refusals that may come in floods

log = structlog.get_logger("engawa.audit")


@dataclass(slots=True)
class _Line:
    record: dict[str, Any]
    count: int = 1


class Audit:
    """Writes records to a file; refusals alike within a second become one line with their count."""

    def __init__(self, path: Path, seconds: float = SECONDS) -> None:
        """Open the file; SettingError if it cannot be written."""
        self._path = path
        self._seconds = seconds
        self._waiting: list[_Line] = []
        self._alike: dict[tuple[Any, ...], _Line] = {}
        self._lost = 0
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        try:
            self._file = _open(path)
        except OSError as error:
            raise SettingError(f"the audit log {path} cannot be written: {error.strerror}") from error

    async def start(self) -> None:
        """Begin to write what is logged."""
        self._task = asyncio.create_task(self._keep_writing())

    async def close(self) -> None:
        """Write what still waits, and close the file."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.flush()
        os.close(self._file)

    def note(self, record: dict[str, Any]) -> None:
        """Log a record."""
        if record.get("status") in _ALIKE:
            likeness = tuple(value for name, value in record.items() if name not in ("time", "request"))
            line = self._alike.get(likeness)
            if line is not None:
                line.count += 1
                return
            line = self._alike[likeness] = _Line(record)
        else:
            line = _Line(record)
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
        else:
            self._waiting.append(line)

    async def flush(self) -> None:
        """Have all that was logged on disk; what the disk does not take waits."""
        async with self._writing:
            lines, lost = self._waiting, self._lost
            self._waiting, self._lost, self._alike = [], 0, {}
            if not lines:
                return
            try:
                await asyncio.to_thread(self._write, lines, lost)
            except OSError as error:
                log.error("audit log cannot be written", reason=error.strerror, lines=len(lines))
                room = MOST_WAITING - len(self._waiting)
                self._waiting[:0] = lines[:room]
                self._lost += lost + max(0, len(lines) - room)

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await self.flush()

    def _write(self, lines: list[_Line], lost: int) -> None:
        self._follow()
        body = b"".join(_bytes(line) for line in lines)
        if lost:
            body += orjson.dumps({"event": "lost", "count": lost}) + b"\n"
        size = os.fstat(self._file).st_size
        try:
            view = memoryview(body)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, size)  # it is written again as a whole
            raise

    def _follow(self) -> None:
        """Go on in a new file when the old one was moved away."""
        mine = os.fstat(self._file)
        try:
            there = self._path.stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino):
            fresh = _open(self._path)
            os.close(self._file)
            self._file = fresh


def _bytes(line: _Line) -> bytes:
    record = line.record if line.count == 1 else {**line.record, "count": line.count}
    return orjson.dumps(record) + b"\n"


def _open(path: Path) -> int:
    """Open a file to append; a line that a crash cut off is ended."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")
    return file
