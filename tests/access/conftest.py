"""What tests of access share."""

from pathlib import Path

import pytest
from aiohttp.web import Response

from base.access.caller import Caller
from broker.api.front import Arrival, Front, Visit
from broker.api.known import Like
from tests.access.secure import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Caller]:
    """Note whom the broker takes its callers for."""
    callers: list[Caller] = []
    answer = Front._answer

    async def noted(
        front: Front, arrival: Arrival, visit: Visit, caller: Caller, like: Like | None
    ) -> Response:
        callers.append(caller)
        return await answer(front, arrival, visit, caller, like)

    monkeypatch.setattr(Front, "_answer", noted)
    return callers
