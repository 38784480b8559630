"""The tables of a municipality's database. Times are µs; nothing in it tells a resident's name, address or birthday."""

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

LOGINS: Final = """
-- logins: their public name, how and when somebody proved who they are (proven, factor: a second factor), on which
-- desk (then everything is forgotten soon), when they end in any case; wanted: what is missing before they are good;
-- issuer, sid, outsider: keyed hashes of what the provider calls itself, the login there and the person there
ALTER TABLE session ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN method TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN factor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN wanted TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN last INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN issuer BLOB;
ALTER TABLE session ADD COLUMN sid BLOB;
ALTER TABLE session ADD COLUMN outsider BLOB;
UPDATE session SET proven = made, last = until;
UPDATE session SET id = 'l_' || lower(hex(randomblob(16))), method = 'demo', last = made + 43200000000
  WHERE kind IN ('resident', 'staff');
CREATE UNIQUE INDEX session_id ON session (id) WHERE id <> '';
CREATE INDEX session_actor ON session (kind, actor);
CREATE INDEX session_subject ON session (subject) WHERE subject IS NOT NULL;
CREATE INDEX session_until ON session (until);
CREATE INDEX session_outside ON session (issuer) WHERE issuer IS NOT NULL;
-- what a browser began and has not finished; binding: the hash of that browser's cookie
CREATE TABLE attempt (
  hash BLOB PRIMARY KEY, kind TEXT NOT NULL, binding BLOB NOT NULL, body BLOB NOT NULL, made INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_binding ON attempt (binding, made);
CREATE INDEX attempt_until ON attempt (until);
"""

TOLD: Final = """
-- what residents are told in the portal; same: what is told twice is joined with it
CREATE TABLE resident_notice (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, person TEXT NOT NULL REFERENCES person, kind TEXT NOT NULL,
  facts TEXT NOT NULL, same TEXT NOT NULL, at INTEGER NOT NULL, read INTEGER
) STRICT;
CREATE UNIQUE INDEX resident_notice_same ON resident_notice (person, same) WHERE same <> '';
CREATE INDEX resident_notice_person ON resident_notice (person, at);
CREATE INDEX resident_notice_at ON resident_notice (at);
-- where residents hear of it besides, sealed under a key of theirs; proven: 0 until they gave the code that was sent
-- there; stop: the hash of what a message carries to end it; failing: since when it is refused there
CREATE TABLE contact (
  person TEXT NOT NULL REFERENCES person, channel TEXT NOT NULL CHECK (channel IN ('email', 'push')),
  proven INTEGER NOT NULL, sealed BLOB NOT NULL, made INTEGER NOT NULL, until INTEGER, tries INTEGER NOT NULL,
  stop BLOB, failing INTEGER, PRIMARY KEY (person, channel, proven)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX contact_stop ON contact (stop) WHERE stop IS NOT NULL;
-- codes that were sent for somebody in the last day
CREATE TABLE contact_code (person TEXT NOT NULL REFERENCES person, at INTEGER NOT NULL) STRICT;
CREATE INDEX contact_code_person ON contact_code (person);
-- where a resident wants to hear of a topic, if otherwise than usual
CREATE TABLE contact_choice (
  person TEXT NOT NULL REFERENCES person, topic TEXT NOT NULL, channels TEXT NOT NULL, chosen INTEGER NOT NULL,
  PRIMARY KEY (person, topic)
) STRICT, WITHOUT ROWID;
-- messages to be sent; begun: one is under way; again: there were more news meanwhile; dead: given up
CREATE TABLE message (
  id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person, channel TEXT NOT NULL,
  about TEXT NOT NULL CHECK (about IN ('news', 'code')), due INTEGER NOT NULL, tries INTEGER NOT NULL,
  begun INTEGER, again INTEGER, dead INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX message_open ON message (person, channel, about) WHERE dead IS NULL;
CREATE INDEX message_due ON message (due) WHERE dead IS NULL;
CREATE INDEX message_dead ON message (dead) WHERE dead IS NOT NULL;
-- how and from where a resident logged in before: hashes
CREATE TABLE known_login (
  person TEXT NOT NULL REFERENCES person, hash BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (person, hash)
) STRICT, WITHOUT ROWID;
-- up to which consents residents were told, so many days before, that one ends soon
CREATE TABLE ending_mark (
  days INTEGER PRIMARY KEY, until INTEGER NOT NULL, person TEXT NOT NULL, service TEXT NOT NULL, purpose TEXT NOT NULL
) STRICT;
-- what everybody who agreed to a service is still to be told, and up to whom they were
CREATE TABLE announcement (
  number INTEGER PRIMARY KEY, kind TEXT NOT NULL, service TEXT NOT NULL, at INTEGER NOT NULL, person TEXT NOT NULL
) STRICT;
"""

COMMON_LOGIN: Final = """
-- services at which residents agreed to log in by the common login; offline: also while they are not logged in here
CREATE TABLE connection (
  person TEXT NOT NULL REFERENCES person, service TEXT NOT NULL, since INTEGER NOT NULL, used INTEGER NOT NULL,
  offline INTEGER NOT NULL, PRIMARY KEY (person, service)
) STRICT, WITHOUT ROWID;
-- logins at services: the hash of the code they began with, as which name, from which login here; asked: JSON
CREATE TABLE service_login (
  id TEXT PRIMARY KEY, sid TEXT NOT NULL, service TEXT NOT NULL, person TEXT NOT NULL REFERENCES person,
  subject TEXT NOT NULL, session TEXT NOT NULL, asked TEXT NOT NULL, level INTEGER NOT NULL, method TEXT NOT NULL,
  told INTEGER NOT NULL, offline INTEGER NOT NULL, made INTEGER NOT NULL, until INTEGER NOT NULL,
  code_until INTEGER NOT NULL, redeemed INTEGER, code BLOB NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
CREATE INDEX service_login_session ON service_login (session);
CREATE INDEX service_login_person ON service_login (person, service);
CREATE INDEX service_login_until ON service_login (until);
CREATE INDEX service_login_waiting ON service_login (code_until) WHERE redeemed IS NULL;
CREATE TABLE service_token (
  hash BLOB PRIMARY KEY, login TEXT NOT NULL REFERENCES service_login,
  kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh')), jkt TEXT NOT NULL, made INTEGER NOT NULL,
  until INTEGER NOT NULL, used INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX service_token_login ON service_token (login);
CREATE INDEX service_token_until ON service_token (until);
CREATE TABLE pushed_request (
  hash BLOB PRIMARY KEY, service TEXT NOT NULL, params TEXT NOT NULL, until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pushed_request_until ON pushed_request (until);
-- logins here that ended while services stood on them, by whatever; and what services still have to be told of that
CREATE TABLE ended_session (id TEXT PRIMARY KEY, until INTEGER NOT NULL, desk INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER session_ended AFTER DELETE ON session
WHEN EXISTS (SELECT 1 FROM service_login WHERE session = old.id)
BEGIN
  INSERT OR REPLACE INTO ended_session VALUES (old.id, old.until, old.device <> '');
END;
CREATE TABLE logout_notice (
  number INTEGER PRIMARY KEY, service TEXT NOT NULL, sid TEXT NOT NULL, subject TEXT NOT NULL, made INTEGER NOT NULL,
  due INTEGER NOT NULL, tries INTEGER NOT NULL
) STRICT;
CREATE INDEX logout_notice_due ON logout_notice (due);
"""

DESKS: Final = """
-- devices that read cards at counters and terminals; service: as which one asks whose a card is
CREATE TABLE desk (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, place TEXT NOT NULL, service TEXT, keys TEXT NOT NULL,
  added INTEGER NOT NULL, added_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- hashes of the tickets by which browsers become those of a desk, and of the cookies of those that did
CREATE TABLE desk_ticket (hash BLOB PRIMARY KEY, desk TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE desk_browser (hash BLOB PRIMARY KEY, desk TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- cards of the city by the keyed hash of their number (table identifier says whose): the passcode, hashed and
-- sealed, tries that are left
CREATE TABLE city_card (
  hash BLOB PRIMARY KEY, until INTEGER NOT NULL, passcode BLOB, tries INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

SECOND_FACTORS: Final = """
-- when a member of staff leaves by itself, since when they may not log in, when they logged in last
ALTER TABLE staff ADD COLUMN until INTEGER;
ALTER TABLE staff ADD COLUMN suspended INTEGER;
ALTER TABLE staff ADD COLUMN seen INTEGER;
-- second factors of staff; sealed: the public key of a passkey, or the secret of codes; count: how often a passkey was
-- used as it says itself, or the step of the last code that was taken
CREATE TABLE factor (
  id TEXT PRIMARY KEY, staff TEXT NOT NULL REFERENCES staff, kind TEXT NOT NULL CHECK (kind IN ('passkey', 'totp')),
  name TEXT NOT NULL, credential BLOB UNIQUE, sealed BLOB NOT NULL, count INTEGER NOT NULL, added INTEGER NOT NULL,
  used INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX factor_staff ON factor (staff);
-- codes with which a member of staff makes their first second factor, once: hashes
CREATE TABLE enrolment (
  staff TEXT PRIMARY KEY REFERENCES staff, hash BLOB NOT NULL, made INTEGER NOT NULL, made_by TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- what went wrong lately when somebody tried to log in; about: keyed hash of the account or network
CREATE TABLE failure (about BLOB NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX failure_about ON failure (about, at);
CREATE INDEX failure_at ON failure (at);
-- a login that becomes surer gets another secret; services stand on it still
CREATE TRIGGER session_renewed AFTER UPDATE OF hash ON session
BEGIN
  UPDATE service_login SET session = new.hash WHERE session = old.hash;
END;
"""

SEARCHED: Final = """
-- what auditors search the log by, read from the entries themselves: nothing is kept twice
ALTER TABLE leaf ADD COLUMN kind TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(CAST(entry AS TEXT))
  THEN CAST(json_extract(CAST(entry AS TEXT), '$.kind') AS TEXT) END) VIRTUAL;
ALTER TABLE leaf ADD COLUMN service TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(CAST(entry AS TEXT))
  THEN CAST(json_extract(CAST(entry AS TEXT), '$.service') AS TEXT) END) VIRTUAL;
ALTER TABLE leaf ADD COLUMN doer TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(CAST(entry AS TEXT))
  THEN CAST(json_extract(CAST(entry AS TEXT), '$.by') AS TEXT) END) VIRTUAL;
ALTER TABLE leaf ADD COLUMN event TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(CAST(entry AS TEXT))
  THEN CAST(json_extract(CAST(entry AS TEXT), '$.event') AS TEXT) END) VIRTUAL;
CREATE INDEX leaf_kind ON leaf (kind, at);
CREATE INDEX leaf_service ON leaf (service, at) WHERE service IS NOT NULL;
CREATE INDEX leaf_doer ON leaf (doer, at) WHERE doer IS NOT NULL;
CREATE INDEX leaf_event ON leaf (event, at) WHERE event IS NOT NULL;
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
)
