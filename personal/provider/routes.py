"""All routes of the common login: what programs of services call, and the pages that residents see. (共通認証)"""

from typing import Final

from aiohttp import web

from personal.operations.call import Module
from personal.provider import checking, granting
from personal.provider.city import PREFIX
from personal.provider.front import Asked, endpoint, told
from personal.provider.leaving import LogoutPages
from personal.provider.pages import LoginPages
from personal.provider.pushing import push

HERE: Final = PREFIX + "/{town}"
PUBLIC: Final = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
PAGES: Final = (LoginPages, LogoutPages)


def routes(module: Module) -> list[web.RouteDef]:
    """Give the routes of what programs call; those of the pages are made with a desk."""
    ways = {
        ("GET", HERE + "/.well-known/openid-configuration"): describe,
        ("GET", "/.well-known/oauth-authorization-server" + HERE): describe,
        ("GET", HERE + "/keys"): show_keys,
        ("POST", HERE + "/par"): push,
        ("POST", HERE + "/token"): granting.give,
        ("POST", HERE + "/introspect"): checking.introspect,
        ("POST", HERE + "/revoke"): checking.revoke,
        ("GET", HERE + "/userinfo"): checking.userinfo,
        ("POST", HERE + "/userinfo"): checking.userinfo,
    }
    return [endpoint(module, method, path, run) for (method, path), run in ways.items()]


async def describe(asked: Asked) -> web.Response:
    """Describe the provider. (OpenID Connect Discovery 4, RFC 8414 3)"""
    return told(asked.city.metadata(), headers=PUBLIC)


async def show_keys(asked: Asked) -> web.Response:
    """Give the public keys. (RFC 7517)"""
    return told(await asked.city.keys(asked.now), headers=PUBLIC)
