"""The order of members in answers depends on what was written, not on the run: the same bytes in two processes."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def told(seed: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.federation.told_story"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_two_runs_answer_byte_for_byte_the_same() -> None:
    runs = [told(seed) for seed in (1, 2)]
    lines = []
    for run in runs:
        out, err = run.communicate(timeout=100)
        assert run.returncode == 0, err[-2_000:].decode()
        lines.append(out.splitlines())
    assert len(lines[0]) > 100
    for first, second in zip(*lines, strict=True):
        assert first == second
