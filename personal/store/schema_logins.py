"""Later steps of the schema: how people log in, what they are told, at which services they are known."""

from typing import Final

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

SELF_REGISTERED: Final = """
-- residents who registered themselves and whom no member of staff has looked at: reading and birth date are as typed in
CREATE TABLE self_registered (person TEXT PRIMARY KEY REFERENCES person, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
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

MEANS: Final = """
-- what one logs in with, as residents tell theirs apart: used last, good until, on what it is (card, android,
-- iphone) or at which provider; and with which of them a login began, 0: that is not known
ALTER TABLE identifier ADD COLUMN used INTEGER;
ALTER TABLE identifier ADD COLUMN until INTEGER;
ALTER TABLE identifier ADD COLUMN medium TEXT;
ALTER TABLE session ADD COLUMN identifier INTEGER NOT NULL DEFAULT 0;
"""

FAMILIES: Final = """
-- the hash of what all refresh tokens of a login at a service begin with, so that one that was spent is known again
ALTER TABLE service_login ADD COLUMN family BLOB;
CREATE UNIQUE INDEX service_login_family ON service_login (family) WHERE family IS NOT NULL;
"""
