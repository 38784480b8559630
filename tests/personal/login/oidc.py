"""A module whose residents and staff log in at providers that break rules, for tests over HTTP."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from joserfc.jwk import ECKey

from base import clock
from personal.operations.blinding import blinding
from personal.rules.residents import IdentifierKind
from personal.store import identifiers, sessions
from personal.store.sessions import Session
from tests.oidc.browsing import COOKIE, Browser, Page, address_of
from tests.oidc.hostile import Case, Realm, hostile, toml
from tests.personal.live import Live, live_module


@dataclass
class Running:
    """The module, and its providers by name; hanako is known at all of them."""

    live: Live
    realms: dict[str, Realm]

    def of(self, case: Case) -> tuple[str, Realm]:
        """Find a case's provider and its name."""
        return next((name, realm) for name, realm in self.realms.items() if realm.case is case)

    def session(self, browser: Browser) -> Session | None:
        """Give the login that a browser has, as it is kept."""
        secret = secret_of(browser)
        return self.live.town.store.read(lambda db: sessions.find(db, secret, clock.now()))


@contextlib.asynccontextmanager
async def running(
    folder: Path, cases: list[Case], host: str = "127.0.0.1", **settings: Any
) -> AsyncIterator[Running]:
    """Run both until the block ends."""
    own_key(folder)
    async with hostile(cases, host) as realms:
        (folder / "logins.toml").write_text(toml(realms, "own.jwk"), encoding="utf-8")
        async with live_module(folder / "data", logins=folder / "logins.toml", **settings) as live:
            await _know(live, [f"{realm.issuer}#hanako" for realm in realms.values()])
            yield Running(live, realms)


def own_key(folder: Path) -> None:
    """Make the key by which the providers know the module."""
    key = ECKey.generate_key("P-256", {"kid": "ours", "use": "sig", "alg": "ES256"})
    keep_key(folder / "own.jwk", key.as_dict(private=True))


def keep_key(file: Path, key: Mapping[str, Any]) -> None:
    """Write a key into a file that only its owner reads."""
    file.touch(mode=0o600)
    file.write_bytes(orjson.dumps(key))


async def _know(live: Live, logins: list[str]) -> None:
    """Let all these logins stand for one resident."""
    person = await live.register("hanako")
    blind = await blinding(live.town)
    hashes = [blind.identifier(IdentifierKind.LOGIN, one) for one in logins]

    def work(db: Any) -> None:
        for hash in hashes:
            identifiers.link(db, IdentifierKind.LOGIN, hash, person, False, clock.now())

    await live.town.store.write(work)


async def go_there(browser: Browser, name: str, **fields: str) -> Page:
    """Choose a provider and log in there, up to the way back."""
    return await browser.open(address_of(await browser.leave(name, **fields)))


async def log_in(browser: Browser, name: str, **fields: str) -> Page:
    """Log in at a provider."""
    page = await browser.open((await go_there(browser, name, **fields)).url)
    assert browser.logged_in, page.text
    return page


def secret_of(browser: Browser) -> str:
    """Give the secret of the login that a browser has; empty if none."""
    found = [one.value for one in browser.session.cookie_jar if one.key == COOKIE]
    return found[0].partition(".")[2] if found else ""
