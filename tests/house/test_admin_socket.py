"""The admin socket: for its owner only, one part at a time, clear about what is not there."""

import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from base.admin import NAME, NotRunning, Refused, ask, serve
from base.errors import ResourceNotFound, ServiceUnavailable


async def echo(asked: Mapping[str, Any]) -> Any:
    return dict(asked)


async def refuse(_: Mapping[str, Any]) -> Any:
    raise ResourceNotFound("there is no such kettle; list them first")


def contents(folder: Path) -> list[Path]:
    return list(folder.iterdir())


HANDLERS = {"echo": echo, "refuse": refuse}


async def test_gives_back_what_a_handler_returns(tmp_path: Path) -> None:
    async with serve(tmp_path, HANDLERS):
        assert await ask(tmp_path, "echo", name="茶", seqs=[1, 2]) == {"name": "茶", "seqs": [1, 2]}


async def test_is_open_to_its_owner_only(tmp_path: Path) -> None:
    async with serve(tmp_path, HANDLERS):
        assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


async def test_tells_why_a_handler_refused(tmp_path: Path) -> None:
    async with serve(tmp_path, HANDLERS):
        with pytest.raises(Refused, match="no such kettle"):
            await ask(tmp_path, "refuse")


async def test_refuses_what_the_part_does_not_offer(tmp_path: Path) -> None:
    async with serve(tmp_path, HANDLERS):
        with pytest.raises(Refused, match="has no 'boil'"):
            await ask(tmp_path, "boil")


@pytest.mark.parametrize("folder", ["", "never/made"])
async def test_says_that_nothing_runs(tmp_path: Path, folder: str) -> None:
    with pytest.raises(NotRunning, match="nothing runs"):
        await ask(tmp_path / folder, "echo")


async def test_leaves_nothing_behind(tmp_path: Path) -> None:
    async with serve(tmp_path, HANDLERS):
        pass
    assert contents(tmp_path) == []


async def test_replaces_the_socket_of_a_killed_process(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / NAME))
    async with serve(tmp_path, HANDLERS):
        assert await ask(tmp_path, "echo") == {}


async def test_refuses_a_second_part_on_the_same_folder(tmp_path: Path) -> None:
    async with serve(tmp_path, HANDLERS):
        with pytest.raises(ServiceUnavailable, match="another process"):
            async with serve(tmp_path, {}):
                pass
        assert await ask(tmp_path, "echo") == {}


async def test_works_however_deep_the_folder_lies(tmp_path: Path) -> None:
    deep = tmp_path / ("縁側" * 20) / ("d" * 100)
    deep.mkdir(parents=True)
    async with serve(deep, HANDLERS):
        assert await ask(deep, "echo", depth=2) == {"depth": 2}
    with pytest.raises(NotRunning):
        await ask(deep, "echo")
