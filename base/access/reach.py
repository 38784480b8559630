"""Whom an address to listen on lets in."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Say whether a host to listen on is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
