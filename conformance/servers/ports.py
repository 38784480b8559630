"""Ports for programs that cannot choose one themselves."""

import random
import socket
from typing import Final

_FIRST: Final = 12_000
_LAST: Final = 32_000


def free_port(bind: str) -> int:
    """Give a port that nothing listens on, below those the kernel hands out, so that nothing else gets it meanwhile."""
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(_FIRST, _LAST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except OSError:
                continue
        return port
