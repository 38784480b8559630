"""The Makefile: it lists itself, says what is missing, and Ctrl-C under make is a clean end."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.house.started import DEFAULT_PORT
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
MAKEFILE = ROOT / "Makefile"
TARGETS = {"help", "setup", "run", "test", "trial", "lint", "bench", "clean"}

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*words: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=plain | environment,
    )


def test_lists_its_targets_with_a_sentence_each() -> None:
    lines = make().stdout.splitlines()
    assert {line.split()[1] for line in lines} == TARGETS
    assert all(len(line.split()) > 4 for line in lines)


def test_lists_every_trial_with_its_sentence() -> None:
    listed = dict(re.findall(r"make trial-(\S+) +(\S.*)", make("trial").stdout))
    there = {path.stem.replace("_", "-") for path in (ROOT / "tests" / "trials").glob("[a-z]*.py")}
    assert listed.keys() == there


def test_the_check_before_landing_is_make_test() -> None:
    check = ROOT / ".ci" / "run"
    assert os.access(check, os.X_OK) and "make test" in check.read_text(encoding="utf-8")


def test_runs_style_types_and_layers_before_the_tests() -> None:
    steps = make("-n", "-o", "dev", "-o", "tools", "test").stdout
    order = [
        steps.index(word)
        for word in ("ruff check", "ruff format --check", "mypy", "lint-imports", "pytest -n")
    ]
    assert order == sorted(order)


def programs(folder: Path, *names: str) -> str:
    """Make a PATH with these programs only."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return str(folder)


def test_says_which_python_is_needed(tmp_path: Path) -> None:
    shutil.copy(MAKEFILE, tmp_path)
    path = programs(tmp_path / "bin", "sh", "make", "rm", "touch", "id")
    done = make(".venv/.python", folder=tmp_path, PATH=path)
    assert done.returncode != 0 and "Engawa needs Python 3.11, 3.12 or 3.13" in done.stderr


def test_refuses_a_python_that_is_too_old(tmp_path: Path) -> None:
    shutil.copy(MAKEFILE, tmp_path)
    path = programs(tmp_path / "bin", "sh", "make", "rm", "touch", "id")
    old = tmp_path / "bin" / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    done = make(".venv/.python", folder=tmp_path, PATH=path)
    assert done.returncode != 0 and "Engawa needs Python 3.11" in done.stderr


def test_says_that_venv_is_missing(tmp_path: Path) -> None:
    shutil.copy(MAKEFILE, tmp_path)
    path = programs(tmp_path / "bin", "sh", "make", "rm", "touch", "id")
    bare = tmp_path / "bin" / "python3"
    bare.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\n', encoding="utf-8")
    bare.chmod(0o755)
    done = make(".venv/.python", folder=tmp_path, PATH=path)
    assert done.returncode != 0 and "apt-get install python3-venv" in done.stderr


def test_ctrl_c_ends_what_make_started_with_success(tmp_path: Path) -> None:
    up = f"{sys.executable} -m engawa up --offset {free_port() - DEFAULT_PORT} --data {tmp_path / 'var'}"
    (tmp_path / "Makefile").write_text(f"run:\n\t@{up}\n", encoding="utf-8")
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execvp("make", ["make", "run"])
    said = read_until(terminal, "Ctrl-C ends it")
    os.write(terminal, b"\x03")
    said += read_until(terminal, "Engawa has ended")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, said
    assert "Error" not in said and "Interrupt" not in said


def read_until(terminal: int, words: str, seconds: float = 90.0) -> str:
    """Read a terminal until it shows some words or nothing more comes."""
    said, end = b"", time.monotonic() + seconds
    while words.encode() not in said and time.monotonic() < end:
        if select.select([terminal], [], [], 1.0)[0]:
            try:
                said += os.read(terminal, 4096)
            except OSError:
                break
    return said.decode(errors="replace")
