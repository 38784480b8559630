"""The tables of an agent's database; each step is made once, and never changed."""

from typing import Final

from personal.store.schema import AUDIT

STEPS: Final = (
    AUDIT
    + """
-- a record: whose box, which item; digest: of the envelope it came in; without sealed: it was removed
CREATE TABLE copy (
  name TEXT PRIMARY KEY, box TEXT NOT NULL, item TEXT NOT NULL, version INTEGER NOT NULL, key TEXT NOT NULL,
  digest TEXT NOT NULL, sealed BLOB, at INTEGER NOT NULL
) STRICT;
CREATE INDEX copy_box ON copy (box);
-- keys that have to be destroyed, because what they sealed was removed
CREATE TABLE doomed (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
-- orders that were taken, and the answer until the outside has it; digest: of the claims
CREATE TABLE taken (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL, answer TEXT, at INTEGER NOT NULL, until INTEGER NOT NULL
) STRICT;
CREATE TABLE nonce (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- what was done in the last hour, for the limits (s)
CREATE TABLE done (what TEXT NOT NULL, count INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX done_what ON done (what, at);
CREATE TABLE withdrawn (
  decision TEXT NOT NULL, item TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (decision, item)
) STRICT, WITHOUT ROWID;
CREATE TABLE alarm (
  id TEXT PRIMARY KEY, why TEXT NOT NULL, task TEXT NOT NULL, at INTEGER NOT NULL, told INTEGER
) STRICT;
CREATE INDEX alarm_untold ON alarm (at) WHERE told IS NULL;
-- entered inside, by officials
CREATE TABLE official (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, added INTEGER NOT NULL, ended INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE wish (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, by TEXT NOT NULL, at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE outside (key TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE service (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE anchor (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE limits (what TEXT PRIMARY KEY, most INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE holder (box TEXT NOT NULL, holder TEXT NOT NULL, PRIMARY KEY (box, holder)) STRICT, WITHOUT ROWID;
-- bundles of orders that were carried in and answers that were carried out, each once
CREATE TABLE bundle (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
""",
    """
-- former keys of the outside hold for a while beside the newest, unless officials ended them
ALTER TABLE outside ADD COLUMN ended INTEGER;
-- own keys for which the outside has addressed orders: it knows them
CREATE TABLE adopted (kid TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- evidence that held, and when it was first seen here
CREATE TABLE seen (mark TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- devices of officials; ended: since when nothing of it is trusted
CREATE TABLE device (
  name TEXT PRIMARY KEY, staff TEXT NOT NULL, added INTEGER NOT NULL, ended INTEGER
) STRICT, WITHOUT ROWID;
-- lists of revoked certificates, by who made them and for which part
CREATE TABLE revocations (id TEXT PRIMARY KEY, made INTEGER NOT NULL, list BLOB NOT NULL) STRICT;
-- a store that was restored: orders to release from before (s) are not obeyed any more; told: when the outside
-- had told again what was withdrawn and erased meanwhile, until then nothing is released
CREATE TABLE restored (at INTEGER NOT NULL, told INTEGER) STRICT;
""",
)
