"""`engawa up` as a process of its own, for tests that need the real thing."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ports import free_port

DEFAULT_PORT = 1026
MODULE_ABOVE = 7000
"""How far the port of the personal-data module lies above that of the broker."""
DESK_ABOVE = 7084
"""How far that of the demonstration's desk does."""


@dataclass(frozen=True)
class Up:
    """What runs."""

    process: subprocess.Popen[str]
    port: int
    data: Path

    def get(self, path: str) -> bytes:
        """GET a path of the broker."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            body: bytes = answer.read()
            return body

    @property
    def personal(self) -> str:
        """Name the URL of the personal-data module."""
        return f"http://127.0.0.1:{self.port + MODULE_ABOVE}"

    @property
    def desk(self) -> str:
        """Name the URL of the demonstration's desk."""
        return f"http://127.0.0.1:{self.port + DESK_ABOVE}"

    def ready(self) -> bool:
        """Say whether the broker is ready."""
        try:
            return bool(json.loads(self.get("/health/ready"))["status"] == "ready")
        except (urllib.error.URLError, OSError):
            return False

    def children(self) -> list[int]:
        """Name the processes below."""
        file = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in file.read_text(encoding="ascii").split()]


def start(data: Path, *words: str, port: int, **more: Any) -> subprocess.Popen[str]:
    """Start `engawa up` and do not wait."""
    command = [
        sys.executable,
        "-m",
        "engawa",
        "up",
        "--data",
        str(data),
        "--offset",
        str(port - DEFAULT_PORT),
        *words,
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ENGAWA_")}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **more
    )


@contextmanager
def up(data: Path, *words: str, port: int = 0) -> Iterator[Up]:
    """Run `engawa up` until the block ends; it has said that it is ready when the block begins."""
    port = port or free_port(MODULE_ABOVE, DESK_ABOVE)
    process = start(data, *words, port=port)
    try:
        running = Up(process, port, data)
        assert process.stdout
        for line in process.stdout:
            if "Ctrl-C ends it" in line:
                break
        else:
            raise AssertionError(process.stderr.read() if process.stderr else "it ended")
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def wait_until(condition: Any, seconds: float = 60.0) -> bool:
    """Wait until something holds; say whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
