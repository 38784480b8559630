"""The residents a login has open: a number in a page's address stands for each, so that none is in a URL."""

from collections import OrderedDict
from typing import Final

from base.errors import ResourceNotFound

MOST_LOGINS: Final = 1_000
MOST_OPEN: Final = 200


class Cases:
    """Numbers of open residents, per login; the oldest are forgotten, and all when the process ends."""

    def __init__(self) -> None:
        self._logins: OrderedDict[bytes, tuple[int, OrderedDict[int, str]]] = OrderedDict()

    def open(self, session: bytes, handle: str) -> int:
        """Give the number of a resident, a new one if the login does not have them open."""
        count, known = self._logins.pop(session, (0, OrderedDict()))
        number = next((number for number, one in known.items() if one == handle), 0)
        if not number:
            count += 1
            number = count
            known[number] = handle
            if len(known) > MOST_OPEN:
                known.popitem(last=False)
        self._logins[session] = (count, known)
        if len(self._logins) > MOST_LOGINS:
            self._logins.popitem(last=False)
        return number

    def find(self, session: bytes, number: str) -> str:
        """Give the handle behind a number of a login."""
        _, known = self._logins.get(session, (0, OrderedDict()))
        handle = (
            known.get(int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else None
        )
        if handle is None:
            raise ResourceNotFound("This resident is not open any more. Search for them again.")
        return handle
