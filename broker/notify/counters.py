"""What delivery counts for each subscription: notifications once, what became of them at each attempt. (5.2.14.2)"""

from typing import Any

Counters = dict[str, Any]


def after_success(counters: Counters, at: int, *, first: bool) -> Counters:
    """Count an attempt that was answered with success. (5.8.6)"""
    return _sent(counters, at, first) | {"lastSuccess": at, "status": "ok"}


def after_failure(counters: Counters, at: int, *, first: bool) -> Counters:
    """Count an attempt that was refused or not answered. (5.8.6)"""
    failed = counters.get("timesFailed", 0) + 1
    return _sent(counters, at, first) | {"timesFailed": failed, "lastFailure": at, "status": "failed"}


def _sent(counters: Counters, at: int, first: bool) -> Counters:
    """A notification tried again is still the same notification."""
    if not first:
        return counters
    return counters | {"timesSent": counters.get("timesSent", 0) + 1, "lastNotification": at}
