"""Readers through PC/SC: one thread watches them, lines to cards are exclusive and end with the power off.

Measured against pcscd 1.9.9: a shared line leaves its verified PIN to whoever comes next, also when it was killed; an
exclusive one does not. After a restart of pcscd a context stays dead and has to be made anew.
"""

import contextlib
import threading
from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any, Final

from smartcard import scard

from adapters.desk.cards.channel import Busy, Channel, NoCard, NoReader, NoService, Seen, Slot, Torn

_PLUGGED: Final = "\\\\?PnP?\\Notification"
"""The name under which the service tells of readers that come and go."""
_LOOK_MS: Final = 1_000
_PAUSE: Final = 0.3
_PATIENCE: Final = 2.0
_GONE: Final = frozenset(
    {
        scard.SCARD_W_REMOVED_CARD, scard.SCARD_W_RESET_CARD, scard.SCARD_W_UNPOWERED_CARD,
        scard.SCARD_E_NO_SMARTCARD, scard.SCARD_E_READER_UNAVAILABLE, scard.SCARD_E_INVALID_HANDLE,
        scard.SCARD_E_NO_SERVICE, scard.SCARD_E_SERVICE_STOPPED, scard.SCARD_E_NOT_TRANSACTED,
        scard.SCARD_E_COMM_DATA_LOST, scard.SCARD_F_COMM_ERROR, scard.SCARD_E_UNKNOWN_READER,
        scard.SCARD_E_NO_READERS_AVAILABLE,
    }
)  # fmt: skip
_NO_CARD: Final = frozenset(
    {
        scard.SCARD_E_NO_SMARTCARD,
        scard.SCARD_W_REMOVED_CARD,
        scard.SCARD_W_UNPOWERED_CARD,
        scard.SCARD_W_UNRESPONSIVE_CARD,
    }
)
_NO_READER: Final = frozenset(
    {scard.SCARD_E_UNKNOWN_READER, scard.SCARD_E_READER_UNAVAILABLE, scard.SCARD_E_NO_READERS_AVAILABLE}
)


class _Stale(Exception):
    """A context does not work any more: the service has ended, or begun anew."""


class _Line:
    """An exclusive line to the card on a reader."""

    def __init__(self, handle: Any, protocol: int) -> None:
        self._handle = handle
        self._pci = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
        self._protocol = protocol

    @property
    def atr(self) -> bytes:
        """Give the answer to reset, which a contactless reader makes itself."""
        code, *_, atr = scard.SCardStatus(self._handle)
        _checked(code)
        return bytes(atr)

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        """Send a command; the copy that the library is handed is overwritten."""
        handed = list(command)
        try:
            code, answer = scard.SCardTransmit(self._handle, self._pci, handed)
        finally:
            handed[:] = [0] * len(handed)
        _checked(code)
        if len(answer) < 2:
            raise Torn
        return bytes(answer[:-2]), answer[-2] << 8 | answer[-1]

    def reset(self) -> None:
        """Reset the card on the same line."""
        code, _ = scard.SCardReconnect(
            self._handle, scard.SCARD_SHARE_EXCLUSIVE, self._protocol, scard.SCARD_RESET_CARD
        )
        _checked(code)


def _checked(code: int) -> None:
    if code != scard.SCARD_S_SUCCESS:
        raise Torn if code in _GONE else NoService


class PcscReaders:
    """The readers of this machine; `wanted`: part of the name of those that count."""

    def __init__(self, wanted: str = "") -> None:
        self._wanted = wanted
        self._changed = threading.Condition()
        self._seen = Seen(False)
        self._looked = threading.Event()
        self._ended = False
        self._context: Any = None
        self._thread = threading.Thread(target=self._watch, name="readers", daemon=True)
        self._thread.start()

    def seen(self) -> Seen:
        """Say what is there; the first time once it was looked."""
        self._looked.wait(_PATIENCE)
        return self._seen

    def wait(self, known: Seen, seconds: float) -> Seen:
        """Wait until something changes."""
        with self._changed:
            self._changed.wait_for(lambda: self._seen != known or self._ended, seconds)
            return self._seen

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[Channel]:
        """Open an exclusive line; the card loses its power when it ends, whatever happens."""
        with _context() as context:
            handle, protocol = _connected(context, name)
            try:
                yield _Line(handle, protocol)
            finally:
                scard.SCardDisconnect(handle, scard.SCARD_UNPOWER_CARD)

    def close(self) -> None:
        """Stop looking."""
        self._ended = True
        if self._context is not None:
            scard.SCardCancel(self._context)
        with self._changed:
            self._changed.notify_all()
        self._thread.join(_PATIENCE)

    def _watch(self) -> None:
        """Look at the readers until the end; a service that ends or begins anew is asked anew."""
        while not self._ended:
            try:
                with _context() as context:
                    self._context = context
                    self._look(context)
            except (NoService, _Stale):
                pass
            finally:
                self._context = None
            if not self._ended:
                self._tell(Seen(False))
                sleep(_PAUSE)

    def _look(self, context: Any) -> None:
        known: dict[str, int] = {}
        while not self._ended:
            names = [name for name in _listed(context) if self._wanted.lower() in name.lower()]
            asked = [(name, known.get(name, scard.SCARD_STATE_UNAWARE)) for name in names]
            asked.append((_PLUGGED, known.get(_PLUGGED, scard.SCARD_STATE_UNAWARE)))
            code, found = scard.SCardGetStatusChange(context, _LOOK_MS, asked)
            if code not in (scard.SCARD_S_SUCCESS, scard.SCARD_E_TIMEOUT, scard.SCARD_E_UNKNOWN_READER):
                raise _Stale
            known = {name: state & ~scard.SCARD_STATE_CHANGED for name, state, _ in found}
            self._tell(Seen(True, tuple(_slot(name, known.get(name, 0)) for name in names)))

    def _tell(self, found: Seen) -> None:
        with self._changed:
            if found != self._seen:
                self._seen = found
                self._changed.notify_all()
        self._looked.set()


def _slot(name: str, state: int) -> Slot:
    """Read a state: the upper half counts cards placed and taken, so that a swap between two looks shows."""
    mute = bool(state & scard.SCARD_STATE_MUTE)
    return Slot(name, bool(state & scard.SCARD_STATE_PRESENT) and not mute, state >> 16 & 0xFFFF)


@contextlib.contextmanager
def _context() -> Iterator[Any]:
    code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if code != scard.SCARD_S_SUCCESS:
        raise NoService
    try:
        yield context
    finally:
        scard.SCardReleaseContext(context)


def _listed(context: Any) -> list[str]:
    code, names = scard.SCardListReaders(context, [])
    if code == scard.SCARD_E_NO_READERS_AVAILABLE:
        return []
    if code != scard.SCARD_S_SUCCESS:
        raise _Stale
    return sorted(names)


def _connected(context: Any, name: str) -> tuple[Any, int]:
    """Connect for us alone; another program that is at the card gets a moment to end."""
    until = monotonic() + _PATIENCE
    while True:
        code, handle, protocol = scard.SCardConnect(
            context, name, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        )
        if code == scard.SCARD_S_SUCCESS:
            return handle, protocol
        if code in _NO_READER:
            raise NoReader
        if code in _NO_CARD:
            raise NoCard
        if code != scard.SCARD_E_SHARING_VIOLATION:
            raise NoService
        if monotonic() > until:
            raise Busy
        sleep(_PAUSE / 3)
