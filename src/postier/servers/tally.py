"""What the listeners want counted; the application binds its metrics (`app.counting`).

Not here: letters and deliveries beyond the dialogue, which the transfer agent counts (`mta.tally`). Invariant: a call never raises
and costs a microsecond or two.
"""

from typing import Protocol


class Tally(Protocol):
    """Whoever counts; `protocol` is the listener's."""

    def opened(self, protocol: str) -> None:
        """A connection was accepted."""
        ...

    def closed(self, protocol: str) -> None:
        """It has ended."""
        ...

    def turned_away(self, protocol: str, reason: str) -> None:
        """A connection was refused at once: too many in `total`, or of one `network`."""
        ...

    def failed(self, place: str) -> None:
        """A fault of ours ended a connection."""
        ...

    def login(self, protocol: str, result: str) -> None:
        """Somebody tried to log in."""
        ...

    def letter(self, protocol: str, result: str, size_bytes: int, seconds: float) -> None:
        """A letter was offered in full and answered: accepted, deferred or refused."""
        ...


class _NoTally:
    """Counts nothing."""

    def opened(self, protocol: str) -> None:
        """See `Tally`."""

    def closed(self, protocol: str) -> None:
        """See `Tally`."""

    def turned_away(self, protocol: str, reason: str) -> None:
        """See `Tally`."""

    def failed(self, place: str) -> None:
        """See `Tally`."""

    def login(self, protocol: str, result: str) -> None:
        """See `Tally`."""

    def letter(self, protocol: str, result: str, size_bytes: int, seconds: float) -> None:
        """See `Tally`."""


NO_TALLY: Tally = _NoTally()
