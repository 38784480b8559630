"""All threads take memory from one place. (mallopt(3), malloc_info(3))"""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

COUNTING = """
import ctypes, sys, threading
from base.allocation import share_one_arena
share_one_arena()
held, there = [], threading.Barrier(5)
def work():
    held.append(bytearray(100_000))
    there.wait()
for _ in range(4):
    threading.Thread(target=work).start()
there.wait()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
told = ctypes.c_void_p(library.fopen(sys.argv[1].encode(), b"w"))
library.malloc_info(0, told)
library.fclose(told)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such places")
def test_threads_share_one_arena(tmp_path: Path) -> None:
    told = tmp_path / "arenas.xml"
    subprocess.run([sys.executable, "-c", COUNTING, str(told)], check=True, timeout=30)
    assert told.read_text().count("<heap nr=") == 1
