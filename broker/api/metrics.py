"""What the broker counts, for Prometheus. Labels come from the table of operations, never from a request."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from broker.operations.call import Operation

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The broker's numbers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "engawa_broker_requests", "Requests answered.", ["operation", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "engawa_broker_request_seconds",
            "Time to answer.",
            ["operation"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._known: dict[tuple[Operation | None, int], tuple[Counter, Histogram]] = {}

    def count(self, operation: Operation | None, status: int, seconds: float) -> None:
        """Count one answered request."""
        found = self._known.get((operation, status))
        if found is None:
            name = f"{operation.method} {operation.path}" if operation else "none"
            found = (self._requests.labels(name, str(status)), self._seconds.labels(name))
            self._known[operation, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        """Show a number that is read when asked for."""
        Gauge(name, help, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """Write all numbers in the exposition format."""
        return generate_latest(self.registry)
