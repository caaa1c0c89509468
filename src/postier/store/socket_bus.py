"""Wake-ups between the processes on one machine, by datagrams on Unix sockets in one folder.

Every process binds a socket of its own there and sends to all others. A datagram that can't be delivered at once is
dropped (see `watchers`).
"""

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from postier.store.watchers import WakeUps

ACCOUNTS_PER_DATAGRAM = 2_000
MAX_DATAGRAM_BYTES = 65_536
SETTLED_NS = 100_000_000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(WakeUps).decode


class SocketBus:
    """The bus of one process; belongs to the running event loop."""

    def __init__(self, folder: Path, deliver: Callable[[WakeUps], None]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._deliver = deliver
        # Paths below the descriptor of the folder: a socket's path may have 107 octets only, a folder's more.
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}.bus"
        self._peers: list[str] = []
        self._peers_seen_at = -1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(self._path(self._name))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._hear)

    def publish(self, wake_ups: WakeUps) -> None:
        """Send to every other process that listens now."""
        peers = self._current_peers()
        if not peers:
            return
        accounts = list(wake_ups.accounts.items())
        topics = wake_ups.topics
        while accounts or topics:
            datagram = _encode(WakeUps(dict(accounts[:ACCOUNTS_PER_DATAGRAM]), topics))
            for peer in peers:
                try:
                    self._socket.sendto(datagram, self._path(peer))
                except (ConnectionRefusedError, FileNotFoundError):  # that process is gone without a goodbye
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(peer, dir_fd=self._folder)
                except OSError:  # its buffer is full: it has wake-ups enough
                    continue
            accounts, topics = accounts[ACCOUNTS_PER_DATAGRAM:], set()

    def close(self) -> None:
        """Unbind; other processes stop sending when the folder changes."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                datagram = self._socket.recv(MAX_DATAGRAM_BYTES)
                with contextlib.suppress(msgspec.DecodeError):  # a newer release's words, during an upgrade
                    self._deliver(_decode(datagram))

    def _current_peers(self) -> list[str]:
        changed_at = os.fstat(self._folder).st_mtime_ns
        if changed_at != self._peers_seen_at:
            names = os.listdir(self._folder)  # noqa: PTH208 (pathlib can't list a descriptor)
            self._peers = [name for name in names if name.endswith(".bus") and name != self._name]
            # File systems count time in ticks of milliseconds: who came later in the same tick is not seen yet.
            is_settled = time.time_ns() - changed_at > SETTLED_NS
            self._peers_seen_at = changed_at if is_settled else -1
        return self._peers

    def _path(self, name: str) -> str:
        return f"/proc/self/fd/{self._folder}/{name}"
