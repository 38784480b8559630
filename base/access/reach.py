"""Whom an address to listen on lets in."""

import ipaddress

from base.settings import SettingError


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


def only_with_tls(host: str, *, tls: bool) -> None:
    """Refuse to let others in without TLS; SettingError says what to do."""
    if not tls and not is_loopback(host):
        raise SettingError(f"host {host} is reached by others: give tls_certificate, or listen on 127.0.0.1")
