"""Sharing codes as people read, say and type them: ten letters that are not mistaken for others, the first a check."""

import unicodedata
from collections.abc import Sequence
from typing import Final

from base.errors import BadRequestData

LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""A prime number of them, so that one wrong letter, or two that changed places, is always found."""
LENGTH: Final = 10
_PLACES: Final = {letter: place for place, letter in enumerate(LETTERS)}
_BASE: Final = len(LETTERS)


def spelled(places: Sequence[int]) -> str:
    """Spell a code of nine random places in the alphabet, with its check letter, in two groups."""
    check = -sum(weight * place for weight, place in enumerate(places, start=2)) % _BASE
    letters = LETTERS[check] + "".join(LETTERS[place] for place in places)
    return f"{letters[:5]}-{letters[5:]}"


def read(text: str) -> str:
    """Read a code as somebody typed it; BadRequestData if it cannot be one."""
    wide = unicodedata.normalize("NFKC", text).upper()
    letters = "".join(letter for letter in wide if letter.isalnum())
    known = len(letters) == LENGTH and all(letter in _PLACES for letter in letters)
    if not known or sum(weight * _PLACES[letter] for weight, letter in enumerate(letters, start=1)) % _BASE:
        raise BadRequestData("This is no sharing code: a letter is wrong or missing. Read it again.")
    return letters
