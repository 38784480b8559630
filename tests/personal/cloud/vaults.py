"""A real vault in this process on a free port, and clients that sign what they send, rightly or not."""

import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from personal.cloud.server import served
from personal.cloud.settings import VaultSettings
from personal.cloud.store import VaultStore
from personal.locations.cloud import PATH, Cloud
from personal.locations.contract import Copy
from personal.rules.identifiers import fingerprint, fresh
from personal.vault import requests
from personal.vault.envelope import Place
from personal.vault.requests import Request
from personal.vault.signing import Signer


@dataclass
class Vault:
    """A running vault and a session that speaks to it; its clients are yabu and asago."""

    url: str
    store: VaultStore
    session: aiohttp.ClientSession
    signers: dict[str, Signer]

    async def ask(
        self, method: str, name: str, body: bytes = b"", /, *, client: str = "yabu", **forged: Any
    ) -> tuple[int, bytes]:
        """Send a signed request; `forged` says what of it is signed otherwise, or sends another proof."""
        proof = forged.get("proof") or self.proof(method, name, body, client=client, **forged)
        headers = {"Authorization": f"Bearer {proof}"}
        async with self.session.request(
            method, self.url + PATH + name, data=body or None, headers=headers
        ) as reply:
            return reply.status, await reply.read()

    def proof(
        self, method: str, name: str, body: bytes = b"", /, *, client: str = "yabu", **forged: Any
    ) -> str:
        """Sign a request."""
        asked = Request(
            forged.get("audience", self.url),
            forged.get("method", method),
            PATH + forged.get("name", name),
            fingerprint(forged.get("body", body)),
        )
        now = int(time.time()) + forged.get("late", 0)
        return requests.signed(forged.get("signer", self.signers[client]), client, asked, now)

    def location(self, client: str = "yabu", **more: Any) -> Cloud:
        """Give the location that a client has in this vault."""
        return Cloud(self.session, self.url, client, self.signers[client], **more)


@contextlib.asynccontextmanager
async def vault(folder: Path, **settings: Any) -> AsyncIterator[Vault]:
    """Run a vault until the block ends."""
    made = VaultSettings(**{"data": folder, "port": 0, **settings})
    signers = {client: Signer(os.urandom(32)) for client in ("yabu", "asago")}
    async with served(made) as (store, url), aiohttp.ClientSession() as session:
        for client, signer in signers.items():
            if store.client(client) is None:
                await store.add_client(client, requests.public_key(signer.public()), 1)
            else:
                await store.change_key(client, requests.public_key(signer.public()))
        yield Vault(url, store, session, signers)


def copy(name: str | None = None) -> Copy:
    """Name a copy."""
    return Copy(Place("yabu", "r_1", "contact", 1, "cloud"), name or fresh("c_"))
