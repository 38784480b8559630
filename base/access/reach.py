"""Whom an address to listen on lets in."""

import ipaddress


def reachable(host: str) -> str:
    """Write in a URL how this machine reaches a host to listen on."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, never bound
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Say whether a host to listen on is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
