"""Forms that came when their login had ended: sealed into the page that asks to log in, and shown again after it."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from base.errors import Problem
from personal.operations.actors import Who
from personal.pages.visitor import CSRF
from personal.rules.identifiers import framed
from personal.vault.envelope import KEY_BYTES, seal, unseal

Owner = tuple[str, Who, str]
"""Whose form it is: municipality, staff or resident, their id."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed in, for which address, in which login."""

    path: str
    fields: Mapping[str, str] = field(repr=False)
    session: bytes = field(repr=False)


class Kept:
    """Seals forms for whoever typed them in, as long as the process runs; opens them for nobody else."""

    def __init__(self) -> None:
        self._key = os.urandom(KEY_BYTES)

    def sealed(self, form: Form, owner: Owner) -> str:
        """Seal a form for its owner."""
        fields = {name: text for name, text in form.fields.items() if name != CSRF}
        told = orjson.dumps([form.path, fields, form.session.hex()])
        return base64.urlsafe_b64encode(seal(self._key, told, _bound(owner))).decode()

    def opened(self, text: str, owner: Owner) -> Form | None:
        """Open a form for its owner; None if it is somebody else's, or of another process."""
        try:
            told: Any = orjson.loads(unseal(self._key, base64.urlsafe_b64decode(text), _bound(owner)))
        except (Problem, ValueError):
            return None
        path, fields, session = told
        return Form(path, fields, bytes.fromhex(session))


def _bound(owner: Owner) -> bytes:
    return framed("form", *map(str, owner))
