"""The locations that a municipality has by its settings."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Final

import aiohttp

from base.access.reach import is_loopback
from base.egress import AddressPolicy, connector
from base.settings import SettingError
from personal.locations import cloud, lgwan
from personal.locations.agent_queue import Keys
from personal.locations.cloud import Cloud
from personal.locations.contract import Location
from personal.locations.lgwan import Lgwan
from personal.locations.local import Local
from personal.settings import PersonalSettings
from personal.store.records import LOCAL
from personal.store.town import TownStore
from personal.vault import signing
from personal.vault.addressed import Reader
from personal.vault.keys import KeyStore
from personal.vault.signing import Signer

CLOUD: Final = "cloud"


@contextlib.asynccontextmanager
async def opened(
    settings: PersonalSettings, municipality: str, store: TownStore, keys: KeyStore
) -> AsyncIterator[Mapping[str, Location]]:
    """Open every location while the block runs, by its name."""
    async with contextlib.AsyncExitStack() as stack:
        found: dict[str, Location] = {LOCAL: Local(store)}
        if settings.vault_url:
            policy = AddressPolicy(settings.outgoing, loopback=is_loopback(settings.host))
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector(policy)))
            client = settings.vault_client or municipality
            signer = Signer(await keys.named(cloud.KEY))
            found[CLOUD] = Cloud(session, settings.vault_url, client, signer, tls=_tls(settings))
        if settings.lgwan:
            found[lgwan.NAME] = await _inside(settings, municipality, store, keys)
        yield found


async def _inside(settings: PersonalSettings, municipality: str, store: TownStore, keys: KeyStore) -> Lgwan:
    own = Keys(
        Signer(await keys.named(signing.NAME)),
        Reader(await keys.named("gateway")),
        await keys.named("boxes"),
    )
    return Lgwan(
        municipality, store, own, wait=settings.lgwan_wait_seconds, release=settings.lgwan_release_seconds
    )


def _tls(settings: PersonalSettings) -> ssl.SSLContext | None:
    if settings.vault_authorities is None:
        return None
    try:
        return ssl.create_default_context(cafile=settings.vault_authorities)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"the authorities in {settings.vault_authorities} cannot be used") from error
