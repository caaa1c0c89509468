"""Wake-ups between the processes on one machine, by datagrams on Unix sockets in one folder.

Every process binds a socket of its own there and sends to all others. A queue holds ten datagrams on most systems: what a busy
process can't take yet is kept, all of it as one, and sent a moment later. Who is gone is forgotten.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from postier.store.watchers import WakeUps

ACCOUNTS_PER_DATAGRAM = 2_000
MAX_DATAGRAM_BYTES = 65_536
SETTLED_NS = 100_000_000
RETRY_S = 0.02  # until a full queue is tried again

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
        self._waiting: dict[str, WakeUps] = {}  # by peer
        self._retry: asyncio.TimerHandle | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(self._path(self._name))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._hear)

    def publish(self, wake_ups: WakeUps) -> None:
        """Send to every other process that listens now."""
        peers = self._current_peers()
        if not peers:
            return
        datagrams = _datagrams(wake_ups)
        for peer in peers:
            if peer in self._waiting or not self._send(peer, datagrams):
                self._keep(peer, wake_ups)

    def close(self) -> None:
        """Unbind; other processes stop sending when the folder changes."""
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)

    def _send(self, peer: str, datagrams: Sequence[bytes]) -> bool:
        """Whether the peer has them, or is gone."""
        try:
            for datagram in datagrams:
                self._socket.sendto(datagram, self._path(peer))
        except BlockingIOError:
            return False
        except (ConnectionRefusedError, FileNotFoundError):  # that process is gone without a goodbye
            with contextlib.suppress(FileNotFoundError):
                os.unlink(peer, dir_fd=self._folder)
        except OSError:  # it can't be told; it looks by itself now and then
            pass
        return True

    def _keep(self, peer: str, wake_ups: WakeUps) -> None:
        self._waiting.setdefault(peer, WakeUps()).add(wake_ups)
        if self._retry is None:
            self._retry = self._loop.call_later(RETRY_S, self._send_again)

    def _send_again(self) -> None:
        waiting, self._waiting, self._retry = self._waiting, {}, None
        for peer, wake_ups in waiting.items():
            if not self._send(peer, _datagrams(wake_ups)):
                self._keep(peer, wake_ups)

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


def _datagrams(wake_ups: WakeUps) -> list[bytes]:
    accounts, topics = list(wake_ups.accounts.items()), wake_ups.topics
    datagrams = []
    while accounts or topics:
        datagrams.append(_encode(WakeUps(dict(accounts[:ACCOUNTS_PER_DATAGRAM]), topics)))
        accounts, topics = accounts[ACCOUNTS_PER_DATAGRAM:], set()
    return datagrams
