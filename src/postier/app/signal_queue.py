"""Signals as readable events for a process without an event loop.

Source: the wake-up descriptor of Python's signal module: each signal becomes one byte in a socket that selectors can
wait for. Invariants: no signal between `__enter__` and `__exit__` is lost; the old handlers come back.
"""

import signal
import socket
from collections.abc import Iterable
from types import FrameType, TracebackType
from typing import Self


class SignalQueue:
    """The signals that came, in order; selectable while open."""

    def __init__(self, signals: Iterable[signal.Signals]) -> None:
        self._signals = tuple(signals)
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def __enter__(self) -> Self:
        self._old_wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, _noted) for number in self._signals}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._close()

    def fileno(self) -> int:
        """For selectors."""
        return self._reader.fileno()

    def take(self) -> list[signal.Signals]:
        """Those that came since the last call."""
        try:
            return [signal.Signals(number) for number in self._reader.recv(4096)]
        except BlockingIOError:
            return []

    def forget(self) -> None:
        """In a child after fork: leave all signals at their default, without touching the parent's."""
        signal.set_wakeup_fd(-1)
        for number in self._signals:
            signal.signal(number, signal.SIG_DFL)
        self._close()

    def _close(self) -> None:
        self._reader.close()
        self._writer.close()


def _noted(number: int, frame: FrameType | None) -> None:
    """The wake-up descriptor has it already; without a handler the default action would be taken."""
