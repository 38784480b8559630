"""The tables of a tenant's database and of the catalogue, as steps that are only ever added to."""

from typing import Final

TENANT: Final = (
    """
    -- names of types and attributes as small numbers; 0 stands for 'any'
    CREATE TABLE name (id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE) STRICT;

    -- last number given: 'version' for changes, 'message' for the outbox
    CREATE TABLE sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO sequence VALUES ('version', 0), ('message', 0);

    CREATE TABLE entity (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        version INTEGER NOT NULL,
        expires INTEGER,
        doc BLOB NOT NULL
    ) STRICT;
    CREATE INDEX entity_expires ON entity (expires) WHERE expires IS NOT NULL;

    CREATE TABLE entity_type (
        type INTEGER NOT NULL, entity INTEGER NOT NULL, PRIMARY KEY (type, entity)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE entity_scope (
        scope TEXT NOT NULL, entity INTEGER NOT NULL, PRIMARY KEY (scope, entity)
    ) STRICT, WITHOUT ROWID;

    -- one row per GeoProperty instance; id = entity << 16 | ordinal
    CREATE VIRTUAL TABLE place USING rtree (id, west, east, south, north, +entity INTEGER, +attr INTEGER);

    -- how many entities: (type, 0, '') of the type; (type, attr, kind) of the type with such an attribute;
    -- (0, attr, '') with the attribute
    CREATE TABLE tally (
        type INTEGER NOT NULL, attr INTEGER NOT NULL, kind TEXT NOT NULL, entities INTEGER NOT NULL,
        PRIMARY KEY (type, attr, kind)
    ) STRICT, WITHOUT ROWID;

    -- attributes whose values are indexed: entities up to key `reached` are in, all of them when it is NULL
    CREATE TABLE value_index (attr INTEGER PRIMARY KEY, reached INTEGER, used INTEGER NOT NULL) STRICT;
    CREATE TABLE value (
        attr INTEGER NOT NULL, entity INTEGER NOT NULL, kind INTEGER NOT NULL, value ANY NOT NULL,
        PRIMARY KEY (attr, entity, kind, value)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX value_order ON value (attr, kind, value, entity);

    -- the latest changes, for processes that follow
    CREATE TABLE feed (version INTEGER PRIMARY KEY, id TEXT NOT NULL) STRICT;

    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL, subscription TEXT NOT NULL, endpoint TEXT NOT NULL,
        body BLOB NOT NULL, headers TEXT NOT NULL, created INTEGER NOT NULL, attempts INTEGER NOT NULL,
        due INTEGER NOT NULL, error TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outbox_endpoint ON outbox (endpoint, seq, subscription);
    CREATE TABLE dead_letter (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL, subscription TEXT NOT NULL, endpoint TEXT NOT NULL,
        body BLOB NOT NULL, headers TEXT NOT NULL, created INTEGER NOT NULL, attempts INTEGER NOT NULL,
        due INTEGER NOT NULL, error TEXT NOT NULL
    ) STRICT;

    CREATE TABLE subscription (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL) STRICT;
    CREATE TABLE context (place INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, body BLOB NOT NULL) STRICT;
    """,
    """
    -- JSON objects of any other kind: registrations, entity maps, snapshots …
    CREATE TABLE record (
        place INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, expires INTEGER, body BLOB NOT NULL,
        UNIQUE (kind, id)
    ) STRICT;
    CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;
    """,
    """
    -- the Temporal Evolution of an entity; key is also the entity's while it is in the current state
    CREATE TABLE history (
        key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, modified INTEGER NOT NULL,
        deleted INTEGER
    ) STRICT;
    -- types that a history has beside those of the current state
    CREATE TABLE history_type (
        type INTEGER NOT NULL, history INTEGER NOT NULL, PRIMARY KEY (type, history)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX history_types ON history_type (history, type);
    -- what the entity was until a time: its creation and types, or (NULL) not there
    CREATE TABLE life (
        history INTEGER NOT NULL, until INTEGER NOT NULL, created INTEGER, types TEXT,
        PRIMARY KEY (history, until)
    ) STRICT, WITHOUT ROWID;
    -- what many instances have in common, as small numbers
    CREATE TABLE shape (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE) STRICT;
    -- the columns are explained in history_rows.py
    CREATE TABLE instance (
        history INTEGER NOT NULL, attr INTEGER NOT NULL, dataset INTEGER NOT NULL, at INTEGER NOT NULL,
        id INTEGER NOT NULL, form INTEGER NOT NULL, modified INTEGER NOT NULL, created INTEGER, value ANY,
        shape INTEGER NOT NULL, body BLOB,
        PRIMARY KEY (history, attr, dataset, at, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX instance_deleted ON instance (history, attr, dataset, at) WHERE form >= 9;
    -- changes whose instances are not yet where they belong: the document of a new entity, or what differs
    CREATE TABLE history_log (
        seq INTEGER PRIMARY KEY, history INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT;
    -- the last number of an instance; where the numbers come from, so that those of two brokers differ
    INSERT INTO sequence VALUES ('instance', 0), ('origin', abs(random() % 4294967296));
    """,
)

NOT_COPIED: Final = ("subscription", "outbox", "dead_letter", "record", "context")
"""What a copy of a snapshot does not take over: only entities and their histories are its content."""

CATALOGUE: Final = (
    """
    CREATE TABLE tenant (name TEXT PRIMARY KEY, file TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT;
    """,
)
