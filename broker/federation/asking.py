"""What context sources are asked, and what came of it; free of HTTP. (4.3.6)"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from base.access import ANONYMOUS, Caller
from base.errors import Problem
from base.jsonld import Context
from broker.access.rights import Rights
from broker.federation.memory import Holder
from broker.language.sources import Source

INVALID: Final = 111
"""An answer came that is no NGSI-LD. (Table 6.3.17-1)"""
NO_RESPONSE: Final = 199
"""No answer came, or the request would go round in a loop. (Table 6.3.17-1)"""
ERROR_RESPONSE: Final = 299
"""An error was answered. (Table 6.3.17-1)"""


@dataclass(frozen=True, slots=True)
class Asking:
    """The request that makes us ask others: its tenant, words, headers, and the brokers it came through. (4.3.6.4)"""

    tenant: str
    context: Context
    now: int
    via: tuple[str, ...] = ()  # pseudonyms, the first broker first
    headers: Mapping[str, str] = field(default_factory=dict)  # as received, by name in any case
    origin: str = ""  # scheme://host:port under which its sender reached us
    caller: Caller = ANONYMOUS
    rights: Rights | None = None  # what the caller may write; None: everything
    holder: Holder | None = (
        None  # holds the memory of all answers; None: each is let go as soon as it is read
    )


@dataclass(frozen=True, slots=True)
class Request:
    """What one source is asked: a path below /ngsi-ld/v1; names in parameters and body are terms of `context`."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None  # JSON without @context; None: there is none
    merge_patch: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)  # beside those that every request has


@dataclass(frozen=True, slots=True)
class Directed:
    """A request and the source it goes to; `began` (µs): when the first of those did that share its time."""

    source: Source
    request: Request
    began: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a source gave no usable answer: as a problem of this request, and as an NGSILD-Warning. (6.3.17)"""

    problem: Problem
    code: int  # 111, 199 or 299
    blameless: bool = False  # whether it says nothing about the source: it was not asked

    @property
    def silent(self) -> bool:
        """Say whether no answer came, so that none will come to a further request of the same question."""
        return self.code == NO_RESPONSE and not self.blameless

    def warning(self, source: Source) -> str:
        """Write the warning; it names the source, by its alias or its registration."""
        agent = source.body.get("contextSourceAlias") or source.id
        said = self.problem.detail.encode("ascii", "replace").decode()
        text = "".join(sign for sign in said.replace('"', "'") if sign.isprintable() and sign != "\\")
        return f'{self.code} {agent} "{text}"'


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of asking one source; `status` 0: no answer came. `stale`: from what was kept of an earlier one.

    `weight`: about how many bytes of memory its data take."""

    source: Source
    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None
    stale: bool = False
    weight: int = 0
