"""What happens, counted in the metrics: the tallies of the listeners and of the transfer agent.

Not here: the declarations (`metrics`). Invariant: nothing is counted but what these calls say, so no hot path does more than add.
"""

from postier.app import metrics
from postier.app.metrics import Metrics
from postier.dns.resolver import Resolver
from postier.store.transaction import Store


class Counting:
    """`servers.tally.Tally` and `mta.tally.Tally` of one worker."""

    def __init__(self, counted: Metrics) -> None:
        self._metrics = counted

    def opened(self, protocol: str) -> None:
        """A connection was accepted."""
        self._metrics.count(metrics.CONNECTIONS, protocol)
        self._metrics.count(metrics.CONNECTIONS_OPEN, protocol)

    def closed(self, protocol: str) -> None:
        """It has ended."""
        self._metrics.count(metrics.CONNECTIONS_OPEN, protocol, by=-1)

    def turned_away(self, protocol: str, reason: str) -> None:
        """A connection was refused at once."""
        self._metrics.count(metrics.CONNECTIONS_REFUSED, protocol, reason)

    def failed(self, place: str) -> None:
        """A fault of ours."""
        self._metrics.count(metrics.WORKER_FAULTS, place)

    def login(self, protocol: str, result: str) -> None:
        """Somebody tried to log in."""
        self._metrics.count(metrics.LOGINS, protocol, result)

    def letter(self, protocol: str, result: str, size_bytes: int, seconds: float) -> None:
        """A letter was answered."""
        self._metrics.count(metrics.MESSAGES_RECEIVED, protocol, result)
        self._metrics.observe(metrics.RECEIVE_SECONDS, protocol, value=seconds)
        if result == "accepted":
            self._metrics.observe(metrics.MESSAGE_BYTES, value=size_bytes)

    def judged(self, disposition: str) -> None:
        """A letter got its verdict."""
        self._metrics.count(metrics.VERDICTS, disposition)

    def tried(self, outcome: str) -> None:
        """A recipient elsewhere was tried."""
        self._metrics.count(metrics.DELIVERIES, outcome)

    def filtered(self, result: str) -> None:
        """A script ran."""
        self._metrics.count(metrics.FILTERED, result)

    def unsigned(self, domain: str) -> None:
        """A letter leaves without a signature."""
        self._metrics.count(metrics.UNSIGNED, domain)


def read_along(counted: Metrics, store: Store, resolver: Resolver) -> None:
    """Bring in what store and resolver count by themselves, whenever a snapshot is taken."""

    def read(target: Metrics) -> None:
        target.total(metrics.STORE_COMMITS, of=store.commits)
        for status, number in resolver.asked.items():
            target.total(metrics.DNS_QUESTIONS, status.value, of=number)

    counted.on_snapshot(read)
