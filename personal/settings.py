"""The settings of the personal-data module. (docs/settings.md)"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from base.access.certificates import pins
from base.access.reach import is_loopback, only_with_tls
from base.settings import SettingError, setting

PREFIX = "ENGAWA_PERSONAL_"
SECTION = "personal"
READS = ("items", "consents", "accesses", "notices", "requests", "family", "sessions")
"""What residents look at, by the names of which a city says what lower levels of login see."""


@dataclass(frozen=True, slots=True)
class PersonalSettings:
    """All settings of one process of the module."""

    host: str = setting("127.0.0.1", "Address to listen on; other than loopback only with TLS.")
    port: int = setting(8026, "TCP port to listen on.", most=65_535)
    data: Path = setting(Path("var/personal"), "Folder of the databases, keys and the admin socket.")
    public_url: str = setting("", "URL under which services reach this module; empty: that of the address.")
    demo: bool = setting(
        False, "Whether anybody may log in as anybody, to try the module with made-up residents."
    )

    tls_certificate: Path | None = setting(
        None, "PEM file of the module's certificate and those above it; set: HTTPS instead of HTTP."
    )
    tls_key: Path | None = setting(None, "PEM file of the certificate's key; none: it stands beside it.")
    tls_client_authorities: Path | None = setting(
        None, "PEM file of the authorities whose client certificates are accepted (mutual TLS)."
    )
    outgoing: tuple[str, ...] = setting(
        (), "Hosts, addresses and networks besides public ones that the module may connect to."
    )

    token_seconds: float = setting(300.0, "How long a service's access token is good.", most=3_600)
    session_seconds: float = setting(1_800.0, "How long a login lasts without being used.", most=86_400)
    session_hours: float = setting(12.0, "How long a login lasts in any case.", most=168)
    kiosk_seconds: float = setting(
        120.0,
        "The same as session_seconds, of logins at a desk or terminal that others use, too.",
        most=3_600,
    )
    kiosk_minutes: float = setting(10.0, "How long a login at such a desk lasts in any case.", most=60)
    most_sessions: int = setting(
        20, "How many logins one person has at a time; the one used longest ago ends.", most=1_000
    )
    level_1_reads: tuple[str, ...] = setting(
        ("notices",),
        "What residents see after a login with the card without its PIN (かざし): items, consents, accesses, notices,"
        " requests, family, sessions.",
    )
    level_2_reads: tuple[str, ...] = setting(
        ("consents", "accesses", "notices"), "The same of logins with the city's ID card and a second factor."
    )
    staff_second_factor: bool = setting(
        True,
        "Whether staff have to give a second factor (passkey or code); the login of demonstrations needs none.",
    )
    common_login_pushed: bool = setting(
        False, "Whether services have to push their requests to log somebody in (PAR, RFC 9126)."
    )
    common_login_seconds: float = setting(
        300.0, "How long an access token of the common login is good.", most=300
    )
    common_login_days: float = setting(
        30.0,
        "How long a service may refresh tokens of somebody who lets it while they are not logged in.",
        most=366,
    )
    factor_minutes: float = setting(
        10.0,
        "How long after their second factor staff may do what is dangerous without giving it again.",
        most=720,
    )
    staff_two_persons: bool = setting(
        True,
        "Whether a second administrator approves who joins and gets further roles; not in demonstrations.",
    )
    enrolment_days: int = setting(
        7, "How long a code is good with which a member of staff makes their first second factor.", most=60
    )
    desk_url: str = setting(
        "http://127.0.0.1:8110", "Where the desk of a counter PC answers, as that PC's browser sees it."
    )
    smtp_host: str = setting("", "Mail server that takes e-mail to residents; empty: none is sent.")
    smtp_port: int = setting(587, "Port of the mail server.", most=65_535)
    smtp_tls: str = setting(
        "starttls",
        "How the connection to it is encrypted: starttls (587), tls (465), none (on this machine only).",
        choices=("starttls", "tls", "none"),
    )
    smtp_authorities: Path | None = setting(
        None, "PEM file of the authorities that vouch for the mail server; none: those of the system."
    )
    smtp_user: str = setting("", "Name to log in with at the mail server; empty: no login.")
    smtp_password_file: Path | None = setting(None, "File (mode 0600) with the password of that login.")
    smtp_from: str = setting("", "E-mail address from which residents get mail.")
    push_url: str = setting(
        "", "URL of the city's messaging service that is told when there is news for somebody; empty: none."
    )
    consent_days: int = setting(365, "Longest time a consent is given for at once.", most=36_500)
    card_authorities: Path | None = setting(
        None, "PEM file of the authorities that vouch for cards; none: no consent is signed by a card."
    )
    device_authorities: Path | None = setting(
        None, "PEM file of the authorities inside that vouch for officials' devices, for consents on paper."
    )
    card_revocations: Path | None = setting(
        None, "File of the revocation lists (CRL) of cards, read again when it changes; none: not asked."
    )
    device_revocations: Path | None = setting(
        None, "The same of officials' devices; while a list that is named is too old, nothing is accepted."
    )
    card_crl_urls: tuple[str, ...] = setting(
        (), "URLs of revocation lists (CRL) of cards, fetched now and then; empty: there are none."
    )
    card_ocsp_url: str = setting("", "URL that is asked whether one card is valid (OCSP); empty: none.")
    card_verifier_url: str = setting(
        "", "URL of a registered verifier's service that is asked whether one card is valid; empty: none."
    )
    card_verifier_token: Path | None = setting(None, "File (mode 0600) with the access token for it.")
    card_status_seconds: float = setting(
        4.0, "How long a login waits until it is known whether its card is valid.", most=30
    )
    logins: Path | None = setting(
        None, "TOML file of the login providers, such as デジタル認証アプリ; none: there is none."
    )
    mykey_url: str = setting(
        "", "URL of マイキープラットフォーム, to hold up cards with it; empty: it is not used."
    )
    mykey_token: Path | None = setting(None, "File (mode 0600) with the access token for it.")
    mykey_pin: bool = setting(False, "Whether its login with the PIN counts as one with the card.")
    city_cards: bool = setting(
        False, "Whether the city issues cards of its own (市民カード), to log in with a passcode."
    )
    city_card_years: int = setting(5, "How long such a card is good.", most=20)
    provider_issuer: str = setting("", "Issuer of ID tokens that prove consent; empty: there is none.")
    provider_client: str = setting("", "Name of this installation at that issuer.")
    provider_keys: Path | None = setting(None, "JWKS file of that issuer.")
    provider_levels: tuple[str, ...] = setting(
        (), "Values of acr that are strong enough for consent; empty: any."
    )
    guardian_age: int = setting(18, "Age below which a guardian may decide for a child.", most=30)
    emergency_hours: int = setting(
        72, "Longest time a declared emergency runs before it ends by itself.", most=8_760
    )
    rights_days: int = setting(
        30, "Days within which a request for disclosure, correction or stop of use is decided.", most=365
    )
    rights_extension_days: int = setting(30, "Days by which that time may be prolonged, once.", most=365)
    exchange_seconds: float = setting(
        45.0,
        "How long another municipality may take to answer; longer than its store inside LGWAN.",
        most=600,
    )
    pdf_font: Path | None = setting(
        None,
        "Font file with Japanese letters for exports as PDF; none: one that is installed on the machine.",
    )
    searches_per_hour: int = setting(
        120, "Searches for residents by one member of staff in an hour.", most=100_000
    )
    pkcs11_library: Path | None = setting(
        None, "Library of a PKCS#11 token that holds the top keys; none: they are in files."
    )
    pkcs11_token: str = setting("", "Label of the token.")
    pkcs11_pin: Path | None = setting(None, "File (mode 0600) with the PIN of the token.")
    vault_url: str = setting("", "URL of a vault server where sealed records may live; empty: there is none.")
    vault_client: str = setting("", "Name of this installation at the vault; empty: the municipality's id.")
    vault_authorities: Path | None = setting(
        None, "PEM file of the authorities that vouch for the vault; none: those of the system."
    )
    lgwan: bool = setting(
        False, "Whether there is a store inside LGWAN, whose agent (engawa run agent) fetches orders here."
    )
    lgwan_certificates: Path | None = setting(
        None,
        "PEM file of the agent's client certificates; set: it is served over a connection that shows one only.",
    )
    lgwan_own_view: bool = setting(
        False,
        "Whether what is kept inside LGWAN is asked for to show it to the resident; the inside has to agree.",
    )
    lgwan_wait_seconds: float = setting(
        15.0, "How long a request waits for the store inside before its answer is 'pending'.", most=120
    )
    lgwan_release_seconds: float = setting(
        900.0, "How long an order to release is good; days where bundles are carried.", most=2_592_000
    )
    replaced_days: int = setting(
        35,
        "How long another location keeps a version of a record that was replaced; longer than the oldest back-up.",
        most=3_650,
    )
    bulk: int = setting(2_000, "Most residents in one bulk disclosure.", most=100_000)

    body_bytes: int = setting(1 << 20, "Longest body of a request.", most=1 << 30)
    connections: int = setting(1_000, "How many connections may be open.", most=100_000)
    requests_per_second: float = setting(
        100.0,
        "Requests per second of a service, or of a network that proves nothing, before 429; 0: no limit.",
    )
    log_format: str = setting("auto", "Form of log lines.", choices=("auto", "json", "text"))
    log_level: str = setting(
        "info", "Least important lines to log.", choices=("debug", "info", "warning", "error")
    )


def check(settings: PersonalSettings) -> None:
    """Refuse settings that would open the module; SettingError says which."""
    if settings.demo and not is_loopback(settings.host):
        raise SettingError(
            f"demo lets anybody log in as anybody: it is for loopback only, not for {settings.host}"
        )
    for name in (*settings.level_1_reads, *settings.level_2_reads):
        if name not in READS:
            raise SettingError(f"level_1_reads and level_2_reads know {', '.join(READS)}, not '{name}'")
    if settings.most_sessions < 1:
        raise SettingError("most_sessions has to be at least 1")
    _check_messages(settings)
    if not settings.desk_url.startswith(("http://", "https://")):
        raise SettingError("desk_url has to begin with http:// or https://")
    if settings.city_card_years < 1:
        raise SettingError("city_card_years has to be at least 1")
    only_with_tls(settings.host, tls=settings.tls_certificate is not None)
    if settings.lgwan_certificates is not None:
        pins(settings.lgwan_certificates)
        if settings.tls_certificate is None or settings.tls_client_authorities is None:
            raise SettingError("lgwan_certificates needs tls_certificate and tls_client_authorities, too")
    if settings.vault_url.startswith("http:") and not is_loopback(
        urlsplit(settings.vault_url).hostname or ""
    ):
        raise SettingError("vault_url has to begin with https, unless the vault is on this machine")


def _check_messages(settings: PersonalSettings) -> None:
    if settings.smtp_host and "@" not in settings.smtp_from:
        raise SettingError("smtp_host needs smtp_from, the address from which residents get mail")
    if settings.smtp_host and settings.smtp_tls == "none" and not is_loopback(settings.smtp_host):
        raise SettingError("smtp_tls can be none only for a mail server on this machine")
    if bool(settings.smtp_user) is not (settings.smtp_password_file is not None):
        raise SettingError("smtp_user and smtp_password_file belong together")
    if settings.smtp_user and settings.smtp_tls == "none":
        raise SettingError("smtp_user needs smtp_tls: a password is not sent in the clear")
    if settings.push_url.startswith("http:") and not is_loopback(urlsplit(settings.push_url).hostname or ""):
        raise SettingError("push_url has to begin with https, unless it is on this machine")
