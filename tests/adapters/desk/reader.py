"""A real pcscd with two virtual readers, for tests: apart from the machine's own, ended with whoever started it."""

import contextlib
import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import pytest

from adapters.desk.emulator import vpcd
from adapters.desk.emulator.chip import Chip
from adapters.desk.emulator.vpcd import Placed

PCSCD = shutil.which("pcscd", path=os.environ.get("PATH", "") + ":/usr/sbin")
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
NAMES = ("Virtual PCD 00 00", "Virtual PCD 00 01")
PATIENCE = 30.0
_OWN = Path("/run/pcscd/pcscd.comm")
_NEW_NET = 0x40000000  # CLONE_NEWNET
_CONF = f"""FRIENDLYNAME "Virtual PCD"
DEVICENAME   /dev/null:0x{vpcd.PORT:04X}
LIBPATH      {DRIVER}
CHANNELID    0x{vpcd.PORT:04X}
"""
# ends pcscd when its own standard input closes, which it does when the test's process ends however it ends
_KEEPER = """
import os, signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.buffer.read()
child.terminate()
try:
    child.wait(10)
except subprocess.TimeoutExpired:
    child.kill()
    child.wait()
"""
_BIND = """
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <sys/socket.h>
int bind(int s, const struct sockaddr *a, socklen_t n) {
    static int (*real)(int, const struct sockaddr *, socklen_t);
    if (!real) real = (int (*)(int, const struct sockaddr *, socklen_t)) dlsym(RTLD_NEXT, "bind");
    if (a->sa_family == AF_INET) {
        struct sockaddr_in here = *(const struct sockaddr_in *) a;
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return real(s, (struct sockaddr *) &here, sizeof here);
    }
    return real(s, a, n);
}
"""


@dataclass
class Service:
    """A running pcscd; cards are placed on its readers."""

    folder: Path
    apart: bool
    keeper: "subprocess.Popen[str] | None" = None
    pid: int = 0
    placed: list[Placed] = field(default_factory=list)

    @property
    def socket(self) -> str:
        return str(self.folder / "pcscd.comm") if self.apart else str(_OWN)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        (self.folder / "conf").mkdir(exist_ok=True)
        (self.folder / "conf" / "vpcd").write_text(_CONF, encoding="ascii")
        serve = [str(PCSCD), "-f", "-c", str(self.folder / "conf")]
        environment = dict(os.environ)
        if self.apart:
            own = f"mount -t tmpfs none /run && mkdir /run/pcscd && mount --bind {self.folder} /run/pcscd"
            own = f"ip link set lo up && {own} && exec {' '.join(serve)}"
            serve = ["unshare", "--net", "--mount", "sh", "-c", own]
        else:
            environment |= {"LD_PRELOAD": str(self.folder / "bind.so")}
        self.keeper = subprocess.Popen(
            [sys.executable, "-c", _KEEPER, *serve],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.keeper.stdout is not None
        self.pid = int(self.keeper.stdout.readline())
        until = monotonic() + PATIENCE
        while not _listens(self.socket):
            assert monotonic() < until, "pcscd does not start"
            sleep(0.02)

    def stop(self) -> None:
        """End it."""
        for one in self.placed:
            one.take()
        self.placed.clear()
        if self.keeper is not None:
            self.keeper.communicate("")
            self.keeper = None

    def place(self, chip: Chip, slot: int = 0) -> Placed:
        """Put a card on a reader."""
        made = vpcd.place(chip, _connected(self.pid if self.apart else 0, vpcd.PORT + slot))
        self.placed.append(made)
        return made


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _connected(pid: int, port: int) -> socket.socket:
    """Connect to a driver; in the network namespace of a process, if one is given: a socket stays where it was made."""
    until = monotonic() + PATIENCE
    while True:
        made = _made(pid)
        try:
            made.connect(("127.0.0.1", port))
            return made
        except OSError:
            made.close()
            assert monotonic() < until, "the virtual reader does not listen"
            sleep(0.02)


def _made(pid: int) -> socket.socket:
    if not pid:
        return socket.socket()
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open() as own, Path(f"/proc/{pid}/ns/net").open() as other:
        if libc.setns(other.fileno(), _NEW_NET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            return socket.socket()
        finally:
            assert libc.setns(own.fileno(), _NEW_NET) == 0


def _may_be_apart() -> bool:
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    needed = "ip link set lo up && mount -t tmpfs none /run"
    command = ["unshare", "--net", "--mount", "sh", "-c", needed]
    tried = subprocess.run(command, capture_output=True, check=False)
    return tried.returncode == 0


@contextlib.contextmanager
def pcscd() -> Iterator[Service]:
    """Run a pcscd with two virtual readers while the block runs; skips where there is none."""
    pytest.importorskip("smartcard", reason="pyscard is not installed")
    if PCSCD is None or not DRIVER.exists():
        pytest.skip("pcscd or its virtual reader (vsmartcard-vpcd) is not installed")
    folder = Path(
        tempfile.mkdtemp(prefix=f"pcsc{secrets.token_hex(2)}-")
    )  # its socket's path has to be short
    folder.chmod(0o755)
    apart = _may_be_apart()
    if not apart:
        _prepare_alone(folder)
    service = Service(folder, apart)
    try:
        service.start()
        yield service
    finally:
        service.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _prepare_alone(folder: Path) -> None:
    """Make what keeps the driver on loopback where processes cannot be set apart."""
    (folder / "bind.c").write_text(_BIND, encoding="ascii")
    done = None
    if shutil.which("gcc"):
        command = [
            "gcc",
            "-shared",
            "-fPIC",
            "-O2",
            "-o",
            str(folder / "bind.so"),
            str(folder / "bind.c"),
            "-ldl",
        ]
        done = subprocess.run(command, capture_output=True, check=False)
    if done is None or done.returncode != 0 or not os.access("/run", os.W_OK) or _listens(str(_OWN)):
        shutil.rmtree(folder)
        pytest.skip("pcscd can be started neither in a namespace of its own nor kept on loopback")
