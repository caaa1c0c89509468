"""What the transfer agent wants counted; the application binds its metrics (`app.counting`).

Not here: connections and logins, which the listeners count (`servers.tally`). Invariant: a call never raises and costs a
microsecond or two.
"""

from typing import Protocol

from postier.tls.policy import TlsPolicy, TlsResult


class Tally(Protocol):
    """Whoever counts."""

    def judged(self, disposition: str) -> None:
        """A letter from outside got its verdict."""
        ...

    def tried(self, outcome: str) -> None:
        """A recipient elsewhere was tried: delivered, deferred or failed."""
        ...

    def unsigned(self, domain: str) -> None:
        """A letter of one of our domains leaves without a signature."""
        ...

    def filtered(self, result: str) -> None:
        """A recipient's script ran on a letter: done, failed, disabled or refused."""
        ...

    def failed(self, place: str) -> None:
        """A fault of ours ended something."""
        ...


class TlsObserver(Protocol):
    """Whoever wants to know how TLS fared with a destination."""

    def saw(
        self,
        domain: str,
        policy: TlsPolicy | None,
        host: str,
        address: str,
        result: TlsResult | None,
        why: str,
    ) -> None:
        """A session was secured under the policy (`result` None) or failed; `policy` None: none could be found."""
        ...


class _NoTally:
    """Counts nothing."""

    def judged(self, disposition: str) -> None:
        """See `Tally`."""

    def tried(self, outcome: str) -> None:
        """See `Tally`."""

    def unsigned(self, domain: str) -> None:
        """See `Tally`."""

    def filtered(self, result: str) -> None:
        """See `Tally`."""

    def failed(self, place: str) -> None:
        """See `Tally`."""


NO_TALLY: Tally = _NoTally()
