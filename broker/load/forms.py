"""The published forms we read, recognised by their header."""

import re
from collections.abc import Sequence

from broker.load import gsi, sheet03
from broker.load.entities import Form
from broker.load.values import plain

_BLANKS = re.compile(r"\s+")


def recognise(header: Sequence[str]) -> Form | None:
    """Find the form a header belongs to."""
    columns = {_heading(name): place for place, name in reversed(list(enumerate(header)))}
    return gsi.recognise(columns) or sheet03.recognise(columns)


def _heading(name: str) -> str:
    return _BLANKS.sub("", plain(name.lstrip("\ufeff")))
