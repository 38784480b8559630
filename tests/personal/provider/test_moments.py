"""How old a login may be, and what services are told of it: rules without a server. (OpenID Connect Core 2, 3.1.2.1)"""

from hypothesis import given
from hypothesis import strategies as st

from base.clock import SECOND
from personal.operations.actors import Actor, Who
from personal.provider.deciding import SKEW
from personal.provider.signing_in import CODE_SECONDS, Ready, told
from personal.rules.authorization import Request
from personal.rules.levels import Level
from personal.rules.notice import QUARTER
from personal.store.services import Service
from personal.store.sessions import Session

SERVICE = Service("library", 1, 1, True, {"keys": []}, None, {})
NOW = 1_800_000_000 * SECOND
AGES = st.integers(0, 12 * 3_600).map(lambda seconds: seconds * SECOND)


def ready(proven: int, made: int, began: int, max_age: int | None) -> Ready:
    actor = Actor(Who.RESIDENT, "r_1", "r_1", level=Level.CARD, proven=proven)
    session = Session(Who.RESIDENT, "r_1", "r_1", (), 3, made, made, made + SECOND, id="l_1", proven=proven)
    request = Request("library", "", None, None, "", (), (), frozenset(), max_age, 1, "")
    return Ready(SERVICE, request, actor, session, began)


@given(AGES, AGES, st.none() | st.integers(0, 86_400))
def test_a_service_is_never_told_a_later_moment_than_it_was(age: int, old: int, max_age: int | None) -> None:
    proven = NOW - age
    found = told(ready(proven, max(proven, NOW - old), NOW - SECOND, max_age), NOW)
    assert found <= proven
    if max_age is not None and age <= max_age * SECOND:
        assert found + (max_age + CODE_SECONDS) * SECOND >= NOW


@given(AGES, AGES)
def test_of_a_login_that_was_not_for_this_service_only_the_quarter_hour_is_told(age: int, old: int) -> None:
    """Also when it came from a login elsewhere that is older than the request: two services could be told the same."""
    proven = NOW - SECOND - SKEW - 1 - age
    assert told(ready(proven, max(proven, NOW - old), NOW - SECOND, None), NOW) % QUARTER == 0
