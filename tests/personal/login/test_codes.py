"""Codes that change every 30 seconds are those of the standard, and each is good once. (RFC 6238)"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import clock
from personal.login import totp


@given(st.binary(min_size=20, max_size=20), st.integers(30_000_000, 4 * 10**15))
def test_a_code_is_good_one_step_early_or_late_and_never_twice(secret: bytes, now: int) -> None:
    present = now // (totp.STEP * clock.SECOND)
    for step in (present - 1, present, present + 1):
        found = totp.step_of(secret, totp.code_at(secret, step), -1, now)
        assert found in (present - 1, present, present + 1)
    shown = totp.code_at(secret, present)
    taken = totp.step_of(secret, shown, -1, now)
    assert taken is not None and totp.step_of(secret, shown, taken, now) is None


@pytest.mark.parametrize(
    ("second", "wanted"), [(59, "94287082"), (1_111_111_109, "07081804"), (20_000_000_000, "65353130")]
)
def test_codes_are_those_of_the_standard(second: int, wanted: str) -> None:
    """Appendix B of RFC 6238, last six of its eight digits."""
    assert totp.code_at(b"12345678901234567890", second // totp.STEP) == wanted[-6:]
