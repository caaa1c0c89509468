"""Who in this process waits for wake-ups, and the wake-ups of one commit.

A wake-up says only *that* an account is now at a modseq or that a topic has work; what happened is read from the store.
A lost one costs nothing but time.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

K = TypeVar("K")
C = TypeVar("C")


class WakeUps(msgspec.Struct):
    """What a commit (or several) touched: the newest modseq by account, and topics."""

    accounts: dict[int, int] = msgspec.field(default_factory=dict)
    topics: set[str] = msgspec.field(default_factory=set)

    def add(self, other: "WakeUps") -> None:
        """Take in another's wake-ups (later modseqs win)."""
        self.accounts.update(other.accounts)
        self.topics |= other.topics

    def __bool__(self) -> bool:
        return bool(self.accounts or self.topics)


class Bus(Protocol):
    """Carries wake-ups to other processes; unreliable by contract."""

    def publish(self, wake_ups: WakeUps) -> None:
        """Send to every other process; never blocks, never raises."""
        ...

    def close(self) -> None:
        """Stop sending and hearing."""
        ...


class Watchers:
    """The callbacks of this process; belongs to one event loop."""

    def __init__(self) -> None:
        self._accounts: dict[int, set[Callable[[int], None]]] = {}
        self._topics: dict[str, set[Callable[[], None]]] = {}

    def watch(self, account_id: int, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call back with the modseq for each wake-up of the account; returns what ends the watch."""
        return _register(self._accounts, account_id, callback)

    def watch_topic(self, topic: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back for each wake-up of the topic; returns what ends the watch."""
        return _register(self._topics, topic, callback)

    def deliver(self, wake_ups: WakeUps) -> None:
        """Call everyone concerned."""
        for account_id, modseq in wake_ups.accounts.items():
            for callback in tuple(self._accounts.get(account_id, ())):
                callback(modseq)
        for topic in wake_ups.topics:
            for wake in tuple(self._topics.get(topic, ())):
                wake()


def _register(registry: dict[K, set[C]], key: K, callback: C) -> Callable[[], None]:
    registry.setdefault(key, set()).add(callback)

    def unwatch() -> None:
        callbacks = registry.get(key)
        if callbacks is not None:
            callbacks.discard(callback)
            if not callbacks:
                del registry[key]

    return unwatch
