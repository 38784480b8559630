"""What a service is told of a login: ID tokens, and the claims that userinfo gives. (OpenID Connect Core 2, 5.3)"""

from collections.abc import Mapping
from typing import Any, Final

from authlib.oidc.core.util import create_half_hash

from base.clock import SECOND
from base.database import Connection
from personal.operations import releasing
from personal.operations.logging_in import UNKNOWN
from personal.operations.releasing import Ask, Ruling
from personal.provider.city import ID_TOKEN_SECONDS, City
from personal.provider.front import Asked
from personal.provider.standing import Standing
from personal.rules.authorization import LEVELS, methods
from personal.vault.signing import ALGORITHM

VERIFIED: Final = "verified-identity"
"""The only item that is told in claims, and only as the resident agreed to for a purpose that was asked for."""
CLAIM: Final = "verified_identity"
_MEMBERS: Final[Mapping[str, str]] = {"level": "level", "method": "method", "on": "date"}


async def id_token(asked: Asked, stands: Standing, access: str, *, first: bool) -> str:
    """Sign what is told of a login; first: in answer to its code, so that it carries the nonce."""
    login = stands.login
    nonce = {"nonce": login.asked["nonce"]} if first and login.asked["nonce"] is not None else {}
    verified = await verified_identity(asked.city, stands, asked.now) if first else {}
    told = {
        **common(stands),
        "aud": login.service,
        "iat": asked.seconds,
        "exp": asked.seconds + ID_TOKEN_SECONDS,
        "sid": login.sid,
        "at_hash": create_half_hash(access, ALGORITHM).decode(),
        **nonce,
        **verified,
    }
    return await asked.city.signed(told)


def common(stands: Standing) -> dict[str, Any]:
    """Give what ID tokens and introspection both tell."""
    login = stands.login
    amr = methods(login.method, login.level)
    told = {"sub": login.subject, "acr": LEVELS[login.level]}
    moment = {} if login.told == UNKNOWN else {"auth_time": login.told // SECOND}
    return {**told, **moment, **({"amr": amr} if amr else {})}


async def verified_identity(city: City, stands: Standing, now: int) -> dict[str, Any]:
    """Give how surely the city knows who a resident is, if they agreed to that: decided and written down before."""
    purpose = next((one for one, items in stands.agreed.items() if VERIFIED in items), None)
    if purpose is None:
        return {}
    ask, login = Ask(stands.service.id, purpose, (VERIFIED,)), stands.login

    def work(db: Connection) -> list[Ruling]:
        return releasing.rule_on(db, city.module, ask, [login.subject], now)

    rulings = await city.town.store.write(work)
    (released,) = await releasing.release(city.module, city.town, rulings, now)
    value = released.items.get(VERIFIED)
    if not isinstance(value, dict) or not _MEMBERS.keys() <= value.keys():
        return {}
    return {CLAIM: {claim: value[name] for name, claim in _MEMBERS.items()}}
