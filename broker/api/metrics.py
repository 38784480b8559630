"""What the broker counts, for Prometheus. Labels come from the table of operations, never from a request."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from broker.federation.figures import BOUNDS
from broker.federation.figures import Figures as SourceFigures
from broker.notify.notifier import Figures
from broker.operations.call import Operation

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Series:
    """Requests of one operation: by status, and how long they took."""

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0


class Metrics(Collector):
    """The broker's numbers; counted as plain integers, since every request pays for it, and shown when asked for."""

    def __init__(
        self, notifications: Callable[[], Figures] | None = None, sources: SourceFigures | None = None
    ) -> None:
        self._read_notifications = notifications
        self._sources = sources
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._series: dict[Operation | None, _Series] = {}

    def count(self, operation: Operation | None, status: int, seconds: float) -> None:
        """Count one answered request."""
        series = self._series.get(operation)
        if series is None:
            series = self._series[operation] = _Series()
        series.statuses[status] = series.statuses.get(status, 0) + 1
        series.buckets[bisect_left(BUCKETS, seconds)] += 1
        series.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """Give the numbers of requests, as the registry wants them."""
        requests = CounterMetricFamily(
            "engawa_broker_requests", "Requests answered.", labels=["operation", "status"]
        )
        seconds = HistogramMetricFamily(
            "engawa_broker_request_seconds", "Time to answer.", labels=["operation"]
        )
        for operation, series in self._series.items():
            name = f"{operation.method} {operation.path}" if operation else "none"
            for status, number in series.statuses.items():
                requests.add_metric([name, str(status)], number)
            seconds.add_metric([name], _buckets(BUCKETS, series.buckets), series.seconds)
        yield requests
        yield seconds
        yield from self._notifications()
        yield from self._asked_of_sources()

    def _asked_of_sources(self) -> Iterator[Metric]:
        """Give the numbers of requests to context sources. (4.3.6)"""
        figures = self._sources
        if figures is None:
            return
        requests = CounterMetricFamily(
            "engawa_broker_sources_requests", "Requests to context sources.", labels=["outcome"]
        )
        for outcome, number in figures.outcomes.items():
            requests.add_metric([outcome], number)
        yield requests
        seconds = HistogramMetricFamily(
            "engawa_broker_sources_seconds", "Time context sources took to answer."
        )
        seconds.add_metric([], _buckets(BOUNDS, figures.buckets), figures.seconds)
        yield seconds

    def _notifications(self) -> Iterator[Metric]:
        if self._read_notifications is None:
            return
        figures = self._read_notifications()
        for state, number, help in (
            ("waiting", figures.waiting, "Notifications that wait for delivery."),
            ("dead", figures.dead, "Notifications given up; engawa outbox lists them."),
        ):
            yield GaugeMetricFamily(f"engawa_broker_notifications_{state}", help, number)
        attempts = CounterMetricFamily(
            "engawa_broker_notification_attempts", "Attempts to notify.", labels=["outcome"]
        )
        attempts.add_metric(["delivered"], figures.delivered)
        attempts.add_metric(["failed"], figures.failed)
        yield attempts

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        """Show a number that is read when asked for."""
        Gauge(name, help, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        """Write all numbers in the exposition format."""
        return generate_latest(self._registry)


def _buckets(bounds: Sequence[float], numbers: Sequence[int]) -> list[tuple[str, float]]:
    """Add the numbers of buckets up, each with its upper bound."""
    names = [*map(str, bounds), "+Inf"]
    return list(zip(names, map(float, accumulate(numbers)), strict=True))
