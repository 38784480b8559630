"""Which addresses this process may connect to, checked on the one a socket is just about to connect to."""

import errno
import ipaddress
import socket
import time
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_CARRIES_IPV4: Final = tuple(
    (ipaddress.IPv6Network(net), shift)
    for net, shift in (("::ffff:0:0/96", 0), ("64:ff9b::/96", 0), ("::/96", 0), ("2002::/16", 80))
)
_NEVER_GLOBAL: Final = tuple(
    ipaddress.ip_network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip
_GLOBAL_IPV6: Final = ipaddress.ip_network("2000::/3")
_REMEMBERED_SECONDS: Final = 60.0
_REMEMBERED: Final = 1_000


class Refused(OSError):
    """A connection that the address policy does not allow."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EACCES, reason)

    def __str__(self) -> str:
        return str(self.strerror)


class AddressPolicy:
    """Public addresses are allowed; others when listed; loopback while the process itself is bound to it."""

    def __init__(self, listed: Sequence[str], *, loopback: bool) -> None:
        """Read the list (hosts, addresses, networks); `loopback`: this process is reachable from its machine only."""
        self.loopback = loopback
        self._networks: list[Network] = []
        hosts = set()
        for entry in listed:
            try:
                self._networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                hosts.add(entry.lower().rstrip("."))
        self._hosts = frozenset(hosts)
        self._permitted: dict[Address, float] = {}

    def check_address(self, text: str) -> None:
        """Raise Refused unless this IP address may be connected to."""
        try:
            address = plain(ipaddress.ip_address(text.partition("%")[0]))
        except ValueError:
            raise Refused(f"'{text[:60]}' is not an IP address.") from None
        if self._is_listed(address) or is_public(address) or (self.loopback and address.is_loopback):
            return
        if self._permitted.get(address, 0.0) > time.monotonic():
            return
        kind = "a loopback" if address.is_loopback else "not a public"
        raise Refused(
            f"{address} is {kind} address: list it in the setting 'outgoing' if it shall be reached."
        )

    def names(self, host: str) -> bool:
        """Say whether the list names this host."""
        return host.lower().rstrip(".") in self._hosts

    def permit(self, text: str) -> None:
        """Allow an address that a listed host has just resolved to, for a short while."""
        if len(self._permitted) >= _REMEMBERED:
            self._permitted.clear()
        address = plain(ipaddress.ip_address(text.partition("%")[0]))
        self._permitted[address] = time.monotonic() + _REMEMBERED_SECONDS

    def _is_listed(self, address: Address) -> bool:
        return any(address.version == net.version and address in net for net in self._networks)


def plain(address: Address) -> Address:
    """Give the IPv4 address that an IPv6 address carries (mapped, 6to4, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv6Address) and address != ipaddress.IPv6Address("::1"):
        for net, shift in _CARRIES_IPV4:
            if address in net:
                return ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Say whether an address belongs to the public internet and to a single host there."""
    if address.version == 6 and address not in _GLOBAL_IPV6:
        return False
    return not any(address.version == net.version and address in net for net in _NEVER_GLOBAL)


class _Resolver(AbstractResolver):
    """The usual resolver; it tells the policy which addresses a listed host has."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if self._policy.names(host):
            for result in found:
                self._policy.permit(result["host"])
        return found

    async def close(self) -> None:
        await self._inner.close()


def connector(policy: AddressPolicy, **options: Any) -> TCPConnector:
    """Make a connector for aiohttp clients that refuses addresses at the moment of connecting.

    A refusal reaches the caller as ClientConnectorError with a Refused as its os_error. A session using it has
    no proxy."""

    def open_socket(where: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, sockaddr = where
        policy.check_address(sockaddr[0])
        return socket.socket(family, kind, protocol)

    return TCPConnector(resolver=_Resolver(policy), socket_factory=open_socket, **options)
