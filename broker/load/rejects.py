"""The rejects file: every row that did not get into the broker, as it stood, with its line and the reason."""

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TextIO

LEAD: Final = ("file", "line", "reason")
SPARE: Final = "(unassigned)"


class Rejects:
    """Writes rejected rows; the file comes into being with the first of them. UTF-8 with BOM, as spreadsheets want."""

    def __init__(self, path: Path, headers: Sequence[Sequence[str]]) -> None:
        self.path = path
        self.count = 0
        self._columns = list(dict.fromkeys(name for header in headers for name in header))
        self._file: TextIO | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, file: Path, line: int, reason: str, header: Sequence[str], cells: Sequence[Any]) -> None:
        """Keep one row."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow([*LEAD, *self._columns, SPARE])
        fitting = len(cells) == len(header)
        named = dict(zip(header, cells, strict=True)) if fitting else {}
        spare = "" if fitting else ",".join(str(cell) for cell in cells)
        self._writer.writerow([file.name, line, reason, *(named.get(c, "") for c in self._columns), spare])
        self.count += 1
