"""The login as anybody stays away from real residents, by whichever command it is asked for. (issue 5)"""

import subprocess
import sys
from pathlib import Path

import pytest

from base.settings import SettingError
from personal import towns
from personal.store.town import TownStore
from tests.personal.live import YABU
from tests.ports import free_port


async def real(folder: Path) -> None:
    """Make the data folder of a town that was opened in earnest."""
    towns.add(folder, YABU)
    (folder / YABU.id).mkdir(mode=0o700)
    await TownStore(folder / YABU.id).close()


async def test_a_demonstration_opens_no_real_town(tmp_path: Path) -> None:
    await real(tmp_path)
    words = ("--demo", "--data", str(tmp_path), "--port", str(free_port()))
    command = [sys.executable, "-m", "engawa", "run", "personal", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: ASYNC221  # alone
    assert done.returncode != 0
    assert "not made up" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / towns.MADE_UP).exists()


async def test_a_folder_is_for_one_of_the_two_for_good(tmp_path: Path) -> None:
    real_one, made_up, fresh = tmp_path / "real", tmp_path / "made", tmp_path / "new"
    real_one.mkdir()
    await real(real_one)
    towns.check_made_up(real_one, demo=False)
    with pytest.raises(SettingError):
        towns.check_made_up(real_one, demo=True)
    towns.check_made_up(made_up, demo=True)
    await real(made_up)
    towns.check_made_up(made_up, demo=True)
    with pytest.raises(SettingError):
        towns.check_made_up(made_up, demo=False)
    towns.check_made_up(fresh, demo=False)
    assert not fresh.exists()
