"""Second factors of staff: making them, giving them at a login or once more, removing them. (ASVS 5.0 6.4, 6.5)

The first one is made with a code that an administrator hands out; who lost all needs two administrators.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData, Conflict, InvalidRequest, NotPermitted, Problem, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.login import guarding, passkeys, totp
from personal.login.guarding import Attempted
from personal.operations import logging_in
from personal.operations.actors import Actor, Who
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.town import Town
from personal.rules.identifiers import framed, fresh
from personal.settings import PersonalSettings
from personal.store import attempts, factors, sessions, staff
from personal.store.attempts import Attempt
from personal.store.factors import Factor
from personal.store.staff import Member
from personal.vault.envelope import seal, unseal

KEY: Final = "factor"
PASSKEY: Final = "passkey"
TOTP: Final = "totp"
MAKING: Final = "factor-making"
GIVING: Final = "passkey"
LIFE: Final = 10 * 60 * clock.SECOND
MOST: Final = 10
_NAME: Final = {"type": "string", "maxLength": 60}
_TEXT: Final = {"type": "string", "maxLength": passkeys.MOST}
_SHORT: Final = {"type": "string", "maxLength": 100}
BEGIN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"enum": [PASSKEY, TOTP]}, "enrolment": _SHORT},
    "additionalProperties": False,
}
MAKE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["attempt"],
    "oneOf": [{"required": ["code"]}, {"required": ["credential"]}],
    "properties": {"attempt": _SHORT, "code": _SHORT, "credential": _TEXT, "name": _NAME},
    "additionalProperties": False,
}
GIVE: Final[dict[str, Any]] = {
    "type": "object",
    "oneOf": [{"required": ["code"]}, {"required": ["attempt", "credential"]}],
    "properties": {"attempt": _SHORT, "code": _SHORT, "credential": _TEXT},
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class _Giver:
    """Who gives or makes a factor, where and when, with the keys that this takes."""

    town: Town
    actor: Actor
    settings: PersonalSettings
    place: passkeys.Here
    now: int
    tried: Attempted
    key: bytes = field(repr=False)
    attempt_key: bytes = field(repr=False)

    def sealed(self, id: str, plain: bytes) -> bytes:
        return seal(self.key, plain, framed("factor", self.actor.id, id))

    def opened(self, factor: Factor) -> bytes:
        return unseal(self.key, factor.sealed, framed("factor", factor.staff, factor.id))


async def list_own(call: Call, module: Module) -> Answer:
    """List one's second factors, and whether one is still wanted in this login."""
    found = call.town.store.read(lambda db: factors.of(db, call.actor.id))
    wanted = call.actor.who is Who.ENTRANT
    return Answer(body={"factors": [shown(one) for one in found], "wanted": wanted})


async def begin_making(call: Call, module: Module) -> Answer:
    """Begin to make a second factor; the first one needs the code that an administrator handed out."""
    giver, kind = await _giver(call, module), call.body["kind"]
    given = sessions.digest(_plain(call.body.get("enrolment", "")))
    known = call.town.store.read(lambda db: factors.of(db, call.actor.id))
    member = _member(call)
    body, told = _wish(giver, kind, member, known)

    def work(db: Connection) -> str | None:
        guarding.check(db, giver.tried, call.now)
        if len(factors.of(db, call.actor.id)) >= MOST:
            raise Conflict("There are too many second factors: remove one first.")
        if call.actor.who is Who.ENTRANT:
            if factors.of(db, call.actor.id):
                raise NotPermitted("Give the second factor that there is already.")
            if not factors.allowed(db, call.actor.id, given, call.now):
                guarding.failed(db, giver.tried, Who.STAFF, call.actor.id, "enrolment", call.now)
                return None
            body["enrolment"] = given.hex()
        kept = Attempt(MAKING, call.actor.session, body, call.now + LIFE)
        return attempts.keep(db, giver.attempt_key, kept, call.now)

    id = await call.town.store.write(work)
    if id is None:
        raise NotPermitted("This code is not good (any more). Ask an administrator for another one.")
    return Answer(201, {"attempt": id, "kind": kind, **told})


async def make(call: Call, module: Module) -> Answer:
    """Make a second factor by using it once; a login that wanted one is complete with it, others end."""
    giver = await _giver(call, module)

    def work(db: Connection) -> tuple[Factor, str] | None:
        guarding.check(db, giver.tried, call.now)
        id = call.body["attempt"]
        kept = attempts.peek(db, giver.attempt_key, id, MAKING, call.actor.session, call.now)
        if kept is None:
            raise stale()
        made = _made(giver, kept, call.body)
        if made is None:
            guarding.failed(db, giver.tried, Who.STAFF, call.actor.id, kept["kind"], call.now)
            return None
        attempts.take(db, giver.attempt_key, id, MAKING, call.actor.session, call.now)
        if made.credential is not None and factors.by_credential(db, made.credential) is not None:
            raise Conflict("This passkey is somebody's already.")
        if call.actor.who is Who.ENTRANT and not factors.spend(
            db, call.actor.id, bytes.fromhex(kept["enrolment"]), call.now
        ):
            raise stale()
        factors.add(db, made)
        log.append(db, Entry("factor-made", _facts(call, made)), call.now)
        secret = _complete(db, giver)
        sessions.end_others(db, Who.STAFF, call.actor.id, sessions.digest(secret))
        return made, secret

    done = await call.town.store.write(work)
    if done is None:
        raise wrong()
    return Answer(201, {"factor": shown(done[0]), "token": done[1]})


async def begin_giving(call: Call, module: Module) -> Answer:
    """Begin to give a passkey: a challenge for the browser; none if there is no passkey."""
    giver = await _giver(call, module)

    def work(db: Connection) -> dict[str, Any]:
        found = factors.of(db, call.actor.id)
        kinds = sorted({one.kind for one in found})
        known = [one for one in found if one.kind == PASSKEY]
        if not known:
            return {"kinds": kinds}
        challenge, options = passkeys.asked_to_use(giver.place, known)
        body = {"challenge": passkeys.text_of(challenge)}
        kept = Attempt(GIVING, call.actor.session, body, call.now + LIFE)
        return {
            "kinds": kinds,
            "attempt": attempts.keep(db, giver.attempt_key, kept, call.now),
            "options": options,
        }

    return Answer(201, await call.town.store.write(work))


async def give(call: Call, module: Module) -> Answer:
    """Give one's second factor: the login is complete, and fresh for what is dangerous; its secret is another one."""
    giver = await _giver(call, module)

    def work(db: Connection) -> str | None:
        guarding.check(db, giver.tried, call.now)
        found = _given(db, giver, call.body)
        if found is None:
            times = guarding.failed(db, giver.tried, Who.STAFF, call.actor.id, "second-factor", call.now)
            if times >= guarding.MOST_OF_ACCOUNT:
                sessions.end(db, call.actor.session)
            return None
        factor, count = found
        factors.note_use(db, factor.id, count, call.now)
        guarding.succeeded(db, giver.tried)
        log.append(db, Entry("factor-given", _facts(call, factor)), call.now)
        return _complete(db, giver)

    secret = await call.town.store.write(work)
    if secret is None:
        raise wrong()
    return Answer(body={"token": secret})


async def remove(call: Call, module: Module) -> Answer:
    """Remove one of one's second factors, not the last; other logins end."""

    def work(db: Connection) -> None:
        if len(factors.of(db, call.actor.id)) == 1:
            raise Conflict("This is the last second factor: make another one first.")
        if not factors.remove(db, call.actor.id, call.path["id"]):
            raise ResourceNotFound("There is no such second factor (any more).")
        sessions.end_others(db, Who.STAFF, call.actor.id, call.actor.session)
        log.append(db, Entry("factor-removed", {"by": call.actor.id, "factor": call.path["id"]}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


async def allow(call: Call, module: Module) -> Answer:
    """Give a code with which a member of staff who has no second factor makes one, to be handed to them in person."""
    settings, id = module.settings, call.path["id"]
    code, until = await call.town.store.write(
        lambda db: enrol(db, id, settings, by=call.actor.id, now=call.now)
    )
    return Answer(201, {"enrolment": code, "until": clock.show(until)})


def enrol(db: Connection, id: str, settings: PersonalSettings, *, by: str, now: int) -> tuple[str, int]:
    """Keep a code for the first second factor of a member; gives it, and until when it is good."""
    member = staff.find(db, id)
    if member is None or not member.present(now):
        raise ResourceNotFound("There is no such member of staff (any more).")
    if member.id == by:
        raise NotPermitted("Nobody hands themselves a code: ask another administrator.")
    if factors.of(db, id):
        raise Conflict("This member has a second factor. If it is lost, propose to take it away.")
    code = base64.b32encode(secrets.token_bytes(15)).decode()
    until = now + settings.enrolment_days * 86_400 * clock.SECOND
    factors.allow(db, id, sessions.digest(code), by, now, until)
    log.append(db, Entry("enrolment-code", {"by": by, "member": id}), now)
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4)), until


def shown(factor: Factor) -> dict[str, Any]:
    """Show a second factor to whose it is."""
    used = {} if factor.used is None else {"used": clock.show(factor.used)}
    told = {"id": factor.id, "kind": factor.kind, "name": factor.name}
    return {**told, "added": clock.show(factor.added), **used}


def wrong() -> Problem:
    """Refuse a second factor, whatever is wrong about it."""
    return NotPermitted("This second factor is not accepted. Try again.")


def stale() -> Problem:
    """Refuse what was begun elsewhere, too long ago, or done already."""
    return InvalidRequest("This took too long, or was done already. Begin again.")


async def _giver(call: Call, module: Module) -> _Giver:
    tried = await guarding.attempted(call.town, f"factor/{call.actor.id}")
    place = passkeys.here(module.address())
    keys = await call.town.keys.named(KEY), await call.town.keys.named(attempts.KEY)
    return _Giver(call.town, call.actor, module.settings, place, call.now, tried, *keys)


def _member(call: Call) -> Member:
    member = call.town.store.read(lambda db: staff.find(db, call.actor.id))
    if member is None or not member.present(call.now):
        raise logging_in.unknown()
    return member


def _wish(
    giver: _Giver, kind: str, member: Member, known: list[Factor]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what is kept until the factor is made, and what its maker is told."""
    if kind == TOTP:
        secret = totp.new_secret()
        uri = totp.uri(secret, member.login, f"縁側 {giver.town.name}")
        kept = {"kind": kind, "secret": secret.hex()}
        return kept, {"secret": totp.shown(secret), "uri": uri, "picture": totp.picture(uri)}
    user = sessions.digest(f"{giver.town.id}/{member.id}")
    challenge, options = passkeys.asked_to_make(giver.place, member.login, user, known)
    return {"kind": kind, "challenge": passkeys.text_of(challenge)}, {"options": options}


def _made(giver: _Giver, kept: Mapping[str, Any], given: Mapping[str, Any]) -> Factor | None:
    """Give the factor that was made, if what was sent proves it."""
    id, name = fresh("f_"), _name(given.get("name", ""), kept["kind"])
    if kept["kind"] == TOTP:
        secret = bytes.fromhex(kept["secret"])
        step = totp.step_of(secret, given.get("code", ""), 0, giver.now)
        if step is None:
            return None
        return Factor(id, giver.actor.id, TOTP, name, None, giver.sealed(id, secret), step, giver.now)
    try:
        challenge = passkeys.challenge_of(kept["challenge"])
        made = passkeys.made(giver.place, challenge, given.get("credential", ""))
    except passkeys.NotProven:
        return None
    sealed = giver.sealed(id, made.key)
    return Factor(id, giver.actor.id, PASSKEY, name, made.credential, sealed, made.count, giver.now)


def _given(db: Connection, giver: _Giver, given: Mapping[str, Any]) -> tuple[Factor, int] | None:
    """Say which factor was given, with its new count; None if none was."""
    if "code" in given:
        for one in factors.of(db, giver.actor.id):
            if one.kind == TOTP:
                step = totp.step_of(giver.opened(one), given["code"], one.count, giver.now)
                if step is not None:
                    return one, step
        return None
    kept = attempts.take(db, giver.attempt_key, given["attempt"], GIVING, giver.actor.session, giver.now)
    if kept is None:
        raise stale()
    try:
        answer = given["credential"]
        found = factors.by_credential(db, passkeys.credential_of(answer))
        if found is None or found.staff != giver.actor.id:
            return None
        challenge = passkeys.challenge_of(kept["challenge"])
        return found, passkeys.used(giver.place, challenge, answer, giver.opened(found), found.count)
    except passkeys.NotProven:
        return None


def _complete(db: Connection, giver: _Giver) -> str:
    member = staff.find(db, giver.actor.id)
    if member is None or not member.present(giver.now):
        raise logging_in.unknown()
    return logging_in.surer(db, giver.actor.session, giver.now, member.roles)


def _facts(call: Call, factor: Factor) -> dict[str, Any]:
    return {"by": call.actor.id, "factor": factor.id, "kind": factor.kind}


def _name(text: str, kind: str) -> str:
    name = " ".join(text.split()) or kind
    if not name.isprintable():
        raise BadRequestData("The name of a second factor has letters only.")
    return name


def _plain(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum())
