"""A broker and receivers for the tests of notifications."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live import Live, live_broker
from tests.notify.receiver import Receiver, receiving


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path, notify_backoff=0.1) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running
