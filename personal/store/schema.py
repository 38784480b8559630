"""The tables of a municipality's database. Times are µs; nothing in it tells a name, an address or a birthday."""

from typing import Final

PEOPLE: Final = """
CREATE TABLE person (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('here', 'moved', 'dead', 'merged')),
  merged_into TEXT REFERENCES person,
  protected INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
-- what finds a person: municipal id, card, subject of a login; keyed hashes, several of a kind per person
CREATE TABLE identifier (
  kind TEXT NOT NULL, hash BLOB NOT NULL, person TEXT NOT NULL REFERENCES person,
  added INTEGER NOT NULL, ended INTEGER
) STRICT;
CREATE UNIQUE INDEX identifier_hash ON identifier (kind, hash) WHERE ended IS NULL;
CREATE INDEX identifier_person ON identifier (person);
-- what staff search by: keyed hashes of readings and birthdays
CREATE TABLE blind_index (field TEXT NOT NULL, hash BLOB NOT NULL, person TEXT NOT NULL REFERENCES person) STRICT;
CREATE INDEX blind_index_hash ON blind_index (field, hash);
CREATE INDEX blind_index_person ON blind_index (person);
CREATE TABLE pseudonym (
  service TEXT NOT NULL, ppid TEXT NOT NULL, person TEXT NOT NULL REFERENCES person,
  generation INTEGER NOT NULL, created INTEGER NOT NULL, ended INTEGER, previous TEXT,
  PRIMARY KEY (service, ppid)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pseudonym_pair ON pseudonym (person, service) WHERE ended IS NULL;
"""

RECORDS: Final = """
-- one item of one person: where it lives, and here its sealed value if it lives here
CREATE TABLE record (
  person TEXT NOT NULL REFERENCES person, item TEXT NOT NULL, location TEXT NOT NULL,
  version INTEGER NOT NULL, sealed BLOB, changed INTEGER NOT NULL,
  PRIMARY KEY (person, item)
) STRICT, WITHOUT ROWID;
"""

AUDIT: Final = """
CREATE TABLE leaf (position INTEGER PRIMARY KEY, at INTEGER NOT NULL, entry BLOB NOT NULL) STRICT;
CREATE TABLE node (level INTEGER NOT NULL, place INTEGER NOT NULL, hash BLOB NOT NULL,
  PRIMARY KEY (level, place)) STRICT, WITHOUT ROWID;
-- opens the commitments of a leaf; deleted with the person it is about
CREATE TABLE opening (
  position INTEGER NOT NULL REFERENCES leaf, name TEXT NOT NULL, person TEXT NOT NULL, salt BLOB NOT NULL,
  PRIMARY KEY (position, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX opening_person ON opening (person, position);
CREATE TABLE head (size INTEGER PRIMARY KEY, at INTEGER NOT NULL, root BLOB NOT NULL, signed TEXT NOT NULL) STRICT;
"""

ACCESS: Final = """
-- who is logged in, and which service holds a token: the hash of the secret, never the secret
CREATE TABLE session (
  hash BLOB PRIMARY KEY, kind TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT, roles TEXT NOT NULL,
  level INTEGER NOT NULL, made INTEGER NOT NULL, used INTEGER NOT NULL, until INTEGER NOT NULL
) STRICT;
-- identifiers of client assertions that were used, until they expire
CREATE TABLE assertion (id BLOB PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

SERVICES: Final = """
-- the catalogue: what a service is now, and every version of its description
CREATE TABLE service (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('active', 'suspended')),
  keys TEXT NOT NULL, certificate BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE service_version (
  service TEXT NOT NULL, version INTEGER NOT NULL, description TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('proposed', 'approved', 'refused', 'replaced')),
  wider INTEGER NOT NULL, proposed_by TEXT NOT NULL, proposed INTEGER NOT NULL, decided_by TEXT, decided INTEGER,
  PRIMARY KEY (service, version)
) STRICT, WITHOUT ROWID;
"""

STEPS: Final = (PEOPLE + RECORDS + AUDIT + ACCESS + SERVICES,)
