"""Ports for processes that tests start: below those the kernel hands out, so that nothing else gets them meanwhile."""

import os
import random
import socket

FIRST, LAST = 12_000, 32_000


def free_port(*beside: int) -> int:
    """Give a port that nothing listens on, nor on those so many above it; each worker of a run has a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    size = (LAST - FIRST) // workers
    start = FIRST + worker * size
    while True:
        port = random.SystemRandom().randrange(start, start + size)
        if all(map(_free, (port, *(port + above for above in beside)))):
            return port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
