"""Who sends a request: what was proven about it by an API key, a token or a certificate."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["anonymous", "key", "token", "certificate"]


@dataclass(frozen=True, slots=True)
class Caller:
    """`name`: the key's name, the token's issuer (as named in the settings) and subject, or the certificate's name.

    It stands in policies and in the audit log, never in answers or metrics."""

    kind: Kind = "anonymous"
    name: str = ""
    roles: frozenset[str] = frozenset()


ANONYMOUS: Final = Caller()
