"""What ends a case before its story does: a demand not met, or nothing to judge."""

from conformance.exchange import Exchange


class Failure(AssertionError):
    """The broker did not do what is demanded."""

    def __init__(self, demanded: str, seen: str, exchange: Exchange | None = None) -> None:
        super().__init__(f"demanded: {demanded}; seen: {seen}")
        self.demanded = demanded
        self.seen = seen
        self.exchange = exchange


class NotApplicable(Exception):
    """The case cannot be judged here, for a reason that is not the broker's fault."""
