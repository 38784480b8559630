"""The settings of a vault server. (docs/settings.md)"""

from dataclasses import dataclass
from pathlib import Path

from base.access.reach import only_with_tls
from base.settings import setting

PREFIX = "ENGAWA_VAULT_"
SECTION = "vault"


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """All settings of one process of the vault server."""

    host: str = setting("127.0.0.1", "Address to listen on; other than loopback only with TLS.")
    port: int = setting(8120, "TCP port to listen on.", most=65_535)
    data: Path = setting(Path("var/vault"), "Folder of the database and the admin socket.")
    public_url: str = setting("", "URL under which clients reach this vault; empty: that of the address.")
    tls_certificate: Path | None = setting(
        None, "PEM file of the server's certificate and those above it; set: HTTPS instead of HTTP."
    )
    tls_key: Path | None = setting(None, "PEM file of the certificate's key; none: it stands beside it.")
    copy_bytes: int = setting(2 << 20, "Longest sealed copy.", most=64 << 20)
    client_bytes: int = setting(10 << 30, "Most bytes that one client may keep; more are refused with 507.")
    requests_per_second: float = setting(
        1_000.0, "Requests from one network per second before 429; 0: no limit."
    )
    connections: int = setting(500, "How many connections may be open.", most=100_000)
    log_format: str = setting("auto", "Form of log lines.", choices=("auto", "json", "text"))
    log_level: str = setting(
        "info", "Least important lines to log.", choices=("debug", "info", "warning", "error")
    )


def check(settings: VaultSettings) -> None:
    """Refuse settings that would open the vault; SettingError says which."""
    only_with_tls(settings.host, tls=settings.tls_certificate is not None)
