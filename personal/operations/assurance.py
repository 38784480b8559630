"""How sure a login has to be for what: deciding needs the card and its PIN, what lower levels see the city says."""

from typing import Final

from base.errors import NotPermitted
from personal.operations.actors import Actor, Level, Who
from personal.operations.call import Operation
from personal.settings import PersonalSettings

CARD_AND_PIN: Final = "card-pin"
"""What a refusal names that a surer login would do away with."""


def least(operation: Operation, settings: PersonalSettings) -> Level:
    """Say the lowest level at which a resident may do an operation."""
    if operation.method != "GET" or not operation.reads:
        return operation.level
    if operation.reads in settings.level_1_reads:
        return min(operation.level, Level.CONTACTLESS)
    if operation.reads in settings.level_2_reads:
        return min(operation.level, Level.CITY_CARD)
    return operation.level


def admit(operation: Operation, actor: Actor, settings: PersonalSettings) -> None:
    """Refuse who may not do an operation."""
    if Who.NOBODY in operation.who:
        return
    if actor.who not in operation.who:
        raise NotPermitted("This is not for the one who asks.")
    if actor.who is Who.STAFF and operation.roles and not operation.roles & actor.roles:
        raise NotPermitted(f"This needs one of the roles {', '.join(sorted(operation.roles))}.")
    if actor.who is Who.RESIDENT and actor.level < least(operation, settings):
        raise NotPermitted("This needs a login with the card and its PIN.", needs=CARD_AND_PIN)
