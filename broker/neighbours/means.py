"""How a neighbour is spoken to: with the credentials that its registration names. (4.3.6.5)"""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from base.credentials import SECRET, Credentials
from base.errors import BadGateway
from broker.model.confidential import HIDDEN, OF_REQUEST
from broker.model.registration_members import CERTIFICATE
from broker.neighbours.talk import Unnamed

_MEANT: Final = frozenset({"accept", "contentType", "jsonldContext", "ngsildConformance"})

Pair = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Means:
    """Headers for requests to a neighbour, and how TLS is spoken with it."""

    tls: ssl.SSLContext
    headers: Mapping[str, str] = field(default_factory=dict)


def named(*, certificate: str = "", secret: str = "", context: str = "") -> list[Pair]:
    """Write in contextSourceInfo which credentials a source is shown, and in whose words it is asked. (5.2.22)"""
    pairs = (
        (CERTIFICATE, certificate),
        ("Authorization", secret and SECRET + secret),
        ("jsonldContext", context),
    )
    return [{"key": key, "value": value} for key, value in pairs if value]


def means(pairs: Iterable[Pair], endpoint: str, credentials: Credentials) -> Means:
    """Read what contextSourceInfo names; Unnamed if it cannot be used. (4.3.6.5)"""
    tls, headers = credentials.trusted, {}
    try:
        for key, value in ((str(pair.get("key")), str(pair.get("value"))) for pair in pairs):
            if key == CERTIFICATE:
                tls = credentials.certificate(value, endpoint)
            elif value.startswith(SECRET):
                headers[key] = credentials.secret(value.removeprefix(SECRET), endpoint)
            elif key not in _MEANT and value not in (OF_REQUEST, HIDDEN):
                headers[key] = value
    except BadGateway as error:
        raise Unnamed(error.detail) from error
    return Means(tls, headers)
