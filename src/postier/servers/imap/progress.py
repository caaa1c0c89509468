"""INPROGRESS: a client that waits for a long command is told that it is worked on.

Source: RFC 9585 §4. Invariant: the line goes out between whole lines: it is sent while the command waits for something, and
what waits there has sent only whole lines.
"""

import asyncio

from postier.imap.responses import in_progress, untagged_ok
from postier.servers.imap.connection import Connection

TELL_S = 10.0


class Progress:
    """`with Progress(connection, tag):` around one command."""

    __slots__ = ("_connection", "_tag", "_timer")

    def __init__(self, connection: Connection, tag: bytes) -> None:
        self._connection = connection
        self._tag = tag
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._connection.progress = None
        self._wait()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TELL_S, self._tell)

    def _tell(self) -> None:
        done, goal = self._connection.progress or (None, None)
        text = "Still working on this" if done is None else f"{done} of {goal} are done"
        self._connection.send(untagged_ok(text, in_progress(self._tag, done, goal)))
        self._connection.write_out()
        self._wait()
