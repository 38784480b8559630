"""The settings of the broker. (docs/settings.md)"""

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from base.access.reach import is_loopback, reachable
from base.settings import SettingError, setting

PREFIX = "ENGAWA_BROKER_"
SECTION = "broker"
PERSON_TYPES = (
    "Person Resident Citizen Evacuee Patient Household FamilyMember Victim Voter Patron Student Employee "
    "住民 市民 避難者 被災者 患者 世帯 有権者 利用者 児童 生徒"
)


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """All settings of one broker process."""

    host: str = setting(
        "127.0.0.1", "Address to listen on; anything but loopback opens the broker to others."
    )
    open: bool = setting(
        False, "Whether others may reach the broker without a policy that says what they may do."
    )
    port: int = setting(1026, "TCP port to listen on.", most=65_535)
    data: Path = setting(Path("var/broker"), "Folder of the databases, secrets and the admin socket.")
    alias: str = setting("", "Name of this broker in Via headers; empty: made at first start and kept.")
    public_url: str = setting(
        "", "URL under which others reach this broker; empty: the one by which each request came."
    )
    title: str = setting("縁側 Engawa", "Name of the city or broker shown on its pages.")
    tiles: str = setting(
        "", "URL template of map tiles with {z}, {x} and {y}; empty: maps without a background."
    )
    tiles_attribution: str = setting("", "Whom the map tiles are owed to, as text below the map.")

    tenants: int = setting(100, "How many tenants there may be besides the default one.")
    implicit_tenants: bool = setting(True, "Whether a create operation makes an unknown tenant.")
    person_types: tuple[str, ...] = setting(
        tuple(PERSON_TYPES.split()),
        "Names of entity types that describe people and are refused: last part of the type's IRI.",
    )
    anonymous_purge: str = setting(
        "loopback",
        "Who may purge without permission: 'loopback' (while bound to loopback), 'always' or 'never'.",
        choices=("loopback", "always", "never"),
    )

    policy: Path | None = setting(
        None, "File that says what each caller may do (docs/access.md); none: everybody may do everything."
    )
    tls_certificate: Path | None = setting(
        None, "PEM file of the broker's certificate and those above it; set: HTTPS instead of HTTP."
    )
    tls_key: Path | None = setting(None, "PEM file of the certificate's key; none: it stands beside it.")
    tls_client_authorities: Path | None = setting(
        None,
        "PEM file of the authorities that client certificates may come from; none: nobody is asked for one.",
    )
    tls_clients: str = setting(
        "optional",
        "Whether clients need a certificate of those authorities: 'none', 'optional' or 'required'.",
        choices=("none", "optional", "required"),
    )
    issuers: Path | None = setting(
        None, "TOML file of those whose bearer tokens (JWT) say who a caller is (docs/security.md)."
    )
    requests_per_second: float = setting(
        0.0, "Requests a second that one caller may send on average; 0: as many as come."
    )
    requests_burst: int = setting(100, "Requests that one caller may send at once.")
    audit: Path | None = setting(
        None, "File that gets a line for each write and each refusal (docs/security.md); none: no file."
    )

    body_bytes: int = setting(8_000_000, "Longest request body taken.")
    nesting: int = setting(64, "Deepest nesting of JSON taken.")
    batch_size: int = setting(1_000, "Most entities in one batch operation.")
    url_bytes: int = setting(16_384, "Longest request target taken.")
    cors: tuple[str, ...] = setting(
        (), "Origins whose pages may read and write over a browser, or *; empty: browsers keep them out."
    )
    connections: int = setting(1_000, "Most connections open at once.")
    page_default: int = setting(20, "Entities on a page when the request has no limit.")
    page_most: int = setting(1_000, "Largest limit a request may ask for.")
    query_seconds: float = setting(5.0, "Longest time one query may take.")
    query_terms: int = setting(100, "Most terms in one q, scopeQ or type selection.")
    value_indexes: int = setting(32, "Most attributes whose values are indexed on demand, per tenant.")
    index_threshold: int = setting(2_000, "How many entities q must have scanned before an index is made.")
    cache_bytes: int = setting(24_000_000, "Memory for answers kept as bytes.")
    subscriptions: int = setting(10_000, "Most subscriptions per tenant, and as many to registrations.")
    registrations: int = setting(20_000, "Most registrations of context sources per tenant.")

    context_bytes: int = setting(1_000_000, "Longest @context document fetched or hosted.")
    context_depth: int = setting(8, "How many remote @contexts may stand behind one another.")
    context_seconds: float = setting(5.0, "Longest time one fetch of an @context may take.")
    context_age: float = setting(86_400.0, "Seconds a fetched @context is used when its server does not say.")
    context_folder: Path | None = setting(
        None, "Folder of preloaded @contexts (index.json: URL → file), never fetched."
    )
    contexts: int = setting(1_000, "Most @contexts kept per broker.")

    outgoing: tuple[str, ...] = setting(
        (),
        "Private or link-local hosts, addresses or networks (CIDR) that notifications and fetches may reach.",
    )
    notify_seconds: float = setting(
        10.0, "Longest time one notification may take when the subscription does not say."
    )
    notify_connections: int = setting(8, "Most connections to one notification endpoint.")
    notify_attempts: int = setting(10, "Attempts before a notification becomes a dead letter.")
    notify_backoff: float = setting(
        1.0, "Seconds before the second attempt; doubled each time, at most an hour."
    )
    notify_authorities: Path | None = setting(
        None,
        "PEM file of certificate authorities that https and mqtts receivers may have, besides the system's.",
    )
    outbox_rows: int = setting(
        1_000_000, "Most undelivered notifications per tenant; older ones of dead endpoints go first."
    )

    federation_seconds: float = setting(
        5.0, "Longest time a context source may take to answer when its registration does not say."
    )
    federation_total_seconds: float = setting(
        10.0, "Longest time one request waits for context sources, whatever their registrations say."
    )
    federation_cooldown: float = setting(
        0.0, "Seconds a context source that failed is not asked again when its registration does not say."
    )
    federation_bytes: int = setting(8_000_000, "Longest answer taken from a context source.")
    federation_memory: int = setting(
        400_000_000,
        "Memory for answers of context sources that are being read or joined, of all requests together; "
        "a quarter of it for those of one source to one request. What does not fit waits, and is then left out.",
    )
    federation_connections: int = setting(16, "Most requests at once to one context source.")
    federation_waiting: int = setting(
        256, "Most requests that wait for one of these to end; further ones fail at once."
    )
    federation_lease_seconds: float = setting(
        3_600.0,
        "Seconds after which the copy of a subscription at a context source ends unless it is renewed; 0: never.",
    )
    federation_cache_bytes: int = setting(
        16_000_000, "Memory for answers kept as registrations ask by cacheDuration."
    )
    federation_authorities: Path | None = setting(
        None, "PEM file of certificate authorities that context sources may have, besides the system's."
    )
    federation_credentials: Path | None = setting(
        None,
        "TOML file (mode 600) of secrets and client certificates that are named to others (docs/federation.md).",
    )

    temporal_instances: int = setting(
        20_000, "Most attribute instances in one temporal answer; more of them come as pages (206)."
    )
    aggregation_zone: ZoneInfo | None = setting(
        None, "Time zone by whose calendar aggregation periods of days and months step; none: UTC."
    )
    split_entities: bool = setting(
        False, "Whether parts of one entity may be at several brokers when a request does not say."
    )
    entity_map_seconds: float = setting(
        3_600.0, "Longest life of an entity map from its making or last extension."
    )
    entity_map_entities: int = setting(100_000, "Most entities in one entity map.")
    history: tuple[str, ...] = setting(
        ("on",),
        "What writes history: 'on' (every change), 'off', or names of entity types (last part or IRI).",
    )
    history_of_deleted: str = setting(
        "keep", "Whether the history of a deleted entity stays: 'keep' or 'drop'.", choices=("keep", "drop")
    )
    history_seconds: float = setting(3_600.0, "How often the rules that thin and drop history are applied.")
    snapshots: int = setting(20, "Most snapshots per tenant; the least important goes when there are more.")
    snapshot_seconds: float = setting(
        604_800.0, "Longest life of a snapshot from its making or last extension."
    )
    snapshot_entities: int = setting(200_000, "Most entities a snapshot takes from one query.")
    expiry_seconds: float = setting(1.0, "How often expired entities and attributes are removed.")
    log_requests: str = setting(
        "errors", "Which requests get a log line: 'errors' (5xx) or 'all'.", choices=("errors", "all")
    )
    log_format: str = setting(
        "auto",
        "Log lines as 'json', 'text', or 'auto': text on a terminal.",
        choices=("auto", "json", "text"),
    )
    log_level: str = setting(
        "info",
        "Least severity logged: debug, info, warning, error.",
        choices=("debug", "info", "warning", "error"),
    )


def local_address(settings: BrokerSettings) -> str:
    """Give the URL under which programs on the broker's machine reach it."""
    if settings.tls_certificate is None:
        return f"http://{reachable(settings.host)}:{settings.port}"
    # a certificate holds for the name that others use
    return settings.public_url.rstrip("/") or f"https://{reachable(settings.host)}:{settings.port}"


def check_reach(settings: BrokerSettings) -> None:
    """Refuse to let others in without a policy, unless told so; SettingError says what to do."""
    if settings.open or settings.policy is not None or is_loopback(settings.host):
        return
    raise SettingError(
        f"host = '{settings.host}' lets other machines in, and no policy says what they may do: name a policy file "
        "(--policy FILE, docs/access.md), stay on 127.0.0.1, or say --open to let anybody read and write"
    )
