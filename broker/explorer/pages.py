"""The pages that show a person what the broker holds."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from broker.settings import BrokerSettings

Fetch = Callable[[str, Mapping[str, str]], Awaitable[tuple[int, Mapping[str, str], Any]]]


def routes(fetch: Fetch, settings: BrokerSettings) -> list[web.RouteDef]:
    """Give the routes of the pages."""
    return []
