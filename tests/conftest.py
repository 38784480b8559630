"""What all tests share: the event loop is the one the servers run on, and Hypothesis does not judge the machine."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop
from hypothesis import HealthCheck, settings

# The same examples in every run, so that a run says something about the change it tests; others are looked for with
# --hypothesis-profile=explore.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", patient, derandomize=True, max_examples=50)
settings.register_profile("explore", patient)
settings.load_profile("steady")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}
