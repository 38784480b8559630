"""How surely somebody is known, from a card that was held up to a card with its PIN. (personal-data.md 2.5)"""

from enum import IntEnum


class Level(IntEnum):
    """How surely we know who is logged in. (personal-data.md 2.5)"""

    NONE = 0
    CONTACTLESS = 1  # かざし: the card without its PIN
    CITY_CARD = 2  # the city's ID card and a second factor, or a provider's weaker login
    CARD = 3  # the card and its PIN: consent, export, guardianship
