"""Authorization requests and what comes back from them: code only, PKCE, state, nonce. (OIDC Core 3.1.2, RFC 7636)"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from base.oidc.faults import Fault, LoginFailed
from base.oidc.metadata import Metadata

_LONGEST_CODE: Final = 2_048


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of the provider; `state` and `nonce` are new for each request.

    longest: how long before they were sent (at: sent; s; None: just now) the person may have logged in there (s),
    None: any time; prompt: as in 3.1.2.1.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    scopes: Sequence[str] = ("openid",)
    levels: Sequence[str] = ()
    longest: int | None = None
    sent: float | None = None
    prompt: str = ""
    locales: str = ""


def secret() -> str:
    """Make a random text of 256 bits: a nonce, a verifier."""
    return secrets.token_urlsafe(32)


def challenge(verifier: str) -> str:
    """Give what a provider is shown of a verifier. (RFC 7636 4.2)"""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def parameters(wish: Wish, client: str, back: str) -> dict[str, str]:
    """Give the parameters of a request."""
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": back,
        "scope": " ".join(wish.scopes),
        "state": wish.state,
        "nonce": wish.nonce,
        "code_challenge": challenge(wish.verifier),
        "code_challenge_method": "S256",
        "acr_values": " ".join(wish.levels),
        "max_age": "" if wish.longest is None else str(wish.longest),
        "prompt": wish.prompt,
        "ui_locales": wish.locales,
    }
    return {name: value for name, value in asked.items() if value}


def address(provider: Metadata, asked: dict[str, str]) -> str:
    """Give where a browser goes with these parameters."""
    return f"{provider.authorization}{'&' if '?' in provider.authorization else '?'}{urlencode(asked)}"


def code_of(answer: Sequence[tuple[str, str]], state: str, provider: Metadata) -> str:
    """Give the code that came back; LoginFailed for an error, another provider, or what is no answer.

    (RFC 6749 4.1.2, RFC 9207 2.4)
    """
    told = dict(answer)
    if len(told) != len(answer) or told.get("state") != state:
        raise LoginFailed(Fault.CALLBACK)
    if (provider.names_itself or "iss" in told) and told.get("iss") != provider.issuer:
        raise LoginFailed(Fault.MIXED_UP)
    if "error" in told:
        raise LoginFailed(Fault.DENIED if told["error"] in _SAID_NO else Fault.CALLBACK)
    code = told.get("code", "")
    if not 1 <= len(code) <= _LONGEST_CODE or "response" in told or "id_token" in told:
        raise LoginFailed(Fault.CALLBACK)
    return code


_SAID_NO: Final = frozenset(
    {
        "access_denied",
        "login_required",
        "consent_required",
        "interaction_required",
        "account_selection_required",
        "unmet_authentication_requirements",
    }
)
