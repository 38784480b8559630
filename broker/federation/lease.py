"""How long a copy of a subscription stands at a source: it is renewed in time, or ends by itself. Pure. (5.8.1.4)"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from base import clock
from broker.federation.passed import Passed

_RENEWED = 2  # when no more than this part of the time is left


@dataclass(frozen=True, slots=True)
class Lease:
    """The time (µs) after which a copy ends unless it is renewed; 0: it ends with its subscription only."""

    time: int

    def until(self, wanted: Mapping[str, Any], now: int) -> int | None:
        """Say when a copy that is sent now ends, if its subscription does not end before."""
        end, own = now + self.time, _own(wanted)
        return None if not self.time or (own is not None and own <= end) else end

    def is_due(self, passed: Passed, now: int) -> bool:
        """Say whether a copy that stands at a source is to be renewed."""
        if passed.wanted is None or passed.sent is None:
            return False
        own = _own(passed.wanted)
        if own is not None and own <= now:
            return False
        if passed.until is None:
            return self.until(passed.wanted, now) is not None
        return not self.time or passed.until - now <= self.time // _RENEWED

    def is_over(self, passed: Passed, now: int) -> bool:
        """Say whether a copy has ended before it was renewed."""
        return passed.until is not None and passed.until <= now and self.is_due(passed, now)


def _own(wanted: Mapping[str, Any]) -> int | None:
    return clock.parse(wanted["expiresAt"]) if "expiresAt" in wanted else None


def dated(wanted: Mapping[str, Any], until: int | None) -> dict[str, Any]:
    """Write a copy with the end of its lease. (5.2.12)"""
    return dict(wanted) if until is None else {**wanted, "expiresAt": clock.show(until)}
