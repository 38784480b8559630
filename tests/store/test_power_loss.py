"""Every change that was answered survives a power cut, none is half there. (DESIGN 2.5)"""

from pathlib import Path

from tests.store import power_loss


def test_loses_nothing_acknowledged_when_the_power_is_cut(tmp_path: Path) -> None:
    acknowledged, complaints = power_loss.suffer(tmp_path, cuts=10, seed=1)
    assert complaints == []
    assert acknowledged >= 10


def test_would_notice_a_database_that_does_not_sync(tmp_path: Path) -> None:
    _, complaints = power_loss.suffer(tmp_path, cuts=10, seed=1, careless=True)
    assert complaints
