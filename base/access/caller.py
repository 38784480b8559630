"""Who sends a request: what was proven about it by an API key, a token or a certificate."""

from dataclasses import dataclass
from typing import Final, Literal

from base.errors import Unauthorized

Kind = Literal["anonymous", "key", "token", "certificate"]
REALM: Final = 'Bearer realm="engawa"'


@dataclass(frozen=True, slots=True)
class Caller:
    """`name`: the key's name, the token's issuer (as named in the settings) and subject, or the certificate's name.

    It stands in policies and in the audit log, never in answers or metrics."""

    kind: Kind = "anonymous"
    name: str = ""
    roles: frozenset[str] = frozenset()


ANONYMOUS: Final = Caller()


def unauthorized(detail: str, error: str = "") -> Unauthorized:
    """Make the refusal that asks for a credential, or for a better one: `error` as RFC 6750 names it. (RFC 6750 3)"""
    return Unauthorized(detail, headers={"WWW-Authenticate": f'{REALM}, error="{error}"' if error else REALM})
