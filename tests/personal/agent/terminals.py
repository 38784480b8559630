"""A terminal inside: pages of an agent, and devices that show their certificates, those of officials and others."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from personal.agent.server import running
from tests.personal.agent.insiders import Town, in_process, introduce, outside, settings_of
from tests.personal.consents.cards import NOW, YEAR, Authority, Card, ec_key
from tests.ports import free_port


@dataclass
class Terminals:
    """An agent with pages, a module outside, and devices: `sato` is an official's, `other` is nobody's."""

    there: Town
    url: str
    folder: Path
    devices: dict[str, Card]

    def pem(self, name: str) -> Path:
        """Give the file of a device's certificate and key."""
        return self.folder / f"{name}.pem"

    @contextlib.asynccontextmanager
    async def at(self, name: str | None) -> AsyncIterator[aiohttp.ClientSession]:
        """Sit at the terminal of a device; None: one without a certificate."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if name is not None:
            context.load_cert_chain(self.pem(name))
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(
            self.url, connector=connector, headers={"Origin": self.url}
        ) as session:
            yield session


def written(device: Card) -> bytes:
    """Write a device's certificate and key as PEM."""
    key = device.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return device.certificate.public_bytes(Encoding.PEM) + key


@contextlib.asynccontextmanager
async def terminals(folder: Path, **settings: Any) -> AsyncIterator[Terminals]:
    """Run a module, an agent and its pages; the official sato has a device."""
    trust, cards, devices = trustme.CA(), Authority("JPKI"), Authority("devices")
    trust.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "pages.pem")
    )
    trust.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority = devices.certificate.public_bytes(Encoding.PEM)
    (folder / "devices.pem").write_bytes(authority)
    known = {name: devices.issue(ec_key(), ends=NOW + 4 * YEAR) for name in ("sato", "other")}
    for name, one in known.items():
        (folder / f"{name}.pem").write_bytes(written(one))
    port = free_port()
    given = {
        "pages_port": port, "pages_certificate": folder / "pages.pem", "pages_authorities": folder / "devices.pem",
    }  # fmt: skip
    async with (
        outside(folder / "outside", cards, **settings) as live,
        running(settings_of(folder / "inside", live.url, **given)) as agent,
    ):
        do = in_process(agent)
        await introduce(do, live, cards)
        there = Town(live, do, cards, agent)
        await there.want("anchor", {"anchor": "devices", "kind": "device", "certificate": authority.decode()})
        pem = known["sato"].certificate.public_bytes(Encoding.PEM).decode()
        await there.want("device", {"staff": "sato", "certificate": pem})
        await there.approve_service()
        yield Terminals(there, f"https://127.0.0.1:{port}", folder, known)
