"""What evidence of consent has to stand on, read from files: authorities of cards and devices, a login provider."""

from pathlib import Path

import orjson
from cryptography import x509

from base.settings import SettingError
from personal.rules.evidence import Anchors, Provider
from personal.settings import PersonalSettings


def anchors(settings: PersonalSettings) -> Anchors:
    """Read the trust anchors that the settings name; SettingError says which file is wrong."""
    return Anchors(
        _authorities("card_authorities", settings.card_authorities),
        _providers(settings),
        _authorities("device_authorities", settings.device_authorities),
        settings.demo,
    )


def _authorities(name: str, path: Path | None) -> tuple[x509.Certificate, ...]:
    if path is None:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise SettingError(f"{name}: {path} is no PEM file of certificates that can be read") from error


def _providers(settings: PersonalSettings) -> tuple[Provider, ...]:
    if settings.provider_keys is None:
        return ()
    if not settings.provider_issuer or not settings.provider_client:
        raise SettingError("provider_keys needs provider_issuer and provider_client, too")
    try:
        keys = orjson.loads(settings.provider_keys.read_bytes())
        found = {"keys": list(keys["keys"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SettingError(f"provider_keys: {settings.provider_keys} is no JWKS that can be read") from error
    levels = frozenset(settings.provider_levels)
    return (Provider(settings.provider_issuer, settings.provider_client, found, levels=levels),)
