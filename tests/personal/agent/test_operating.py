"""The agent as its operator sees it: started with the other parts, looked at by doctor. (issue 5; README)"""

import asyncio
from pathlib import Path

import trustme

from base import clock
from base.checks import Finding
from engawa.beside import inside
from engawa.supervisor import supervise
from personal.agent.doctor import examine
from personal.agent.server import running
from personal.agent.settings import AgentSettings
from tests.personal.agent.insiders import in_process, introduce, outside, settings_of
from tests.personal.consents.cards import Authority


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {one.subject: one for one in findings}


async def test_doctor_says_what_the_agent_lacks_and_then_that_it_is_well(tmp_path: Path) -> None:
    authority, folder = Authority("JPKI"), tmp_path / "inside"
    assert await examine(AgentSettings(data=folder)) == []
    assert not by_subject(await examine(AgentSettings(data=folder, municipality="yabu", url="no")))[
        "settings"
    ].good
    trustme.CA().issue_cert("agent.example").private_key_and_cert_chain_pem.write_to_path(
        str(tmp_path / "agent.pem")
    )
    async with (
        outside(tmp_path / "outside", authority) as live,
        running(settings_of(folder, live.url, certificate=tmp_path / "agent.pem")) as agent,
    ):
        settings = settings_of(folder, live.url, certificate=tmp_path / "agent.pem")
        found = by_subject(await examine(settings))
        assert not found["officials"].good and not found["line"].good and found["data folder"].good
        await introduce(in_process(agent), live, authority)
        for _ in range(200):
            if all(one.good for one in await examine(settings)):
                break
            await asyncio.sleep(0.05)
        found = by_subject(await examine(settings))
        assert [one for one in found.values() if not one.good] == []
        assert "answers" in found["line"].seen and "holds for" in found["certificate"].seen
        await agent.inside.raise_alarm("forged", "release", clock.now())  # type: ignore[arg-type]  # as it is written
        assert not by_subject(await examine(settings))["alarms"].good
    assert "does not run" in by_subject(await examine(settings))["line"].seen


def test_up_starts_the_agent_where_the_settings_name_its_municipality(tmp_path: Path) -> None:
    config = tmp_path / "engawa.toml"
    config.write_text("[broker]\n")
    assert inside(config) is None
    config.write_text(f'[agent]\nmunicipality = "yabu"\ndata = "{tmp_path / "inside"}"\n')
    part = inside(config)
    assert part is not None

    async def until_ready() -> None:
        stop = asyncio.Event()
        await asyncio.wait_for(supervise([part], stop.set, stop), 60)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:  # as `engawa up` runs it
        runner.run(until_ready())
    assert (tmp_path / "inside" / "agent.db").exists()
