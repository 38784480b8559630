"""Points at which a process kills itself: before and after each commit, before each change of a file.

Nothing of this is in the product: connections of SQLite tell of their statements, Python tells of the files it opens,
renames and removes. What a killed process leaves behind is what it had given to the kernel, so between two of these
points nothing else can be found on disk. What was answered before the next of them had reached the client; what came
last is seen by killing the process when all is answered. A commit that changes nothing is none.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

WRITING = os.O_WRONLY | os.O_RDWR
CHANGES = ("open", "os.rename", "os.remove", "os.truncate")


class Points:
    """Counts the points that are reached from the moment it is armed, and ends the process at one of them."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        """Folder: whose files count; tell: takes the name of the point right before the end."""
        self._folder, self._tell = str(folder), tell
        self._left: int | None = None

    def arm(self, number: int | None) -> None:
        """Let the process end at this point from now, the first is 1; None: at none."""
        self._left = number

    def install(self) -> None:
        """Look at all of it from now on; there is no way back."""
        apsw.connection_hooks.append(self._watch)
        sys.addaudithook(self._file)

    def reached(self, name: str) -> None:
        """Take notice of a point."""
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self._left = None
            self._tell(name)
            os.kill(os.getpid(), signal.SIGKILL)

    def _watch(self, connection: apsw.Connection) -> None:
        file, changes, changing = Path(connection.filename).name, 0, False

        def told(event: dict[str, Any]) -> None:
            nonlocal changes, changing
            if event["sql"] != "COMMIT":
                return
            begins = event["code"] == apsw.SQLITE_TRACE_STMT
            if begins:
                changing, changes = connection.total_changes() != changes, connection.total_changes()
            if changing:
                self.reached(f"{'before' if begins else 'after'} a commit to {file}")

        connection.trace_v2(apsw.SQLITE_TRACE_STMT | apsw.SQLITE_TRACE_PROFILE, told)

    def _file(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._left is None or event not in CHANGES:
            return
        path = os.fspath(arguments[0]) if isinstance(arguments[0], str | os.PathLike) else ""
        if event == "open" and not arguments[2] & WRITING:
            return
        if str(path).startswith(self._folder):
            self.reached(f"before {event} of {Path(str(path)).name}")
