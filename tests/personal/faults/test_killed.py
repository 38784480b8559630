"""Killed at any step of what it does, the module loses nothing, does nothing twice, shows nothing that is not on record.

(DESIGN 3; issue 5, done when 2.) The long form, with others at work meanwhile, is `make trial-personal-kills`.
"""

from pathlib import Path

import pytest

from tests.personal.faults import inside, stories, upkeep
from tests.personal.faults.killing import kill_everywhere
from tests.personal.faults.town import town

pytestmark = pytest.mark.kill


async def test_whatever_residents_services_and_operators_do_is_done_wholly_or_not_at_all(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as there:
        for story in (*stories.all_of_them(), *upkeep.all_of_them(tmp_path / "keys")):
            assert await kill_everywhere(there, story)


async def test_what_goes_between_module_and_agent_is_done_once(tmp_path: Path) -> None:
    async with inside.stand(tmp_path) as there:
        for victim in ("module", "agent"):
            await there.wait_for(victim, line=True)
            assert await kill_everywhere(there, inside.Exchanging(deciding=False))
            await there.wait_for(victim, line=False)
            assert await kill_everywhere(there, inside.Carrying())
