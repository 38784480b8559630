"""What a registration says must be conveyed to its source, beside the request itself. (4.3.6.5, 4.3.6.6)"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from base.credentials import SECRET, Credentials
from base.errors import BadGateway
from broker.language.sources import Source
from broker.model import versions
from broker.model.confidential import OF_REQUEST
from broker.model.registration_members import CERTIFICATE, MEDIA_TYPES

FIXED: Final = frozenset(
    {
        *("host", "content-length", "connection", "keep-alive", "proxy-connection", "proxy-authorization"),
        *("transfer-encoding", "te", "trailer", "upgrade", "expect", "accept-encoding", "content-encoding"),
        *("content-type", "accept", "via", "ngsild-tenant", "ngsild-entitymap", "link"),
    }
)
"""Headers that belong to a connection or an interaction; a registration cannot set them. (4.3.6.5)"""
_LONG: Final = 8


@dataclass(frozen=True, slots=True)
class Conveyed:
    """What contextSourceInfo comes to for one request. `hidden`: values no answer may repeat."""

    headers: Mapping[str, str] = field(default_factory=dict)
    accept: str = MEDIA_TYPES[0]
    content_type: str = ""
    context: str = ""  # URL of the @context to write names with
    version: versions.Version | None = None
    certificate: ssl.SSLContext | None = None
    hidden: tuple[str, ...] = ()


def conveyed(source: Source, given: Mapping[str, str], credentials: Credentials) -> Conveyed:
    """Read what is to be conveyed; BadGateway if credentials that are named cannot be used. (4.3.6.5, 4.3.6.6)

    `given`: the headers of the request that makes us ask, by name in any case."""
    pairs = source.body.get("contextSourceInfo", ())
    if not pairs:
        return NOTHING
    endpoint = source.body["endpoint"]
    known = {pair["key"]: pair["value"] for pair in pairs if pair["key"] in _MEANT}
    headers: dict[str, str] = {}
    hidden: list[str] = []
    for pair in pairs:
        key, value = pair["key"], pair["value"]
        if key in _MEANT or key.lower() in FIXED:
            continue
        if value == OF_REQUEST:
            value = given.get(key) or given.get(key.lower(), "")
            if not value:
                continue
        elif value.startswith(SECRET):
            value = credentials.secret(value.removeprefix(SECRET), endpoint)
            # "Bearer …" is not to be repeated in parts either
            hidden += [value, *(word for word in value.split() if len(word) >= _LONG)]
        headers[key] = value
    return Conveyed(
        headers,
        known.get("accept", MEDIA_TYPES[0]),
        known.get("contentType", ""),
        known.get("jsonldContext", ""),
        versions.read(known.get("ngsildConformance", "")),
        _certificate(known.get(CERTIFICATE), endpoint, credentials),
        tuple(hidden),
    )


def _certificate(name: str | None, endpoint: str, credentials: Credentials) -> ssl.SSLContext | None:
    if name is None:
        return None
    if not endpoint.startswith("https://"):
        raise BadGateway("The registration names a certificate, which needs an endpoint with https.")
    return credentials.certificate(name, endpoint)


_MEANT: Final = frozenset({"accept", "contentType", "jsonldContext", "ngsildConformance", CERTIFICATE})
NOTHING: Final = Conveyed()
