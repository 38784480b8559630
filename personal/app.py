"""The table of operations of the personal-data module: what is served where, to whom, by which function."""

from typing import Final

from personal.operations import tokens
from personal.operations.actors import Who
from personal.operations.call import FORM, Operation

ANYBODY: Final = frozenset({Who.NOBODY})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("POST", "/token", tokens.issue_token, ANYBODY, schema=tokens.SCHEMA, media_type=FORM),
)
