"""Where things are put back, and with which right."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """Where to put things, with which right: `replace` what differs; `write` or only look."""

    tenant: str
    origin: str
    replace: bool
    write: bool
