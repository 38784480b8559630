"""Servers to measure, as processes of their own: start, CPU time of the whole tree, memory, stop."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from conformance.servers.ports import free_port

HERE = Path(__file__).parent
LOOPBACK = "127.0.0.1"
_TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """One started server."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url

    def cpu_seconds(self) -> float:
        """Give user and system time of the process and all below it."""
        return sum(_cpu_ticks(pid) for pid in _tree(self.process.pid)) / _TICK

    def peak_megabytes(self) -> float:
        """Give the largest resident memory so far, summed over the tree."""
        return sum(_peak_kilobytes(pid) for pid in _tree(self.process.pid)) / 1000


def reference(core: int | None) -> AbstractContextManager[Server]:
    """Start R."""
    port = free_port(LOOPBACK)
    return _started([sys.executable, str(HERE / "reference_handler.py"), str(port)], port, "/r/1", core)


def sink() -> AbstractContextManager[Server]:
    """Start the notification endpoint."""
    port = free_port(LOOPBACK)
    return _started([sys.executable, str(HERE / "sink.py"), str(port)], port, "/count", None)


def broker(data: Path, core: int | None) -> AbstractContextManager[Server]:
    """Start a broker on an empty data folder, with its defaults."""
    port = free_port(LOOPBACK)
    command = [sys.executable, "-m", "engawa", "run", "broker", "--port", str(port), "--data", str(data)]
    return _started(command, port, "/health/ready", core)


@contextmanager
def _started(command: list[str], port: int, ready: str, core: int | None) -> Iterator[Server]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        server = Server(process, f"http://127.0.0.1:{port}")
        _wait_ready(server, ready)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def fetch(url: str, path: str) -> bytes:
    """GET a path of a server on this machine; HTTPException unless it answers 200."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise http.client.HTTPException(f"{path} gave {answer.status}")
        return answer.read()
    finally:
        connection.close()


def _wait_ready(server: Server, path: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if server.process.poll() is not None:
            sys.exit(f"{server.process.args!r} ended with code {server.process.returncode}")
        try:
            fetch(server.url, path)
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
    sys.exit(f"{server.process.args!r} was not ready within 30 s")


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_ticks(pid: int) -> int:
    fields = _stat(pid)
    return sum(int(ticks) for ticks in fields[11:15]) if fields else 0


def _peak_kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
