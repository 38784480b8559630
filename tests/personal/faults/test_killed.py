"""Killed at any step of what it does, the module loses nothing, does nothing twice, shows nothing that is not on record.

(DESIGN 3; issue 5, done when 2.) The long form, with others at work meanwhile, is `make trial-personal-kills`.
"""

from pathlib import Path

import pytest

from tests.personal.faults import inside, stories, upkeep
from tests.personal.faults.killing import kill_everywhere
from tests.personal.faults.town import town

pytestmark = pytest.mark.kill


async def test_what_residents_and_services_do_is_done_wholly_or_not_at_all(tmp_path: Path) -> None:
    async with town(tmp_path) as there:
        for story in stories.all_of_them():
            assert await kill_everywhere(there, story)


async def test_what_operators_do_is_done_wholly_or_not_at_all(tmp_path: Path) -> None:
    async with town(tmp_path) as there:
        for story in upkeep.all_of_them(tmp_path / "keys"):
            assert await kill_everywhere(there, story)


@pytest.mark.parametrize("victim", ["module", "agent"])
async def test_an_order_to_the_agent_is_done_once(tmp_path: Path, victim: str) -> None:
    async with inside.stand(tmp_path, victim) as there:
        assert await kill_everywhere(there, inside.Exchanging(deciding=False))


@pytest.mark.parametrize("victim", ["module", "agent"])
async def test_what_is_carried_in_files_is_done_once(tmp_path: Path, victim: str) -> None:
    async with inside.stand(tmp_path, victim, line=False) as there:
        assert await kill_everywhere(there, inside.Carrying())
