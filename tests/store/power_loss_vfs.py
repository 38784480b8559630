"""A file system for SQLite that loses power: what was not synced is gone, or there in part and in any order.

Reads and writes go to real files. Beside them stands, for each file, what the disk surely holds (`settled`) and the
writes since its last sync (`pending`). A cut writes other files: settled content plus a random choice of the pending
writes, each whole or by sectors.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path

import apsw

SECTOR = 512
Write = tuple[int, bytes]


@dataclass
class Disk:
    """What one file has on the disk for sure, and what is on its way; `there`: its name would survive."""

    settled: bytearray = field(default_factory=bytearray)
    pending: list[Write | int] = field(default_factory=list)
    there: bool = False

    def after_cut(self, chance: random.Random) -> bytes:
        """Give a content that a power cut now may leave."""
        content = bytearray(self.settled)
        keep = chance.choice((0.0, 0.5, 0.9))
        for write in self.pending:
            if chance.random() < keep:
                if isinstance(write, int):
                    _truncate(content, write)
                else:
                    _write_some(content, write, chance)
        return bytes(content)

    def settle(self) -> None:
        """Bring everything pending to the disk."""
        for write in self.pending:
            if isinstance(write, int):
                _truncate(self.settled, write)
            else:
                _put(self.settled, *write)
        self.pending.clear()
        self.there = True


class PowerLossVFS(apsw.VFS):
    """The file system; `countdown` operations later it calls `on_cut`, once."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.disks: dict[str, Disk] = {}
        self.countdown = -1
        self.lost: dict[str, bytes] = {}
        self.chance = random.Random(0)

    def adopt(self, path: Path) -> None:
        """Take a file as it is for settled."""
        self.disks[str(path)] = Disk(bytearray(path.read_bytes()), there=True)

    def step(self) -> None:
        """Come one operation nearer to the cut; there, keep what the disk holds then."""
        self.countdown -= 1
        if self.countdown == 0:
            self.lost = {name: d.after_cut(self.chance) for name, d in self.disks.items() if d.there}

    @property
    def cut(self) -> bool:
        """Say whether the power has been cut."""
        return bool(self.lost)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # apsw's name
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        assert path
        self.disks.setdefault(path, Disk())
        return _File(self, path, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802  # apsw's name
        self.step()
        super().xDelete(name, syncdir)
        if syncdir or self.chance.random() < 0.5:
            self.disks.pop(name, None)


class _File(apsw.VFSFile):
    def __init__(
        self, vfs: PowerLossVFS, path: str, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        super().__init__("", name, flags)
        self._vfs = vfs
        self._path = path

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  # apsw's name
        self._vfs.step()
        super().xWrite(data, offset)
        self._disk().pending.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802  # apsw's name
        self._vfs.step()
        super().xTruncate(newsize)
        self._disk().pending.append(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802  # apsw's name
        self._vfs.step()
        super().xSync(flags)
        self._disk().settle()

    def _disk(self) -> Disk:
        return self._vfs.disks.setdefault(self._path, Disk())


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _truncate(content: bytearray, size: int) -> None:
    del content[size:]


def _write_some(content: bytearray, write: Write, chance: random.Random) -> None:
    """Write all sectors, or each with a probability, as a cut in the middle of a write may leave them."""
    offset, data = write
    if chance.random() < 0.7:
        _put(content, offset, data)
        return
    start = 0
    while start < len(data):
        end = min(len(data), start + SECTOR - (offset + start) % SECTOR)
        if chance.random() < 0.5:
            _put(content, offset + start, data[start:end])
        start = end
