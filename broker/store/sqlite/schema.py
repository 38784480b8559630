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
)

CATALOGUE: Final = (
    """
    CREATE TABLE tenant (name TEXT PRIMARY KEY, file TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT;
    """,
)
