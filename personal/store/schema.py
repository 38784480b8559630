"""The tables of a municipality's database. Times are µs; nothing in it tells a resident's name, address or birthday."""

from typing import Final

from personal.store.schema_logins import (
    COMMON_LOGIN,
    DESKS,
    FAMILIES,
    LOGINS,
    MEANS,
    SEARCHED,
    SECOND_FACTORS,
    SELF_REGISTERED,
    TOLD,
)

PEOPLE: Final = """
CREATE TABLE person (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('here', 'moved', 'dead', 'merged')),
  merged_into TEXT REFERENCES person,
  protected INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
CREATE INDEX person_merged ON person (merged_into) WHERE merged_into IS NOT NULL;
-- what finds a person: municipal id, card, subject of a login; keyed hashes, several of a kind per person.
-- guarded: of a protected person, so that the same one can be given to somebody new by who does not know of them
CREATE TABLE identifier (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL, hash BLOB NOT NULL, guarded INTEGER NOT NULL, person TEXT NOT NULL REFERENCES person,
  added INTEGER NOT NULL, ended INTEGER, why TEXT CHECK (why IN ('ended', 'renewed', 'death', 'double'))
) STRICT;
CREATE UNIQUE INDEX identifier_hash ON identifier (kind, hash, guarded) WHERE ended IS NULL;
CREATE INDEX identifier_person ON identifier (person);
-- what staff search by: keyed hashes of readings and birthdays
CREATE TABLE blind_index (
  person TEXT NOT NULL REFERENCES person, field TEXT NOT NULL, hash BLOB NOT NULL,
  PRIMARY KEY (person, field, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX blind_index_hash ON blind_index (field, hash);
-- doubles that were made one: what is needed to part them again
CREATE TABLE merge (
  number INTEGER PRIMARY KEY,
  absorbed TEXT NOT NULL REFERENCES person, survivor TEXT NOT NULL REFERENCES person,
  at INTEGER NOT NULL, done_by TEXT NOT NULL, before TEXT NOT NULL, ended INTEGER, side TEXT
) STRICT;
CREATE INDEX merge_survivor ON merge (survivor) WHERE ended IS NULL;
-- searches of a member of staff in the last hour
CREATE TABLE search (staff TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX search_staff ON search (staff, at);
CREATE TABLE pseudonym (
  service TEXT NOT NULL, ppid TEXT NOT NULL, person TEXT NOT NULL REFERENCES person,
  generation INTEGER NOT NULL, created INTEGER NOT NULL, ended INTEGER, previous TEXT,
  PRIMARY KEY (service, ppid)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pseudonym_pair ON pseudonym (person, service) WHERE ended IS NULL;
"""

RECORDS: Final = """
-- one item of one person: where it lives, its random name there, its key; due: when it is erased, after a hold
CREATE TABLE record (
  person TEXT NOT NULL REFERENCES person, item TEXT NOT NULL, location TEXT NOT NULL,
  version INTEGER NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, changed INTEGER NOT NULL, due INTEGER,
  PRIMARY KEY (person, item)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX record_name ON record (name);
CREATE INDEX record_key ON record (key);
CREATE INDEX record_item ON record (item, location);
CREATE INDEX record_due ON record (due) WHERE due IS NOT NULL;
-- the sealed copies that live here
CREATE TABLE local_copy (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
-- copies that no record points to (yet, or any more), and when they are removed.
-- shred: their key goes with them; claimed: the removal has begun; successor: where the record went
CREATE TABLE leftover (
  name TEXT PRIMARY KEY, person TEXT NOT NULL, item TEXT NOT NULL, version INTEGER NOT NULL, location TEXT NOT NULL,
  key TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('noted', 'replaced', 'erased', 'moved')),
  shred INTEGER NOT NULL, claimed INTEGER NOT NULL DEFAULT 0, successor BLOB, due INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX leftover_due ON leftover (due);
-- records that have to move
CREATE TABLE move (
  person TEXT NOT NULL REFERENCES person, item TEXT NOT NULL, target TEXT NOT NULL, since INTEGER NOT NULL,
  due INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (person, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX move_due ON move (due);
-- where the city keeps an item, and where residents may keep it instead; what residents chose
CREATE TABLE item_location (item TEXT PRIMARY KEY, location TEXT NOT NULL, offered TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE own_location (
  person TEXT NOT NULL REFERENCES person, item TEXT NOT NULL, location TEXT NOT NULL, chosen INTEGER NOT NULL,
  PRIMARY KEY (person, item)
) STRICT, WITHOUT ROWID;
-- laws and proceedings for which a record must not be erased before a day
CREATE TABLE hold (
  person TEXT NOT NULL REFERENCES person, item TEXT NOT NULL, basis TEXT NOT NULL, until INTEGER NOT NULL,
  set_by TEXT NOT NULL, PRIMARY KEY (person, item, basis)
) STRICT, WITHOUT ROWID;
-- people all of whose keys have to go
CREATE TABLE forgotten (person TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
-- up to where the list of shredded keys was followed here
CREATE TABLE shred_mark (position INTEGER NOT NULL) STRICT;
INSERT INTO shred_mark VALUES (0);
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
-- the catalogue: what a service is now, and every version of its description that was in force.
-- least: the last version that asked for more than the one before; consent to an older one does not hold
CREATE TABLE service (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, least INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'suspended')), keys TEXT NOT NULL, certificate BLOB
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX service_certificate ON service (certificate) WHERE certificate IS NOT NULL;
CREATE TABLE service_version (
  service TEXT NOT NULL, version INTEGER NOT NULL, description TEXT NOT NULL,
  wider INTEGER NOT NULL, proposal TEXT NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY (service, version)
) STRICT, WITHOUT ROWID;
-- items that this municipality added to the built-in ones
CREATE TABLE item (
  code TEXT NOT NULL, version INTEGER NOT NULL, description TEXT NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY (code, version)
) STRICT, WITHOUT ROWID;
"""

STAFF: Final = """
CREATE TABLE staff (
  id TEXT PRIMARY KEY, login TEXT NOT NULL, name TEXT NOT NULL, roles TEXT NOT NULL,
  added INTEGER NOT NULL, added_by TEXT NOT NULL, ended INTEGER
) STRICT;
CREATE UNIQUE INDEX staff_login ON staff (login) WHERE ended IS NULL;
-- what one member of staff proposes and a second one decides
CREATE TABLE proposal (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, proposed_by TEXT NOT NULL, proposed INTEGER NOT NULL,
  until INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'refused', 'withdrawn')),
  decided_by TEXT, decided INTEGER, reason TEXT
) STRICT;
CREATE INDEX proposal_open ON proposal (kind, proposed) WHERE state = 'open';
"""

RELATIONS: Final = """
-- who acts for whom; until: when that ends by itself, sealed, as it may tell a birthday
CREATE TABLE delegation (
  id TEXT PRIMARY KEY, guardian TEXT NOT NULL REFERENCES person, subject TEXT NOT NULL REFERENCES person,
  relation TEXT NOT NULL, scope TEXT NOT NULL, since INTEGER NOT NULL, until BLOB NOT NULL, ended INTEGER,
  granted_by TEXT NOT NULL, evidence TEXT NOT NULL, why TEXT
) STRICT;
CREATE INDEX delegation_guardian ON delegation (guardian);
CREATE INDEX delegation_subject ON delegation (subject);
-- emergencies; words: sealed, the codes of the districts, or the reason of who looked at one person alone
CREATE TABLE emergency (
  id TEXT PRIMARY KEY, area TEXT NOT NULL CHECK (area IN ('whole', 'districts', 'person')),
  services TEXT NOT NULL, items TEXT NOT NULL, since INTEGER, until INTEGER, ended INTEGER,
  person TEXT REFERENCES person, name TEXT NOT NULL, basis TEXT NOT NULL, words BLOB NOT NULL,
  made INTEGER NOT NULL, made_by TEXT NOT NULL, approved_by TEXT, review TEXT
) STRICT;
CREATE INDEX emergency_until ON emergency (until) WHERE ended IS NULL;
CREATE TABLE emergency_district (
  emergency TEXT NOT NULL REFERENCES emergency, hash BLOB NOT NULL, PRIMARY KEY (emergency, hash)
) STRICT, WITHOUT ROWID;
-- modules of other municipalities, links that residents began, and by which names both sides know residents
CREATE TABLE peer (
  code TEXT PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, municipality TEXT NOT NULL, keys TEXT NOT NULL,
  services TEXT NOT NULL, active INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE peer_offer (
  hash BLOB PRIMARY KEY, peer TEXT NOT NULL, name TEXT NOT NULL, person TEXT NOT NULL REFERENCES person,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE peer_link (
  peer TEXT NOT NULL REFERENCES peer, name TEXT NOT NULL, person TEXT NOT NULL REFERENCES person,
  since INTEGER NOT NULL, PRIMARY KEY (peer, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX peer_link_person ON peer_link (person);
-- requests for disclosure, correction, stop of use; what the resident and staff wrote is sealed
CREATE TABLE rights_request (
  id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person,
  kind TEXT NOT NULL CHECK (kind IN ('disclosure', 'correction', 'stop')), items TEXT NOT NULL,
  made INTEGER NOT NULL, due INTEGER NOT NULL, state TEXT NOT NULL, extended INTEGER, decided INTEGER,
  words BLOB NOT NULL, reasons BLOB NOT NULL, taken_by TEXT NOT NULL, evidence TEXT NOT NULL, decided_by TEXT
) STRICT;
CREATE INDEX rights_request_person ON rights_request (person);
CREATE INDEX rights_request_due ON rights_request (due) WHERE state = 'open';
-- where residents live, as keyed hashes of the codes of districts
CREATE TABLE district (
  person TEXT NOT NULL REFERENCES person, hash BLOB NOT NULL, PRIMARY KEY (person, hash)
) STRICT, WITHOUT ROWID;
"""

NOTICES: Final = """
-- what services are told: only at a full quarter hour (due), in random order (place)
CREATE TABLE notice (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
  service TEXT NOT NULL, person TEXT NOT NULL REFERENCES person, event TEXT NOT NULL,
  subject TEXT NOT NULL, facts TEXT NOT NULL, due INTEGER NOT NULL, place REAL NOT NULL, erase_by INTEGER,
  handed INTEGER, delivered INTEGER, confirmed INTEGER
) STRICT;
CREATE INDEX notice_waiting ON notice (service, due, place) WHERE confirmed IS NULL;
CREATE INDEX notice_person ON notice (person, service);
CREATE INDEX notice_unsent ON notice (due) WHERE delivered IS NULL AND confirmed IS NULL;
CREATE INDEX notice_duty ON notice (erase_by) WHERE erase_by IS NOT NULL AND confirmed IS NULL;
-- services that could not be reached
CREATE TABLE notice_pause (service TEXT PRIMARY KEY, tries INTEGER NOT NULL, until INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
-- up to when services were told of consents that ended by themselves
CREATE TABLE notice_mark (at INTEGER NOT NULL) STRICT;
INSERT INTO notice_mark VALUES (0);
-- what residents let be seen once: keyed hashes of the codes; NULL: any service
CREATE TABLE sharing_code (
  hash BLOB PRIMARY KEY, person TEXT NOT NULL REFERENCES person, service TEXT, items TEXT NOT NULL,
  made INTEGER NOT NULL, until INTEGER NOT NULL, used INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sharing_code_until ON sharing_code (until);
CREATE INDEX sharing_code_person ON sharing_code (person);
-- codes that a service tried in vain in the last hour
CREATE TABLE code_guess (service TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX code_guess_service ON code_guess (service, at);
"""

CONSENTS: Final = """
-- what a resident decided, as it stands; number: of the event that made it so. until: when it ends by itself
CREATE TABLE consent (
  person TEXT NOT NULL REFERENCES person, kind TEXT NOT NULL CHECK (kind IN ('store', 'share')),
  service TEXT NOT NULL, purpose TEXT NOT NULL, item TEXT NOT NULL,
  version INTEGER NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, number INTEGER NOT NULL,
  PRIMARY KEY (person, kind, service, purpose, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX consent_until ON consent (until) WHERE until IS NOT NULL;
-- every event, with the entry of the log that tells of it
CREATE TABLE consent_event (
  number INTEGER PRIMARY KEY, person TEXT NOT NULL REFERENCES person, kind TEXT NOT NULL,
  service TEXT NOT NULL, purpose TEXT NOT NULL, item TEXT NOT NULL, version INTEGER NOT NULL,
  state TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, event TEXT NOT NULL,
  leaf INTEGER NOT NULL REFERENCES leaf, decision TEXT REFERENCES decision
) STRICT;
CREATE INDEX consent_event_person ON consent_event (person, kind, service, purpose, item);
-- one act of somebody: the document whose digest the evidence signs; the evidence, sealed under a key of a person
CREATE TABLE decision (
  id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person, actor TEXT NOT NULL,
  given_by TEXT NOT NULL CHECK (given_by IN ('resident', 'guardian', 'staff-paper')),
  digest BLOB NOT NULL UNIQUE, document TEXT NOT NULL, evidence_kind TEXT NOT NULL,
  leaf INTEGER NOT NULL REFERENCES leaf, at INTEGER NOT NULL, evidence BLOB, sealed_for TEXT NOT NULL,
  receipt BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_person ON decision (person);
"""

AGENT: Final = """
-- the agent inside LGWAN: its public keys, the last ones count; when it called last
CREATE TABLE agent (number INTEGER PRIMARY KEY, keys TEXT NOT NULL, at INTEGER NOT NULL, seen INTEGER) STRICT;
-- orders to it; text and content: envelopes that only it can open; claims: to sign an order anew, never of a release
CREATE TABLE agent_order (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, task TEXT NOT NULL, same TEXT NOT NULL, name TEXT NOT NULL,
  claims TEXT, text TEXT NOT NULL, content TEXT, digest TEXT NOT NULL, made INTEGER NOT NULL, until INTEGER NOT NULL,
  given INTEGER, tries INTEGER NOT NULL, answer TEXT
) STRICT;
CREATE INDEX agent_order_waiting ON agent_order (number) WHERE answer IS NULL;
CREATE INDEX agent_order_same ON agent_order (same);
CREATE INDEX agent_order_name ON agent_order (name);
CREATE INDEX agent_order_until ON agent_order (until);
CREATE TABLE agent_alarm (
  id TEXT PRIMARY KEY, why TEXT NOT NULL, task TEXT NOT NULL, at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- services that have a key of their own to which the inside sends what they get
CREATE TABLE agent_recipient (service TEXT PRIMARY KEY, kid TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE agent_brought (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE agent_bundle (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

MOMENTS: Final = """
-- after an incident: what was done in a span of time, wherever it stands in the log
CREATE INDEX leaf_at ON leaf (at);
"""

STORED: Final = """
-- which service wrote a version of a record, on what that rests (consent, or a law); digest: of the request
CREATE TABLE record_source (
  person TEXT NOT NULL REFERENCES person, item TEXT NOT NULL, version INTEGER NOT NULL, service TEXT NOT NULL,
  purpose TEXT NOT NULL, basis TEXT NOT NULL, digest BLOB NOT NULL, aside INTEGER NOT NULL,
  PRIMARY KEY (person, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX consent_lapsing ON consent (until)
  WHERE until IS NOT NULL AND state IN ('ConsentGiven', 'RenewedConsentGiven');
-- why staff ended a consent, sealed, by the entry of the log that tells of it
CREATE TABLE consent_reason (
  leaf INTEGER PRIMARY KEY REFERENCES leaf, person TEXT NOT NULL REFERENCES person, words BLOB NOT NULL
) STRICT;
CREATE INDEX consent_reason_person ON consent_reason (person);
-- days that this municipality set, by what they are for
CREATE TABLE deadline (name TEXT PRIMARY KEY, days INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

OUTBOX: Final = """
-- notices that can be forgotten are found without looking through all
CREATE INDEX notice_confirmed ON notice (confirmed) WHERE confirmed IS NOT NULL;
CREATE INDEX notice_taken ON notice (delivered) WHERE delivered IS NOT NULL AND erase_by IS NULL;
"""

OFFICE: Final = """
-- the office that takes requests about personal data, as letters and the register name it: one row
CREATE TABLE office (
  only INTEGER PRIMARY KEY CHECK (only = 1), name TEXT NOT NULL, address TEXT NOT NULL, since INTEGER NOT NULL
) STRICT;
"""

STEPS: Final = (
    PEOPLE + RECORDS + AUDIT + ACCESS + SERVICES + STAFF + CONSENTS + RELATIONS + AGENT + NOTICES,
    MOMENTS,
    STORED,
    OUTBOX,
    LOGINS,
    TOLD,
    COMMON_LOGIN,
    DESKS,
    SECOND_FACTORS,
    SEARCHED,
    SELF_REGISTERED,
    OFFICE,
    FAMILIES,
    MEANS,
)
