"""How subscriptions are named in the store and in their messages: by id, unless they are about registrations. (5.11)"""

from typing import Final

from broker.notify.subscription import REGISTRATIONS

_PREFIX: Final = "csource "  # no URI begins so: a subscription to entities may have the same id


def is_about_registrations(key: str) -> bool:
    """Say whether a key names a subscription to registrations."""
    return key.startswith(_PREFIX)


def plain(key: str) -> str:
    """Give the id of a subscription to registrations."""
    return key.removeprefix(_PREFIX)


def key_of(id: str, about: str) -> str:
    """Name a subscription by its id and what it is about."""
    return _PREFIX + id if about == REGISTRATIONS else id
