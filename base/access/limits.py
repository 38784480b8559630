"""How many requests one caller may send: a bucket of tokens for each, in bounded memory."""

import ipaddress
from functools import lru_cache
from typing import Final

from base.access.caller import Caller
from base.recent import Recent

MOST: Final = 65_536
LONGEST: Final = 86_400.0  # seconds between two requests
_PREFIX: Final = 64  # what one subscriber of IPv6 gets is at least this much

Key = Caller | str
"""A proven caller, or the network an anonymous one comes from."""


class Limit:
    """At most `rate` requests a second from each caller on average, and `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._interval = min(1.0 / rate, LONGEST)
        self._ahead = max(burst, 1.0) * self._interval - self._interval
        self._full: Recent[Key, float] = Recent(MOST)  # when the bucket of a caller will be full again

    def take(self, key: Key, now: float) -> float:
        """Take a token: 0 if there was one, else the seconds until there is. (GCRA, ITU-T I.371)"""
        full = self._full.get(key)
        if full is None or full < now:
            full = now
        wait = full - now - self._ahead
        if wait > 1e-9:
            return wait
        self._full[key] = full + self._interval
        return 0.0


@lru_cache(4_096)
def network_of(address: str) -> str:
    """Give what counts as one anonymous caller: an IPv4 address, or a /64 of IPv6."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, _PREFIX), strict=False))
    return str(ip)
