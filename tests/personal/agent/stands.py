"""What tests with real processes need: a line that writes down all it carries, agents as processes, a network of two."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from base.admin import NotRunning, ask

ROOT = Path(__file__).parents[3]


@dataclass
class Wire:
    """A relay that keeps every byte it carried in either direction."""

    carried: bytearray = field(default_factory=bytearray)
    connections: int = 0


@contextlib.asynccontextmanager
async def wire(host: str, port: int, target: int) -> AsyncIterator[Wire]:
    """Relay connections to a port of this machine until the block ends."""
    made, tasks = Wire(), set[asyncio.Task[Any]]()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(1 << 16):
                made.carried += piece
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]  # there is one
        try:
            there, back = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(relay, host, port)
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def engawa(*words: str, within: Sequence[str] = (), log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a part as a process of its own."""
    output = subprocess.DEVNULL if log is None else log.open("ab")
    try:
        return subprocess.Popen(
            [*within, sys.executable, "-m", "engawa", *words], cwd=ROOT, stdout=output, stderr=output,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    finally:
        if log is not None:
            output.close()  # type: ignore[union-attr]  # it is a file


async def agent(folder: Path, url: str, *words: str, within: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start an agent and wait until it answers its commands."""
    given = ("--data", str(folder), "--municipality", "yabu", "--url", url, "--retry-seconds", "0.2")
    child = await asyncio.to_thread(
        engawa, "run", "agent", *given, *words, within=within, log=folder.with_suffix(".log")
    )
    for _ in range(300):
        with contextlib.suppress(NotRunning):
            await ask(folder, "keys")
            return child
        assert child.poll() is None, folder.with_suffix(".log").read_text()
        await asyncio.sleep(0.1)
    child.kill()
    raise AssertionError("the agent does not start")


def end(child: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    """End a process that was started here."""
    if child.poll() is None:
        child.send_signal(number)
    child.wait(30)


@dataclass(frozen=True)
class Network:
    """Two namespaces with one cable between them: this one outside, and the inside."""

    name: str
    outside: str
    inside: str
    cable: str

    @property
    def within(self) -> tuple[str, ...]:
        """Give the words that start a command inside."""
        return ("ip", "netns", "exec", self.name)

    def listening(self) -> list[str]:
        """List the sockets inside that wait for connections, or for datagrams."""
        found = []
        for kind in ("tcp", "tcp6", "udp", "udp6"):
            lines = subprocess.check_output(
                [*self.within, "cat", f"/proc/net/{kind}"], text=True
            ).splitlines()
            found += [line for line in lines[1:] if kind.startswith("udp") or line.split()[3] == "0A"]
        return found


@dataclass
class Capture:
    """Every frame that went over a cable, in either direction, as a tap between the two sees it."""

    frames: list[bytes] = field(default_factory=list)

    def segments(self) -> Iterator[tuple[str, int, int, int, bytes]]:
        """Give each TCP segment: from which address, from and to which port, its flags, its bytes."""
        for frame in self.frames:
            if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
                continue
            packet = frame[14 : 14 + int.from_bytes(frame[16:18], "big")]
            segment = packet[(packet[0] & 15) * 4 :]
            ports = int.from_bytes(segment[:2], "big"), int.from_bytes(segment[2:4], "big")
            yield socket.inet_ntoa(packet[12:16]), *ports, segment[13], segment[(segment[12] >> 4) * 4 :]

    def streams(self) -> dict[tuple[str, int, int], bytes]:
        """Join what was sent on each connection in each direction."""
        found: dict[tuple[str, int, int], bytearray] = {}
        for source, port, target, _, data in self.segments():
            found.setdefault((source, port, target), bytearray()).extend(data)
        return {key: bytes(data) for key, data in found.items() if data}

    def begun(self) -> set[str]:
        """Name the addresses that began a connection, and those that took one up."""
        return {
            f"{source} {'took up' if flags & 16 else 'began'}"
            for source, _, _, flags, _ in self.segments()
            if flags & 2
        }


@contextlib.contextmanager
def captured(cable: str) -> Iterator[Capture]:
    """Write down every frame on a cable until the block ends."""
    made, over = Capture(), threading.Event()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
        tap.bind((cable, 0))
        tap.settimeout(0.2)

        def read() -> None:
            while True:
                try:
                    made.frames.append(tap.recv(1 << 17))
                except TimeoutError:
                    if over.is_set():
                        return

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield made
        finally:
            over.set()
            reader.join()


@contextlib.contextmanager
def network() -> Any:
    """Make the two namespaces; the inside can reach the outside's address and nothing else."""
    number = os.getpid() % 200
    here, there = f"eng{os.getpid() % 100_000}a", f"eng{os.getpid() % 100_000}b"
    made = Network(f"engawa-in-{os.getpid()}", f"10.77.{number}.1", f"10.77.{number}.2", here)

    def run(*words: str) -> None:
        subprocess.run(words, check=True, capture_output=True)

    run("ip", "netns", "add", made.name)
    try:
        run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", made.name)
        run("ip", "addr", "add", f"{made.outside}/30", "dev", here)
        run("ip", "link", "set", here, "up")
        run(*made.within, "ip", "addr", "add", f"{made.inside}/30", "dev", there)
        run(*made.within, "ip", "link", "set", there, "up")
        run(*made.within, "ip", "link", "set", "lo", "up")
        yield made
    finally:
        subprocess.run(["ip", "netns", "del", made.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", here], check=False, capture_output=True)


def may_make_networks() -> bool:
    """Say whether this process may make namespaces, and has what makes them."""
    import shutil

    if shutil.which("ip") is None or os.geteuid() != 0:
        return False
    name = f"engawa-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return made.returncode == 0
