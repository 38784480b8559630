"""Kept answers: never more than the budget, what is used stays. (DESIGN 2.8)"""

from hypothesis import given
from hypothesis import strategies as st

from broker.operations.cache import OVERHEAD, Cache

BUDGET = 20_000


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3000), st.booleans()), max_size=200))
def test_keeps_to_its_budget_and_never_mixes_up(steps: list[tuple[int, int, bool]]) -> None:
    cache = Cache(BUDGET)
    last: dict[int, bytes] = {}
    for key, size, write in steps:
        if write:
            last[key] = bytes([key]) * size
            cache.put((key, size), last[key])
        found = cache.get((key, size))
        assert found is None or found == bytes([key]) * size
        assert cache.used <= BUDGET
        assert (
            sum(len(body) + OVERHEAD for body in (*cache._young.values(), *cache._old.values())) == cache.used
        )


def test_keeps_what_is_used() -> None:
    cache = Cache(BUDGET)
    cache.put("hot", b"x" * 100)
    for number in range(1000):
        cache.put(number, b"y" * 500)
        assert cache.get("hot") == b"x" * 100
    assert cache.get(1) is None
