"""Shelter lists into the broker: rows become entities, batches are in flight, what differs is written."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from broker.load import forms
from broker.load.client import Destination
from broker.load.entities import Entity, Form
from broker.load.reading import Row, Table, UnreadableFile, opened
from broker.load.rejects import Rejects
from broker.load.synchronise import synchronise
from broker.load.values import Notes, Unusable

BATCH: Final = 500
FLIGHTS: Final = 3
SHOWN: Final = 100
"""How many rejected rows and remarks a summary names; the rejects file has all rows."""

Progress = Callable[[Path, int, int], None]
Usable = tuple[Row, Entity]


@dataclass(slots=True)
class Summary:
    """What became of one file; read = new + changed + unchanged + rejected."""

    file: str
    form: str
    encoding: str
    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    remarked: int = 0
    blank: int = 0
    rejections: list[tuple[int, str]] = field(default_factory=list)
    remarks: list[tuple[int, str]] = field(default_factory=list)
    failure: str = ""


@dataclass(slots=True)
class _Intake:
    """One file on its way in."""

    path: Path
    table: Table
    form: Form
    rejects: Rejects
    summary: Summary
    seen: dict[str, int] = field(default_factory=dict)

    def reject(self, row: Row, reason: str) -> None:
        self.summary.rejected += 1
        if len(self.summary.rejections) < SHOWN:
            self.summary.rejections.append((row.line, reason))
        self.rejects.add(self.path, row.line, reason, self.table.header, row.cells)

    def entities(self) -> Iterator[Usable]:
        """Turn rows into entities up to the end of the file, or to where it cannot be read any more."""
        try:
            yield from self._usable()
        except UnreadableFile as error:
            self.summary.failure = error.detail

    def _usable(self) -> Iterator[Usable]:
        for row in self.table.rows:
            if not row.fault and not any(row.cells):
                self.summary.blank += 1
                continue
            self.summary.read += 1
            entity = self._entity(row)
            if entity is None:
                continue
            first = self.seen.setdefault(entity["id"], row.line)
            if first != row.line:
                self.reject(row, f"the id is already that of line {first}")
                continue
            yield row, entity

    def _entity(self, row: Row) -> Entity | None:
        notes = Notes()
        try:
            if row.fault:
                raise Unusable(row.fault)
            if any("\ufffd" in cell for cell in row.cells if type(cell) is str):
                raise Unusable(f"the row has characters that cannot be read as {self.table.encoding}")
            entity = self.form.build(row.cells, notes)
        except Unusable as error:
            self.reject(row, str(error))
            return None
        for text in notes.texts:
            self.summary.remarked += 1
            if len(self.summary.remarks) < SHOWN:
                self.summary.remarks.append((row.line, text))
        return entity

    async def send(self, destination: Destination, batch: Sequence[Usable]) -> None:
        """Synchronise one batch with the broker."""
        outcome = await synchronise(destination, [entity for _, entity in batch], self.form.attributes)
        self.summary.new += len(outcome.new)
        self.summary.changed += len(outcome.changed)
        self.summary.unchanged += len(outcome.unchanged)
        for row, entity in batch:
            if reason := outcome.refused.get(entity["id"]):
                self.reject(row, f"the broker refused it: {reason}")


def headers(files: Sequence[Path]) -> list[list[str]]:
    """Read the headers of all files, so that an unusable file is known before anything is written."""
    found = []
    for path in files:
        with opened(path) as table:
            _form(path, table.header)
            found.append(table.header)
    return found


async def load(
    files: Sequence[Path],
    destination: Destination,
    rejects: Rejects,
    *,
    progress: Progress = lambda path, reached, size: None,
    batch: int = BATCH,
    flights: int = FLIGHTS,
) -> list[Summary]:
    """Load files one after another; a later file overrules an earlier one. What failed stands in the summaries."""
    summaries = []
    for path in files:
        with opened(path) as table:
            form = _form(path, table.header)
            intake = _Intake(path, table, form, rejects, Summary(path.name, form.name, table.encoding))
            summaries.append(intake.summary)
            try:
                await _transfer(intake, destination, progress, batch, flights)
            except ExceptionGroup as group:
                raise group.exceptions[0] from group
    return summaries


def _form(path: Path, header: Sequence[str]) -> Form:
    form = forms.recognise(header)
    if form is None:
        shown = ", ".join(header[:8])[:120]
        raise UnreadableFile(
            f"{path} is none of the lists known (国土地理院 指定緊急避難場所 and 指定避難所, "
            "自治体標準オープンデータセット 03); "
            f"its columns begin with: {shown}"
        )
    return form


async def _transfer(
    intake: _Intake, destination: Destination, progress: Progress, size: int, flights: int
) -> None:
    slots = asyncio.Semaphore(flights)
    entities = intake.entities()

    async def fly(batch: Sequence[Usable]) -> None:
        try:
            await intake.send(destination, batch)
        finally:
            slots.release()
        progress(intake.path, intake.table.reached, intake.table.size)

    async with asyncio.TaskGroup() as group:
        while True:
            await slots.acquire()
            batch = list(islice(entities, size))
            if not batch:
                break
            group.create_task(fly(batch))
