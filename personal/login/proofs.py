"""What is prepared to be signed by a card, or answered for by a provider: decisions, and what shall be linked."""

from typing import Any, Final

from base.errors import BadRequestData
from personal.operations.preparing import PREPARED
from personal.operations.town import Town
from personal.vault import signing

LINK: Final = "engawa-prepared-link+jwt"
"""The typ of a link to a card or login that was prepared and not made yet."""
DECIDING: Final = "/me/consents"
LINKING: Final = "/me/credentials"
_TO: Final = {PREPARED: DECIDING, LINK: LINKING}


def opened(town: Town, prepared: str) -> tuple[dict[str, Any], str]:
    """Open what was prepared here to be signed; give it and the operation that takes it."""
    for kind, to in _TO.items():
        try:
            return signing.opened(prepared, town.signer.public(), kind), to
        except BadRequestData:
            continue
    raise BadRequestData("This was not prepared here: prepare it again.")
