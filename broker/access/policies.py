"""The policy in force: read at the start, and again when its file has changed. (docs/access.md)"""

from pathlib import Path

import structlog

from base.access import Caller
from base.settings import SettingError
from broker.access import policy_file
from broker.access.rights import Rights

log = structlog.get_logger("engawa.broker")

Mark = tuple[int, int, int] | None


class Policies:
    """The policy of a file. A changed file that is wrong is logged, and what was in force stays in force."""

    def __init__(self, file: Path) -> None:
        """Read the file; SettingError if it is wrong."""
        self._file = file
        self._mark = _mark(file)
        self._policy = policy_file.load(file)

    def of(self, caller: Caller, database: str) -> Rights:
        """Give the rights of a caller on a tenant now."""
        return self._policy.of(caller, database)

    def refresh(self) -> bool:
        """Look whether the file has changed; say whether other rules are in force now."""
        mark = _mark(self._file)
        if mark == self._mark:
            return False
        self._mark = mark
        try:
            self._policy = policy_file.load(self._file)
        except SettingError as error:
            log.error("the policy was changed and cannot be used; the former one stays", reason=str(error))
            return False
        log.info("the policy was read again", rules=len(self._policy.rules))
        return True


def _mark(file: Path) -> Mark:
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino
