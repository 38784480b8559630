"""Keyed hashes of what residents are found by: made here, so that the database never holds the words themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from personal.operations.town import Town
from personal.rules.identifiers import blind, framed
from personal.rules.residents import Field, IdentifierKind, search_term, search_terms

NAMING: Final = "basic-four"
"""The item whose reading and birth date residents are searched by."""


@dataclass(frozen=True, slots=True)
class Blinding:
    """The two keys of a municipality for it."""

    identifying: bytes = field(repr=False)
    searching: bytes = field(repr=False)

    def identifier(self, kind: IdentifierKind, text: str) -> bytes:
        """Hash a municipal id or the subject of a login."""
        return blind(self.identifying, kind, text)

    def card(self, issuer: str, serial: str) -> bytes:
        """Hash what a card is known by: its issuer and its serial number there."""
        return blind(self.identifying, IdentifierKind.CARD, framed(issuer, serial).hex())

    def terms(self, readings: Sequence[str], birth_date: str) -> list[tuple[str, bytes]]:
        """Hash all terms by which somebody is searched."""
        return [
            (term, blind(self.searching, term, text))
            for term, text in sorted(search_terms(tuple(readings), birth_date))
        ]

    def terms_of(self, code: str, value: Any) -> list[tuple[str, bytes]] | None:
        """Hash the terms by which a resident is searched after an item was written; None if that changes nothing."""
        if code != NAMING or "nameKana" not in value:
            return None
        return self.terms((value["nameKana"],), value["birthDate"])

    def term(self, reading: str, birth_date: str) -> tuple[Field, bytes]:
        """Hash the term that finds most precisely."""
        term, text = search_term(reading, birth_date)
        return term, blind(self.searching, term, text)


async def blinding(town: Town) -> Blinding:
    """Give the keys of a municipality, made at the first time."""
    return Blinding(await town.keys.named("identifier"), await town.keys.named("search"))
