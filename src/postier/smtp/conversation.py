"""Commands said and replies awaited on the client's side, matched by counting.

Not here: which commands (`dialogue`, `delivery`). Sources: RFC 5321 §4.2, RFC 2920 §3.1. Invariants: a reply belongs to
the oldest command without one; a command never carries CR, LF or NUL; without PIPELINING a command of the script is
said only when the one before it is answered.
"""

from collections import deque
from collections.abc import Callable

from postier.smtp.client_events import Awaiting, DialogueEvent
from postier.smtp.replies import Reply, ReplyReader

Answer = Callable[[Reply], None]


class Conversation:
    """The queues between a dialogue and its connection."""

    def __init__(self) -> None:
        self.reader = ReplyReader()
        self.out: list[bytes] = []
        self.events: deque[DialogueEvent] = deque()
        self.expected: deque[tuple[Awaiting, Answer]] = deque()
        self._script: deque[tuple[bytes, Awaiting, Answer]] = deque()

    def take_output(self) -> bytes:
        """What is to be sent and was not handed out yet."""
        wire = b"".join(self.out)
        self.out.clear()
        return wire

    def expect(self, awaiting: Awaiting, answer: Answer) -> None:
        """Have the next reply after those awaited already given to `answer`."""
        self.expected.append((awaiting, answer))

    def say(self, command: bytes, awaiting: Awaiting, answer: Answer) -> None:
        """Send a command line and await its reply; raises ValueError for one that would be two."""
        if b"\r" in command or b"\n" in command or b"\0" in command:
            raise ValueError("a command cannot carry CR, LF or NUL")
        self.out.append(command + b"\r\n")
        self.expected.append((awaiting, answer))

    def play(self, script: list[tuple[bytes, Awaiting, Answer]], *, is_pipelined: bool) -> None:
        """Say the commands: all at once, or each when the one before it is answered."""
        for step in script if is_pipelined else script[:1]:
            self.say(*step)
        self._script.extend([] if is_pipelined else script[1:])

    def answer(self, reply: Reply) -> None:
        """Give the reply to whoever awaits it, then go on with the script."""
        _, answer = self.expected.popleft()
        answer(reply)
        if self._script and not self.expected:
            self.say(*self._script.popleft())

    @property
    def may_stop(self) -> bool:
        """Whether the commands that remain have not been said yet."""
        return not self.expected

    def stop(self) -> None:
        """Forget what was not said yet."""
        self._script.clear()

    def end(self) -> None:
        """Nothing more is said or awaited."""
        self._script.clear()
        self.expected.clear()
