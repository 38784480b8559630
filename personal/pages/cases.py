"""The residents a login has open: a number in a page's address stands for each, so that none is in a URL."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from base.errors import ResourceNotFound
from personal.pages.kept import Owner

MOST_LOGINS: Final = 1_000
MOST_OPEN: Final = 200


@dataclass(slots=True)
class _Login:
    """What a login has open: the number given last, the handles by their numbers, whose login it is."""

    count: int = 0
    known: OrderedDict[int, str] = field(default_factory=OrderedDict, repr=False)
    owner: Owner | None = field(default=None, repr=False)


class Cases:
    """Numbers of open residents, per login; the oldest are forgotten, and all when the process ends."""

    def __init__(self) -> None:
        self._logins: OrderedDict[bytes, _Login] = OrderedDict()

    def open(self, session: bytes, handle: str) -> int:
        """Give the number of a resident, a new one if the login does not have them open."""
        login = self._login(session)
        number = next((number for number, one in login.known.items() if one == handle), 0)
        if not number:
            login.count += 1
            number = login.count
            login.known[number] = handle
            if len(login.known) > MOST_OPEN:
                login.known.popitem(last=False)
        return number

    def find(self, session: bytes, number: str) -> str:
        """Give the handle behind a number of a login."""
        login = self._logins.get(session)
        asked = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
        handle = None if login is None else login.known.get(asked)
        if handle is None:
            raise ResourceNotFound("This resident is not open any more. Search for them again.")
        return handle

    def note(self, session: bytes, owner: Owner) -> None:
        """Note whose login it is."""
        self._login(session).owner = owner

    def owner(self, session: bytes) -> Owner | None:
        """Say whose a login is or was, if that is still known."""
        login = self._logins.get(session)
        return None if login is None else login.owner

    def adopt(self, session: bytes, former: bytes) -> None:
        """Let a login have open what a former one of the same person had."""
        before = self._logins.pop(former, None)
        if before is not None and former != session:
            self._logins[session] = before

    def forget(self, session: bytes) -> None:
        """Forget a login that ended."""
        self._logins.pop(session, None)

    def _login(self, session: bytes) -> _Login:
        login = self._logins.pop(session, None) or _Login()
        self._logins[session] = login
        if len(self._logins) > MOST_LOGINS:
            self._logins.popitem(last=False)
        return login
