"""What must not be in the repository: hosts of package registries, paths of somebody's machine, large files."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# written in pieces, so that this file does not hold what it looks for
HOSTS = ["pypi" + ".org", "python" + "hosted", "registry." + "npmjs", "npmjs" + ".com", "deb." + "debian"]
FOLDERS = ["wo" + "rk", "fa" + "rm", "ro" + "ot", "ho" + "me", "Us" + "ers"]
FORBIDDEN = re.compile("|".join(map(re.escape, HOSTS)) + rf"|(?<![\w./])/(?:{'|'.join(FOLDERS)})/")


def kept() -> list[Path]:
    found = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if found.returncode != 0:
        pytest.skip("this is no git work tree")
    return [ROOT / name for name in found.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_names_no_registry_and_no_machine() -> None:
    found = []
    for path in kept():
        text = path.read_bytes().decode(errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {m[0]}" for m in FORBIDDEN.finditer(text)]
    assert not found


def test_holds_no_large_file() -> None:
    assert not [path for path in kept() if path.stat().st_size > 1_500_000]


def test_pins_every_dependency_with_a_hash() -> None:
    for name in ("run", "dev"):
        pinned = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        blocks = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", pinned).strip())
        assert blocks and all("==" in block and "--hash=sha256:" in block for block in blocks)
        wanted = (ROOT / "requirements" / f"{name}.in").read_text(encoding="utf-8").split()
        names = {block.partition("==")[0].lower() for block in blocks}
        assert {w.lower().replace("_", "-") for w in wanted if not w.startswith(("-r", "run.in"))} <= {
            n.replace("_", "-") for n in names
        }
