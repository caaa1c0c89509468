"""The metrics of a worker, declared as data, and their sum over all workers.

Not here: who counts what (`counting`), gathering from all workers (`metrics_share`), HTTP (`web`). Each worker counts in
plain numbers of its own; `snapshot` gives its numbers as bytes, `exposition` adds the snapshots of all workers up and writes
Prometheus text. Invariants: label values come from closed sets (protocols, dispositions, our own domains), never from a
peer; at most `MAX_SERIES` series a metric; figures that somebody else counts anyway are read when a snapshot is taken.
"""

import enum
from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import accumulate

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.utils import floatToGoString

MAX_SERIES = 1000  # a label that grows beyond is a bug; further values count as "other"
OTHER = "other"

_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0)
_BYTES = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8)


class MetricKind(enum.Enum):
    """Counters only grow, gauges go up and down, histograms count observations by size."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True):
    """The declaration of one metric."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


CONNECTIONS = Metric(
    "postier_connections_total", MetricKind.COUNTER, "Connections accepted, by protocol.", ("protocol",)
)
CONNECTIONS_OPEN = Metric(
    "postier_connections_open", MetricKind.GAUGE, "Connections open now, by protocol.", ("protocol",)
)
CONNECTIONS_REFUSED = Metric(
    "postier_connections_refused_total",
    MetricKind.COUNTER,
    "Connections refused at once, by protocol and reason.",
    ("protocol", "reason"),
)
LOGINS = Metric(
    "postier_logins_total",
    MetricKind.COUNTER,
    "Attempts to log in, by protocol and result.",
    ("protocol", "result"),
)
MESSAGES_RECEIVED = Metric(
    "postier_messages_received_total",
    MetricKind.COUNTER,
    "Messages offered by other servers and clients, by protocol and result.",
    ("protocol", "result"),
)
MESSAGE_BYTES = Metric(
    "postier_message_bytes", MetricKind.HISTOGRAM, "Sizes of the messages accepted.", (), _BYTES
)
RECEIVE_SECONDS = Metric(
    "postier_receive_seconds",
    MetricKind.HISTOGRAM,
    "Time from the end of a message to its reply, by protocol.",
    ("protocol",),
    _SECONDS,
)
VERDICTS = Metric(
    "postier_verdicts_total", MetricKind.COUNTER, "Messages judged, by disposition.", ("disposition",)
)
DELIVERIES = Metric(
    "postier_deliveries_total",
    MetricKind.COUNTER,
    "Attempts to deliver to one recipient elsewhere, by result: delivered, deferred, failed (the sender gets a report).",
    ("result",),
)
FILTERED = Metric(
    "postier_filtered_messages_total",
    MetricKind.COUNTER,
    "Messages on which a recipient's Sieve script ran, by result: done, failed (kept), disabled (kept, and the script is off), refused.",
    ("result",),
)
UNSIGNED = Metric(
    "postier_unsigned_messages_total",
    MetricKind.COUNTER,
    "Messages that left a domain of ours without a DKIM signature, by domain: an alarm.",
    ("domain",),
)
QUEUE_RECIPIENTS = Metric(
    "postier_queue_recipients", MetricKind.GAUGE, "Recipients in the queue now, by state.", ("state",)
)
QUEUE_OLDEST = Metric(
    "postier_queue_oldest_seconds", MetricKind.GAUGE, "Age of the oldest message in the queue."
)
STORE_COMMITS = Metric("postier_store_commits_total", MetricKind.COUNTER, "Write transactions committed.")
DNS_QUESTIONS = Metric(
    "postier_dns_questions_total",
    MetricKind.COUNTER,
    "Questions to the DNS that no cache could answer, by result.",
    ("result",),
)
WORKER_FAULTS = Metric(
    "postier_faults_total",
    MetricKind.COUNTER,
    "Connections (by protocol) or deliveries ended by an error of ours, by place.",
    ("place",),
)

CATALOGUE: tuple[Metric, ...] = (
    CONNECTIONS,
    CONNECTIONS_OPEN,
    CONNECTIONS_REFUSED,
    LOGINS,
    MESSAGES_RECEIVED,
    MESSAGE_BYTES,
    RECEIVE_SECONDS,
    VERDICTS,
    DELIVERIES,
    FILTERED,
    UNSIGNED,
    QUEUE_RECIPIENTS,
    QUEUE_OLDEST,
    STORE_COMMITS,
    DNS_QUESTIONS,
    WORKER_FAULTS,
)


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number of a snapshot."""

    family: str
    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


class Metrics:
    """The metrics of one worker; calls cost less than a microsecond."""

    def __init__(self, catalogue: Iterable[Metric] = CATALOGUE) -> None:
        self.catalogue = tuple(catalogue)
        # by name, then by the values of the labels: a number; of a histogram, one a bucket, and the sum of the observations
        self._numbers: dict[str, dict[tuple[str, ...], float]] = {}
        self._buckets: dict[str, dict[tuple[str, ...], list[float]]] = {}
        self._told: dict[tuple[str, tuple[str, ...]], float] = {}
        self._sources: list[Callable[[Metrics], None]] = []
        for metric in self.catalogue:
            if metric.kind is MetricKind.HISTOGRAM:
                self._buckets[metric.name] = {} if metric.labels else {(): _no_observations(metric)}
            else:
                self._numbers[metric.name] = {} if metric.labels else {(): 0.0}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add to a counter, or to a gauge (`by` may be negative there)."""
        series = self._numbers[metric.name]
        if labels not in series:
            labels = _admitted(metric, labels, len(series))
        series[labels] = series.get(labels, 0.0) + by

    def on_snapshot(self, source: "Callable[[Metrics], None]") -> None:
        """Have `source` called before each snapshot, to bring in what is counted elsewhere."""
        self._sources.append(source)

    def total(self, metric: Metric, *labels: str, of: float) -> None:
        """Bring a counter to the total that somebody else has counted; the same counter is never counted up besides."""
        self.count(metric, *labels, by=max(0.0, of - self._told.get((metric.name, labels), 0.0)))
        self._told[metric.name, labels] = of

    def set(self, metric: Metric, *labels: str, to: float) -> None:
        """Set a gauge."""
        assert metric.kind is MetricKind.GAUGE
        series = self._numbers[metric.name]
        if labels not in series:
            labels = _admitted(metric, labels, len(series))
        series[labels] = to

    def observe(self, metric: Metric, *labels: str, value: float) -> None:
        """Put one observation into a histogram."""
        series = self._buckets[metric.name]
        observed = series.get(labels)
        if observed is None:
            labels = _admitted(metric, labels, len(series))
            observed = series.setdefault(labels, _no_observations(metric))
        observed[bisect_left(metric.buckets, value)] += 1
        observed[-1] += value

    def snapshot(self) -> bytes:
        """All numbers of this worker, for `exposition`."""
        for source in self._sources:
            source(self)
        samples: list[Sample] = []
        for metric in self.catalogue:
            for labels, number in self._numbers.get(metric.name, {}).items():
                samples.append(Sample(_family(metric), metric.name, _named(metric, labels), number))
            for labels, observed in self._buckets.get(metric.name, {}).items():
                samples += _histogram(metric, _named(metric, labels), observed)
        return msgspec.msgpack.encode(samples)


def _admitted(metric: Metric, labels: tuple[str, ...], known: int) -> tuple[str, ...]:
    """The labels of a new series, or those of the one that takes all the rest."""
    assert len(labels) == len(metric.labels)
    return (OTHER,) * len(labels) if known >= MAX_SERIES else labels


def _no_observations(metric: Metric) -> list[float]:
    return [0.0] * (len(metric.buckets) + 2)


def _family(metric: Metric) -> str:
    return metric.name.removesuffix("_total") if metric.kind is MetricKind.COUNTER else metric.name


def _named(metric: Metric, labels: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(zip(metric.labels, labels, strict=True)))


def _histogram(metric: Metric, labels: tuple[tuple[str, str], ...], observed: list[float]) -> list[Sample]:
    """Each bucket holds the observations of the smaller ones as well."""
    *counts, total = observed
    bounds = [*map(floatToGoString, metric.buckets), "+Inf"]
    buckets = [
        Sample(metric.name, f"{metric.name}_bucket", (*labels, ("le", bound)), number)
        for bound, number in zip(bounds, accumulate(counts), strict=True)
    ]
    return [
        *buckets,
        Sample(metric.name, f"{metric.name}_count", labels, sum(counts)),
        Sample(metric.name, f"{metric.name}_sum", labels, total),
    ]


def exposition(snapshots: Iterable[bytes], catalogue: Iterable[Metric] = CATALOGUE) -> bytes:
    """Prometheus text of the sum of all workers' snapshots; raises msgspec.MsgspecError on foreign bytes."""
    families: dict[str, Family] = {}
    for metric in catalogue:
        name = _family(metric)
        families[name] = Family(name, metric.help, metric.kind.value)
    sums: dict[tuple[str, str, tuple[tuple[str, str], ...]], float] = {}
    for snapshot in snapshots:
        for sample in msgspec.msgpack.decode(snapshot, type=list[Sample]):
            series = (sample.family, sample.name, sample.labels)
            sums[series] = sums.get(series, 0.0) + sample.value
    for (family, name, labels), value in sums.items():
        if family in families:
            families[family].add_sample(name, dict(labels), value)
    return generate_latest(_Collected(families.values()))


class _Collected(CollectorRegistry):
    """A registry that holds finished families."""

    def __init__(self, families: Iterable[Family]) -> None:
        super().__init__(auto_describe=False)
        self._families = tuple(families)

    def collect(self) -> Iterable[Family]:
        return self._families
