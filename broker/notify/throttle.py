"""The least time between two notifications of a subscription; changes in between are not told. (5.2.12)"""

from broker.notify.interest import Interest


class Throttle:
    """When each subscription was notified last, by the time of the change (µs)."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def admits(self, interest: Interest, at: int) -> bool:
        """Say whether a notification may be made now, and remember it if so."""
        if not interest.throttling:
            return True
        if at - self._last.get(interest.id, 0) < interest.throttling:
            return False
        self._last[interest.id] = at
        return True

    def note(self, id: str, at: int) -> None:
        """Learn of a notification that an earlier run made."""
        self._last[id] = max(self._last.get(id, 0), at)

    def forget(self, id: str) -> None:
        """Forget a subscription that is gone."""
        self._last.pop(id, None)
