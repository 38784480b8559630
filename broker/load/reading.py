"""Files of open data as rows: CSV, CSV.gz and GeoJSON, in UTF-8, UTF-16 or Shift_JIS, read as a stream."""

import contextlib
import csv
import gzip
import io
import json
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from base.errors import Problem

CHUNK: Final = 1 << 18
MOST_LINES: Final = 500  # a record over more physical lines is a quote left open
LATITUDE, LONGITUDE = "緯度", "経度"
_UNREADABLE = (OSError, EOFError, zlib.error, UnicodeError)


class UnreadableFile(Problem):
    """A file cannot be read, or not to its end."""

    status = 400
    title = "Unreadable file"


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line it begins on (for GeoJSON the number of the feature), its cells, what is wrong with it."""

    line: int
    cells: list[Any]
    fault: str = ""


@dataclass(slots=True)
class Table:
    """An opened file: the header and, as a stream, the rows; `reached` is how many stored bytes were read."""

    path: Path
    encoding: str
    header: list[str]
    rows: Iterator[Row]
    size: int
    _stored: IO[bytes]

    @property
    def reached(self) -> int:
        """Tell how far into the file we are, for a progress bar."""
        return self._stored.tell()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Table]:
    """Open a file and recognise its packing, form and encoding; UnreadableFile if it is none of them."""
    with contextlib.ExitStack() as stack:
        try:
            table = _table(path, stack)
        except (*_UNREADABLE, csv.Error, ValueError) as error:
            raise UnreadableFile(f"{path} cannot be read: {error}") from error
        yield table


def _table(path: Path, stack: contextlib.ExitStack) -> Table:
    stored = stack.enter_context(path.open("rb"))
    packed = stored.read(2) == b"\x1f\x8b"
    stored.seek(0)
    content = stack.enter_context(gzip.GzipFile(fileobj=stored)) if packed else stored
    encoding = _encoding(content.read(CHUNK), path)
    content.seek(0)
    text = stack.enter_context(io.TextIOWrapper(content, encoding, errors="replace", newline=""))
    header, rows = _geojson(text) if _is_json(text) else _csv(text)
    return Table(path, encoding, header, _told(rows, path), path.stat().st_size, stored)


def _told(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    line = 0
    try:
        for row in rows:
            line = row.line
            yield row
    except (*_UNREADABLE, csv.Error, ValueError) as error:
        raise UnreadableFile(f"{path} cannot be read beyond the record at line {line}: {error}") from error


def _encoding(head: bytes, path: Path) -> str:
    if not head.strip():
        raise UnreadableFile(f"{path} is empty")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8") if len(head) < CHUNK else head[: head.rfind(b"\n") + 1].decode("utf-8")
        return "utf-8-sig"
    except UnicodeDecodeError:
        # one wrong byte far below must not turn a UTF-8 file into Shift_JIS: the header decides
        first = head.split(b"\n", 1)[0]
        with contextlib.suppress(UnicodeDecodeError):
            if not first.decode("utf-8-sig").isascii():
                return "utf-8-sig"
        return "cp932"


def _is_json(text: io.TextIOWrapper) -> bool:
    start = text.read(4096).lstrip("\ufeff \t\r\n")[:1]
    text.seek(0)
    return start == "{"


@dataclass(slots=True)
class _Lines:
    """Physical lines with a memory of the present record, so that a quote left open costs one line, not the rest."""

    text: Iterator[str]
    number: int = 0
    record: list[str] = field(default_factory=list)
    pending: deque[str] = field(default_factory=deque)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.record) >= MOST_LINES:
            raise csv.Error("a quote is left open")
        line = self.pending.popleft() if self.pending else next(self.text)
        self.number += 1
        self.record.append(line)
        return line

    def give_back(self) -> None:
        """Put all lines of the record but the first back."""
        self.pending.extendleft(reversed(self.record[1:]))
        self.number -= len(self.record) - 1


def _csv(text: io.TextIOWrapper) -> tuple[list[str], Iterator[Row]]:
    lines = _Lines(iter(text))
    first = next(lines.text)
    delimiter = "\t" if first.count("\t") > first.count(",") else ","
    lines.pending.append(first)
    reader = csv.reader(lines, delimiter=delimiter)
    header = next(reader)
    return header, _records(reader, lines, len(header))


def _records(reader: Any, lines: _Lines, width: int) -> Iterator[Row]:
    while True:
        lines.record.clear()
        start = lines.number + 1
        try:
            cells = next(reader)
            fault = ""
        except StopIteration:
            return
        except csv.Error as error:
            cells, fault = [line.rstrip("\r\n") for line in lines.record[:1]], str(error)
        if len(cells) != width or fault:
            cells, fault = _fitted(cells, width, fault)
            if fault and len(lines.record) > 1:
                fault = f"{fault}; it opens a quote that does not close on its line"
                cells = [lines.record[0].rstrip("\r\n")]
                lines.give_back()
        yield Row(start, cells, fault)


def _fitted(cells: list[str], width: int, fault: str) -> tuple[list[str], str]:
    """Forgive what spreadsheets do at the end of a line: empty cells too many, or the last (empty) ones missing."""
    while len(cells) > width and not cells[-1]:
        cells = cells[:-1]
    if fault or not any(cells):
        return cells, fault
    if len(cells) == width - 1:
        return [*cells, ""], ""
    return cells, "" if len(cells) == width else f"the row has {len(cells)} cells, the header has {width}"


def _geojson(text: io.TextIOWrapper) -> tuple[list[str], Iterator[Row]]:
    features = _features(text)
    first = next(features, None)
    if first is None:
        raise UnicodeError("it is JSON, but no FeatureCollection with features")
    header = list(first.get("properties") or {})
    columns = [*(name for name in header if name not in (LATITUDE, LONGITUDE)), LATITUDE, LONGITUDE]

    def rows() -> Iterator[Row]:
        yield _feature_row(1, first, columns)
        for number, feature in enumerate(features, 2):
            yield _feature_row(number, feature, columns)

    return columns, rows()


def _feature_row(number: int, feature: Any, columns: list[str]) -> Row:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        return Row(number, [json.dumps(feature, ensure_ascii=False)[:2000]], "the feature has no properties")
    cells: list[Any] = [_cell(properties.get(name)) for name in columns]
    geometry = feature.get("geometry")
    if not geometry:
        return Row(number, cells)
    try:
        longitude, latitude, *_ = (float(part) for part in geometry["coordinates"])
        if geometry["type"] != "Point":
            raise ValueError
    except (TypeError, KeyError, ValueError):
        return Row(number, cells, "the geometry is not a Point with two numbers")
    cells[-2:] = [latitude, longitude]
    return Row(number, cells)


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)


def _features(text: io.TextIOWrapper) -> Iterator[Any]:
    """Decode the members of "features" one after another, however long the file is."""
    decoder = json.JSONDecoder()
    buffer = text.read(CHUNK).lstrip("\ufeff")
    while (found := buffer.find('"features"')) < 0 or (start := buffer.find("[", found)) < 0:
        more = text.read(CHUNK)
        if not more:
            return
        buffer = buffer[-16:] + more if found < 0 else buffer[found:] + more
    position = start + 1
    while True:
        position = _skip(buffer, position)
        if buffer[position : position + 1] == "]":
            return
        try:
            if position >= len(buffer):
                raise json.JSONDecodeError("the list of features does not end", buffer, position)
            value, position = decoder.raw_decode(buffer, position)
        except json.JSONDecodeError:
            more = text.read(CHUNK)
            if not more:
                raise
            buffer, position = buffer[position:] + more, 0
            continue
        yield value


def _skip(buffer: str, position: int) -> int:
    while buffer[position : position + 1] in (" ", "\n", "\r", "\t", ","):
        position += 1
    return position
