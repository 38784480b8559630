"""Logging in at an outside provider: begun by a browser, finished once by the same one. (OIDC Core 3.1, RFC 9700)"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import structlog

from base import clock
from base.database import Connection
from base.errors import InvalidRequest, NotPermitted, Problem, ServiceUnavailable
from base.oidc import authorization, id_tokens
from base.oidc.authorization import Wish
from base.oidc.faults import Fault, LoginFailed
from personal.login import oidc_claims, proofs
from personal.operations import logging_in
from personal.operations.actors import Actor, Who
from personal.operations.blinding import blinding
from personal.operations.call import Module
from personal.operations.logging_in import Login, unknown
from personal.operations.logins import resident_of
from personal.operations.tables import Way
from personal.operations.town import Town
from personal.providers import LoginProvider
from personal.rules import decisions, evidence
from personal.rules.levels import Level
from personal.rules.residents import IdentifierKind
from personal.store import attempts, identifiers, staff
from personal.store.attempts import Attempt
from personal.store.identifiers import Means

KIND: Final = "oidc"
REGISTER: Final = "register"
PATH: Final = "/login/oidc/"
CALLBACK: Final = "/login/oidc/callback/"
"""Each provider sends browsers back to an address of its own, below this. (RFC 9700 4.4.2)"""
LIFE: Final = 10 * 60 * clock.SECOND
_MOST_DIGITS: Final = 9
log = structlog.get_logger("engawa.personal")


@dataclass(frozen=True, slots=True)
class Aim:
    """Why somebody logs in at a provider. next: where to go on; anew: even if they are logged in there.

    age: how long ago they may have logged in there (s), if that matters;
    prepared: a decision that the login shall prove, as the session that began it (hash) prepared it.
    """

    next: str
    locales: str = ""
    anew: bool = False
    prepared: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    age: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """What is kept of a login under way; at: when the browser was sent to the provider (µs)."""

    provider: str
    aim: Aim
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    at: int = 0


@dataclass(frozen=True, slots=True)
class Entered:
    """A login that was accepted: the secret of the session, whose, where to go on."""

    secret: str = field(repr=False)
    who: Who
    next: str


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody whom nobody here knows proved who they are: the attempt under which they may register."""

    attempt: str = field(repr=False)
    next: str


@dataclass(frozen=True, slots=True)
class Proven:
    """A decision with the evidence that the provider gave for it."""

    prepared: str = field(repr=False)
    evidence: Mapping[str, Any] = field(repr=False)
    next: str


@dataclass(frozen=True, slots=True)
class Browser:
    """Who comes back: hash of the browser's cookie, its family, the session it has (hash), the desk it stands on."""

    binding: bytes = field(repr=False)
    agent: str = ""
    session: bytes = field(default=b"", repr=False)
    device: str = ""


def ways(module: Module, _: Town) -> list[Way]:
    """List the providers as ways to log in."""
    return [
        Way(
            f"oidc.{one.name}",
            one.label,
            PATH + one.name,
            one.surest,
            proves=bool(one.proving) and not one.staff,
            staff=one.staff,
        )
        for one in module.providers.listed
        if one.surest is not Level.NONE
    ]


def back(module: Module, provider: LoginProvider) -> str:
    """Give the address to which a provider sends browsers back."""
    return f"{module.address()}{CALLBACK}{provider.name}"


async def begin(
    module: Module, town: Town, provider: LoginProvider, aim: Aim, browser: Browser, now: int
) -> str:
    """Keep what a browser wants, and give the address at the provider where it goes now."""
    nonce = decisions.shown(_digest(town, aim.prepared)) if aim.prepared else authorization.secret()
    begun = Begun(provider.name, aim, nonce, authorization.secret(), now)
    key = await town.keys.named(attempts.KEY)
    kept = Attempt(KIND, browser.binding, asdict(begun), now + LIFE)
    id = await town.store.write(lambda db: attempts.keep(db, key, kept, now))
    try:
        return await provider.client.begin(
            _wish(provider, begun, f"{town.id}.{id}"), back(module, provider), now
        )
    except LoginFailed as failed:
        raise refused(provider.name, failed) from None


async def finish(
    module: Module,
    town: Town,
    provider: LoginProvider,
    answer: Sequence[tuple[str, str]],
    browser: Browser,
    now: int,
) -> Entered | Newcomer | Proven:
    """Finish what a browser began, with what it brings back from the provider."""
    state = dict(answer).get("state", "")
    key = await town.keys.named(attempts.KEY)
    id = state.removeprefix(f"{town.id}.")
    kept = await town.store.write(lambda db: attempts.take(db, key, id, KIND, browser.binding, now))
    if kept is None:
        raise stale()
    begun = Begun(**{**kept, "aim": Aim(**kept["aim"])})
    try:
        if begun.provider != provider.name:
            raise LoginFailed(Fault.MIXED_UP)
        wish = _wish(provider, begun, state)
        login = await provider.client.finish(answer, wish, back(module, provider), now)
        if begun.aim.prepared:
            return _proven(begun.aim, provider, login, browser)
        return await _enter(module, town, provider, begun.aim, login, browser, now)
    except LoginFailed as failed:
        raise refused(provider.name, failed) from None


def town_of(module: Module, answer: Sequence[tuple[str, str]]) -> Town:
    """Say which municipality an answer is for."""
    town = module.towns.get(dict(answer).get("state", "").partition(".")[0])
    if town is None:
        raise stale()
    return town


def aim_of(form: Mapping[str, str], next: str, locales: str, actor: Actor) -> Aim:
    """Read why somebody logs in from what a page sent; who is logged in already wants to be known more surely."""
    if not form.get("prepared"):
        age = form.get("age", "")
        longest = int(age) if age.isdecimal() and len(age) <= _MOST_DIGITS else None
        return Aim(next, locales, actor.who is not Who.NOBODY or longest == 0, age=longest)
    return Aim(next, locales, True, form["prepared"], _text(actor.session))


def stale() -> Problem:
    """Refuse an answer that belongs to no login under way in this browser."""
    return InvalidRequest(
        "This login is over: it took too long, was used already, or began in another browser. Begin again."
    )


def refused(provider: str, failed: LoginFailed) -> Problem:
    """Say to the reader what went wrong, and to the log which rule was broken; neither tells what was sent."""
    log.warning("login at a provider failed", provider=provider, fault=failed.fault)
    if failed.fault is Fault.DENIED:
        return NotPermitted("The provider says that the login was cancelled. Nobody was logged in.")
    if failed.fault is Fault.UNREACHABLE:
        return ServiceUnavailable(
            "The login provider does not answer now. Try again later, or log in another way."
        )
    if failed.fault is Fault.LOGIN_TIME:
        return NotPermitted(
            "The login provider did not have you log in there anew, or does not say when you did; that is needed here."
            " Nobody was logged in. Begin again, or log in another way."
        )
    return NotPermitted(
        "What the login provider answered is not accepted here. Nobody was logged in. Begin again; if it happens"
        " again, tell the municipality."
    )


async def _enter(
    module: Module,
    town: Town,
    provider: LoginProvider,
    aim: Aim,
    login: id_tokens.Login,
    browser: Browser,
    now: int,
) -> Entered | Newcomer:
    level = provider.level(login.acr)
    if level is Level.NONE:
        raise NotPermitted(
            "The login at the provider was not sure enough. Log in there with the card and its PIN."
        )
    outside = await logging_in.outside(town, login.issuer, login.sid, login.subject)
    name = evidence.login_of(login.issuer, login.subject)
    blind = await blinding(town)
    hash = blind.identifier(IdentifierKind.LOGIN, name)

    def entered(who: Who, actor: str, roles: tuple[str, ...] = ()) -> Login:
        method, at = f"oidc.{provider.name}", _moment(login)
        means = Means(IdentifierKind.LOGIN, hash, medium=provider.name) if who is Who.RESIDENT else None
        return Login(who, actor, level, method, roles, at, browser.device, outside, means)

    def work(db: Connection) -> str | None:
        if provider.staff:
            member = staff.by_login(db, name)
            if member is None:
                raise unknown()
            found = entered(Who.STAFF, member.id, member.roles)
        elif identifiers.holder(db, IdentifierKind.LOGIN, hash, cleared=True) is None:
            return None
        else:
            found = entered(Who.RESIDENT, resident_of(db, IdentifierKind.LOGIN, hash))
        settings = module.settings
        return logging_in.begin(db, found, settings, now, agent=browser.agent, replaces=browser.session)

    secret = await town.store.write(work)
    if secret is not None:
        return Entered(secret, Who.STAFF if provider.staff else Who.RESIDENT, aim.next)
    if provider.staff or level is not Level.CARD:
        raise unknown()
    return await _register(town, provider, aim, login, browser, now)


async def _register(
    town: Town, provider: LoginProvider, aim: Aim, login: id_tokens.Login, browser: Browser, now: int
) -> Newcomer:
    """Keep who proved who they are until they said that they want to be registered."""
    told = {**login.claims, **await provider.client.userinfo(login)}
    key = await town.keys.named(attempts.KEY)
    body = {
        "login": evidence.login_of(login.issuer, login.subject),
        "issuer": login.issuer,
        "subject": login.subject,
        "sid": login.sid,
        "method": f"oidc.{provider.name}",
        "medium": provider.name,
        "level": int(provider.level(login.acr)),
        "at": _moment(login),
        "basics": oidc_claims.basics(told),
        "next": aim.next,
    }
    kept = Attempt(REGISTER, browser.binding, body, now + LIFE)
    return Newcomer(await town.store.write(lambda db: attempts.keep(db, key, kept, now)), aim.next)


def _proven(aim: Aim, provider: LoginProvider, login: id_tokens.Login, browser: Browser) -> Proven:
    if aim.session != _text(browser.session) or not browser.session:
        raise NotPermitted("The login that began this decision is over: log in and decide again.")
    if login.acr not in provider.proving:
        raise NotPermitted(
            "The login at the provider was not sure enough. Log in there with the card and its PIN."
        )
    given = {"kind": str(evidence.EvidenceKind.TOKEN), "token": login.token}
    return Proven(aim.prepared, given, aim.next)


def _wish(provider: LoginProvider, begun: Begun, state: str) -> Wish:
    """Say what is asked of the provider; to prove a decision, or to be known more surely, one logs in there again."""
    proving = bool(begun.aim.prepared)
    ages = (0 if proving or begun.aim.anew else None, begun.aim.age, provider.max_age)
    return Wish(
        state,
        begun.nonce,
        begun.verifier,
        ("openid",) if proving else provider.scopes,
        provider.acr_values,
        longest=min((age for age in ages if age is not None), default=None),
        sent=begun.at / clock.SECOND if begun.at else None,
        prompt="login" if begun.aim.anew else "",
        locales=begun.aim.locales,
    )


def _digest(town: Town, prepared: str) -> bytes:
    """Give what evidence of a prepared decision signs."""
    return decisions.digest(proofs.opened(town, prepared)[0])


def _moment(login: id_tokens.Login) -> int:
    """Say when somebody logged in there (µs)."""
    return logging_in.UNKNOWN if login.at is None else login.at * clock.SECOND


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()
