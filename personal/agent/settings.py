"""The settings of the agent inside LGWAN. (docs/settings.md)"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from base.access.reach import is_loopback
from base.settings import SettingError, setting

PREFIX = "ENGAWA_AGENT_"
SECTION = "agent"


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """All settings of one process of the agent."""

    data: Path = setting(Path("var/agent"), "Folder of the database, the keys and the admin socket.")
    municipality: str = setting("", "Id of the municipality whose orders this agent obeys.")
    url: str = setting(
        "", "The one destination: URL of the module outside, https://host:port; empty: files only."
    )
    authorities: Path | None = setting(
        None, "PEM file of the authorities that vouch for the module outside; none: those of the system."
    )
    certificate: Path | None = setting(None, "PEM file of the agent's client certificate, with its key.")
    pins: Path | None = setting(
        None,
        "PEM file of the certificates of the module outside; set: the agent speaks to nobody who shows another.",
    )
    wait_seconds: float = setting(25.0, "How long one request for orders waits for some.", most=60)
    retry_seconds: float = setting(5.0, "How long to wait before calling again after a failure.", most=3_600)
    pages_host: str = setting("127.0.0.1", "Address inside on which pages for terminals are served.")
    pages_port: int = setting(
        0, "TCP port of the pages for terminals inside; 0: there are none.", most=65_535
    )
    pages_certificate: Path | None = setting(
        None, "PEM file of the certificate of the pages for terminals inside, with its key."
    )
    pages_authorities: Path | None = setting(
        None,
        "PEM file of the authorities that vouch for officials' devices; each page asks for their certificate.",
    )
    log_format: str = setting("auto", "Form of log lines.", choices=("auto", "json", "text"))
    log_level: str = setting(
        "info", "Least important lines to log.", choices=("debug", "info", "warning", "error")
    )


def check(settings: AgentSettings) -> None:
    """Refuse settings with which the agent would call somebody else; SettingError says which."""
    if settings.pages_port and (settings.pages_certificate is None or settings.pages_authorities is None):
        raise SettingError(
            "pages_port needs pages_certificate and pages_authorities: devices log in by certificate"
        )
    if not settings.municipality:
        raise SettingError("municipality is not given: the agent obeys the orders of exactly one")
    if not settings.url:
        return
    found = urlsplit(settings.url)
    if found.scheme not in ("http", "https") or not found.hostname or found.path.strip("/") or found.query:
        raise SettingError("url has to be https://host:port and nothing more")
    if found.scheme == "http" and not is_loopback(found.hostname):
        raise SettingError("url has to begin with https, unless the module is on this machine")
    if found.scheme == "https" and settings.certificate is None:
        raise SettingError("certificate is not given: the agent shows one to the module outside")
