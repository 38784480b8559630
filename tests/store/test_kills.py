"""Every change that was answered survives the death of the process, none is half there. (DESIGN 2.5)"""

from pathlib import Path

import pytest

from tests.store import kills


@pytest.mark.kill
def test_loses_nothing_acknowledged_when_killed(tmp_path: Path) -> None:
    acknowledged, complaints = kills.suffer(tmp_path / "data", kills=5, seed=1)
    assert complaints == []
    assert acknowledged >= 5
