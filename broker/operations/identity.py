"""Who this context source is: a name of its own, and one for each tenant, by which loops are found. (5.15, 5.2.40)"""

import os
import re
import secrets
from importlib.metadata import version
from pathlib import Path
from typing import Final

from base import clock
from base.database import sync_folder
from base.errors import NonexistentTenant, ServiceUnavailable
from broker.model.tenancy import alias_of
from broker.operations import rendering
from broker.operations.call import Answer, Broker, Call

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


async def retrieve_identity(call: Call, broker: Broker) -> Answer:
    """Retrieve the identity of this context source, or of one tenant in it. (5.15.1, 6.33.3.1)"""
    if not broker.catalogue.exists(call.tenant) and not broker.settings.implicit_tenants:
        raise NonexistentTenant("The tenant does not exist, and this broker makes none by itself.")
    name = alias_of(broker.alias, call.tenant)
    identity = {
        "id": f"urn:ngsi-ld:ContextSourceIdentity:{name}",
        "type": "ContextSourceIdentity",
        "contextSourceAlias": name,
        "contextSourceUptime": _shown(max(0, call.now - broker.started)),
        "contextSourceTimeAt": clock.show(call.now),
        "contextSourceExtras": {"software": "Engawa", "version": version("engawa")},
    }
    return rendering.listing(call, identity)


def own_alias(given: str, folder: Path) -> str:
    """Give the alias from the settings, or the one made at the first start and kept. (5.2.40, RFC 7230 5.7.1)"""
    if given:
        if not _TOKEN.match(given):
            raise ServiceUnavailable(
                "The setting alias must be a token: letters, digits and !#$%&'*+-.^_`|~ only."
            )
        return given
    file = folder / "alias"
    if not file.exists():
        made = folder / "alias.new"
        with made.open("w") as writing:
            writing.write(f"engawa-{secrets.token_hex(6)}")
            writing.flush()
            os.fsync(writing.fileno())
        made.replace(file)
        sync_folder(folder)
    return file.read_text().strip()


def _shown(micros: int) -> str:
    """Write a length of time as ISO 8601 wants it."""
    seconds, rest = divmod(micros, clock.SECOND)
    days, seconds = divmod(seconds, _DAY)
    hours, seconds = divmod(seconds, _HOUR)
    minutes, seconds = divmod(seconds, _MINUTE)
    return f"P{days}DT{hours}H{minutes}M{seconds}.{rest // 1000:03}S"
