"""What evidence of consent has to stand on, read from files: authorities of cards and devices, a login provider."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import orjson
import structlog
from cryptography import x509

from base.access.reach import is_loopback
from base.settings import SettingError
from personal.login import card_status
from personal.login.mykey import HttpMyKey
from personal.providers import NO_PROVIDERS, LiveKeys, LoginProviders
from personal.rules import card_profiles
from personal.rules.certificate_status import Known, Lookup
from personal.rules.evidence import Anchors, Provider
from personal.rules.mykey import MyKey
from personal.rules.validity import ValidityChecker
from personal.settings import PersonalSettings

_LIST: Final = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
log = structlog.get_logger("engawa.personal")


def anchors(settings: PersonalSettings, logins: LoginProviders = NO_PROVIDERS) -> Anchors:
    """Read the trust anchors that the settings name; SettingError says which file is wrong.

    Of login providers the keys are those that are known at the moment of asking.
    """
    cards = _authorities("card_authorities", settings.card_authorities)
    if not settings.demo and any(card_profiles.for_tests(one) for one in cards):
        raise SettingError(
            "card_authorities: one of them is for test cards, which prove nothing about anybody"
        )
    return Anchors(
        cards,
        (*_providers(settings), *_live(logins)),
        _authorities("device_authorities", settings.device_authorities),
        settings.demo,
        revocations("card_revocations", settings.card_revocations),
        revocations("device_revocations", settings.device_revocations),
    )


def checker(settings: PersonalSettings, found: Anchors, web: aiohttp.ClientSession) -> ValidityChecker | None:
    """Give who is asked whether cards are valid; None if nobody is."""
    token = _token("card_verifier_token", settings.card_verifier_token)
    return card_status.sources(
        found.revoked_cards,
        settings.card_crl_urls,
        settings.card_ocsp_url,
        (settings.card_verifier_url, token),
        web,
        settings.card_status_seconds,
        demo=settings.demo,
    )


def mykey(settings: PersonalSettings, web: aiohttp.ClientSession) -> MyKey | None:
    """Give the connector to マイキープラットフォーム; None if it is not used."""
    url = settings.mykey_url
    if not url:
        return None
    if not url.startswith("https://") and not is_loopback(urlsplit(url).hostname or ""):
        raise SettingError("mykey_url has to begin with https, unless it is on this machine")
    return HttpMyKey(url, _token("mykey_token", settings.mykey_token), web)


def _token(name: str, path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingError(f"{name}: {path} cannot be read") from error


def revocations(name: str, path: Path | None) -> Lookup | None:
    """Read lists of revoked certificates (CRL, PEM or DER), again whenever the file changes; None: it is not asked.

    A file that cannot be read any more says nothing, so that nothing it would vouch for is good.
    """
    if path is None:
        return None
    try:
        kept = (_stamp(path), _lists(path))
    except (OSError, ValueError) as error:
        raise SettingError(f"{name}: {path} is no list of revoked certificates that can be read") from error

    def look() -> Known:
        nonlocal kept
        try:
            stamp = _stamp(path)
            if stamp != kept[0]:
                kept = (stamp, _lists(path))
        except (OSError, ValueError) as error:
            log.error("a list of revoked certificates cannot be read", reason=type(error).__name__, list=name)
            return Known()
        return kept[1]

    return look


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _lists(path: Path) -> Known:
    raw = path.read_bytes()
    pem = _LIST.findall(raw)
    if not pem:
        return Known((x509.load_der_x509_crl(raw),))
    return Known(tuple(x509.load_pem_x509_crl(one) for one in pem))


def _authorities(name: str, path: Path | None) -> tuple[x509.Certificate, ...]:
    if path is None:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise SettingError(f"{name}: {path} is no PEM file of certificates that can be read") from error


def _live(logins: LoginProviders) -> Iterator[Provider]:
    for one in logins.listed:
        if one.proving and not one.staff:
            known = one.client.registration
            yield Provider(known.issuer, known.client, LiveKeys(one.client), known.algorithms, one.proving)


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
