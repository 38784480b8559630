"""Where the top key of a municipality is, by the settings: in a file of its folder, or in a token."""

from pathlib import Path

from base.settings import SettingError
from personal.settings import PersonalSettings
from personal.vault.keys import FILE, KeyStore
from personal.vault.token import TokenTopKey, read_pin
from personal.vault.top import FileTopKey, TopKey

DATABASE = "personal.db"


def top_key(settings: PersonalSettings, folder: Path, *, make: bool = True) -> TopKey:
    """Open the top key of a municipality's folder; SettingError says why it cannot be. make: if there is none."""
    if settings.pkcs11_library is None:
        return FileTopKey(folder, make=make)
    if not settings.pkcs11_token or settings.pkcs11_pin is None:
        raise SettingError("with pkcs11_library, give pkcs11_token (its label) and pkcs11_pin (a file), too")
    pin = read_pin(settings.pkcs11_pin)
    return TokenTopKey(settings.pkcs11_library, settings.pkcs11_token, pin, folder, make=make)


def key_store(settings: PersonalSettings, folder: Path) -> KeyStore:
    """Open the key store of a municipality; made anew only where there is no data yet."""
    if (folder / DATABASE).exists() and not (folder / FILE).exists():
        raise SettingError(
            f"the key store {folder / FILE} is missing: restore it (engawa vault-keys restore); "
            "without it nothing here can be read"
        )
    return KeyStore(folder, top_key(settings, folder))
