"""What can be wrong with what a provider sends: a word for logs and tests, never what was sent."""

from enum import StrEnum


class Fault(StrEnum):
    """Why a login (or a logout told by the provider) is not accepted."""

    # the provider itself
    UNREACHABLE = "unreachable"  # no answer in time, no connection, no address that may be reached
    ANSWER = "answer"  # an answer that is too long, redirects, or is not what was asked for
    METADATA = "metadata"  # discovery does not describe a provider that can be used
    TOKEN_REFUSED = "token-refused"  # noqa: S105  # a word, no secret
    # the way back
    DENIED = "denied"  # the reader, or the provider for them, said no
    CALLBACK = "callback"  # it is no answer to an authorization request
    MIXED_UP = "mixed-up"  # another provider answers than was asked. (RFC 9207)
    # ID tokens and logout tokens
    FORM = "form"
    TYPE = "type"
    ALGORITHM = "algorithm"
    KEY = "key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    PARTY = "party"
    SUBJECT = "subject"
    EXPIRED = "expired"
    ISSUED = "issued"
    NONCE = "nonce"
    LOGIN_TIME = "login-time"
    LEVEL = "level"
    TOKEN_HASH = "token-hash"  # noqa: S105  # a word, no secret
    USERINFO = "userinfo"
    EVENT = "event"
    IDENTIFIER = "identifier"
    REPLAYED = "replayed"


class LoginFailed(Exception):
    """What a provider sent, or did not send, is not accepted."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"the provider's answer is not accepted: {fault}")
        self.fault = fault
