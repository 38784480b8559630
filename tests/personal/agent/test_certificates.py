"""Each side of the line pins the other's certificate, and says nothing to whom it does not know. (RFC 8705; issue 5)"""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import trustme

from base.errors import BadGateway
from base.settings import SettingError
from personal.agent import line as lines
from personal.agent.server import running
from personal.settings import PersonalSettings, check
from tests.personal.agent.insiders import in_process, introduce, outside, settings_of
from tests.personal.consents.cards import Authority
from tests.personal.live import Live

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Stand:
    """A module over TLS that pins its agent's certificate, and that agent, known by its keys; files of all sides."""

    live: Live
    folder: Path
    agent: Any

    async def round(self, **more: Any) -> int:
        """Let the agent do a round with these settings; say how many orders it got."""
        given = {"authorities": self.folder / "ca.pem", "certificate": self.folder / "agent.pem", **more}
        settings = settings_of(self.folder / "inside", self.live.url, **given)
        async with lines.opened(settings, self.agent.inside) as line:
            return await line.round(0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    folder, trust = tmp_path_factory.mktemp("certificates"), trustme.CA()
    for name in ("server", "agent", "other"):
        made = trust.issue_cert("127.0.0.1" if name == "server" else f"{name}.example")
        made.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.pem"))
        made.cert_chain_pems[0].write_to_path(str(folder / f"{name}.crt"))
    trust.cert_pem.write_to_path(str(folder / "ca.pem"))
    settings = {
        "trust": trust, "tls_certificate": folder / "server.pem", "tls_client_authorities": folder / "ca.pem",
        "lgwan_certificates": folder / "agent.crt",
    }  # fmt: skip
    authority = Authority("JPKI")
    async with (
        outside(folder / "outside", authority, **settings) as live,
        running(settings_of(folder / "inside", "")) as agent,
    ):
        await introduce(in_process(agent), live, authority)
        yield Stand(live, folder, agent)


async def test_both_sides_know_each_other(stand: Stand) -> None:
    assert await stand.round() == 0
    assert await stand.round(pins=stand.folder / "server.crt") == 0
    assert await stand.round(pins=stand.folder / "server.crt", authorities=None) == 0


@pytest.mark.parametrize("shown", ["other.pem", None])
async def test_the_agents_keys_without_its_certificate_get_no_order(stand: Stand, shown: str | None) -> None:
    with pytest.raises(BadGateway, match="403"):
        await stand.round(certificate=shown and stand.folder / shown)


async def test_the_agent_says_nothing_to_a_server_that_is_not_pinned(stand: Stand) -> None:
    seen = stand.live.module.towns["yabu"].store.read(
        lambda db: db.execute("SELECT count(*) FROM session").get
    )
    with pytest.raises(aiohttp.ClientConnectorCertificateError) as refused:
        await stand.round(pins=stand.folder / "other.crt")
    assert isinstance(refused.value.certificate_error, ssl.SSLCertVerificationError)
    after = stand.live.module.towns["yabu"].store.read(
        lambda db: db.execute("SELECT count(*) FROM session").get
    )
    assert after == seen  # not even a token was asked for


async def test_pins_that_cannot_be_used_are_refused_at_the_start(stand: Stand, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(SettingError):
        await stand.round(pins=tmp_path / "empty.pem")
    with pytest.raises(SettingError, match="needs tls_certificate"):
        check(PersonalSettings(lgwan_certificates=stand.folder / "agent.crt"))
    with pytest.raises(SettingError, match="cannot be used"):
        check(PersonalSettings(lgwan_certificates=tmp_path / "empty.pem"))
