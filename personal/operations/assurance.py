"""How sure a login has to be for what: deciding needs the card and its PIN, what lower levels see the city says."""

from typing import Final

from base import clock
from base.errors import NotPermitted
from personal.operations.actors import Actor, Who
from personal.operations.call import Operation
from personal.operations.logging_in import DEMO
from personal.rules.levels import Level
from personal.settings import PersonalSettings

CARD_AND_PIN: Final = "card-pin"
FACTOR: Final = "factor"
LOGIN: Final = "login"
"""What a refusal names that a surer login, the second factor once more, or a new login would do away with."""


def least(operation: Operation, settings: PersonalSettings) -> Level:
    """Say the lowest level at which a resident may do an operation."""
    if operation.method != "GET" or not operation.reads:
        return operation.level
    if operation.reads in settings.level_1_reads:
        return min(operation.level, Level.CONTACTLESS)
    if operation.reads in settings.level_2_reads:
        return min(operation.level, Level.CITY_CARD)
    return operation.level


def admit(operation: Operation, actor: Actor, settings: PersonalSettings, now: int) -> None:
    """Refuse who may not do an operation."""
    if Who.NOBODY in operation.who:
        return
    if actor.who not in operation.who:
        raise NotPermitted("This is not for the one who asks.")
    if actor.who is Who.STAFF and operation.roles and not operation.roles & actor.roles:
        raise NotPermitted(f"This needs one of the roles {', '.join(sorted(operation.roles))}.")
    if actor.who is Who.RESIDENT and actor.level < least(operation, settings):
        raise NotPermitted("This needs a login with the card and its PIN.", needs=CARD_AND_PIN)
    if actor.who is Who.STAFF and operation.fresh and not fresh(actor, settings, now):
        if settings.staff_second_factor:
            raise NotPermitted("This needs your second factor again.", needs=FACTOR)
        raise NotPermitted("This needs a new login.", needs=LOGIN)


def needs_card(actor: Actor) -> None:
    """Refuse a resident who decides something without the card and its PIN; refusing and withdrawing need less."""
    if actor.who is Who.RESIDENT and actor.level < Level.CARD:
        raise NotPermitted("This needs a login with the card and its PIN.", needs=CARD_AND_PIN)


def fresh(actor: Actor, settings: PersonalSettings, now: int) -> bool:
    """Say whether a member of staff gave their second factor lately; demonstrations ask for none.

    Where that is the provider's matter they have to have logged in there lately, as far as it says.
    """
    if actor.method == DEMO:
        return True
    last = actor.factor if settings.staff_second_factor else actor.proven
    return now - last <= int(settings.factor_minutes * 60 * clock.SECOND)
