"""The settings of a desk. (docs/settings.md)"""

from dataclasses import dataclass
from pathlib import Path

from adapters.sdk.client import checked_url
from base.access.reach import is_loopback
from base.settings import SettingError, setting

PREFIX = "ENGAWA_DESK_"
SECTION = "desk"


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """All settings of one desk."""

    host: str = setting(
        "127.0.0.1", "Address of the desk's page; loopback only: it is for the PC's own browser."
    )
    port: int = setting(8110, "TCP port of the desk's page.", most=65_535)
    data: Path = setting(
        Path("var/desk"), "Folder of the device's key, of what waits and of the admin socket."
    )
    id: str = setting(
        "", "Id under which the desk is entered in the personal-data module (engawa desks add)."
    )
    url: str = setting(
        "http://127.0.0.1:8026",
        "Public URL of the personal-data module; https, unless it is on this machine.",
    )
    municipality: str = setting("", "Id of the municipality, if the module serves several.")
    authorities: Path | None = setting(
        None, "PEM file of the authorities that vouch for the module; none: those of the system."
    )
    reader: str = setting("", "Part of the name of the card reader to use; empty: any.")
    made_up_cards: Path | None = setting(
        None, "Folder of made-up cards; set: they are held on an emulated reader, for demonstrations only."
    )
    kiosk: bool = setting(
        False, "Whether the page has a button that opens the portal for whoever stands there."
    )
    check_in: bool = setting(
        False, "Whether every card that is held up is read without PIN and looked up, for a reception."
    )
    card_seconds: float = setting(25.0, "How long the desk waits for a card after its button.", most=120)
    torn_seconds: float = setting(8.0, "How long it waits for a card that was taken off too early.", most=60)
    network_seconds: float = setting(10.0, "How long the module may take to answer.", most=60)
    sync_seconds: float = setting(15.0, "How often the desk tries to send what waits.", most=3_600)
    queue_hours: float = setting(72.0, "After how long what still waits is thrown away.", most=8_760)
    log_format: str = setting("auto", "Form of log lines.", choices=("auto", "json", "text"))
    log_level: str = setting(
        "info", "Least important lines to log.", choices=("debug", "info", "warning", "error")
    )


def check(settings: DeskSettings) -> None:
    """Refuse settings with which others could use the desk, or the desk would tell others; SettingError says which."""
    if not is_loopback(settings.host):
        raise SettingError("host has to be a loopback address: a PIN is typed on the desk's page")
    checked_url(settings.url)
    if not settings.id:
        raise SettingError("id is not given: engawa desk enrol says how a desk is entered")
