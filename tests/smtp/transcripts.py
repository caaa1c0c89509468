"""Golden dialogues of the server's session: `C:`/`S:` files, read and played.

A file holds lines of these kinds; anything after `#` at a line's start is a comment.

    @ role=lmtp is_tls_available=yes   settings
    C: text                            the client sends text and CRLF
    C> text\\x00                        the client sends exactly this (Python escapes)
    C: text  (several in a row)        pipelined: sent in one piece
    D: mailbox-full                    the owner's decision on the next event that wants one: a reason,
    D: 250 2.1.5 Fine                  a reply, or
    D: 334 VXNlcm5hbWU6                a SASL challenge in base64; events without a D get the default
    T:                                 the TLS handshake is done
    E:                                 the client closes the connection
    S: text                            what the server must answer, CRLF added
    X:                                 the server must have closed the connection
    = RecipientNamed ...               an event that must have been seen, in order (its repr starts so)
"""

from dataclasses import dataclass, field
from pathlib import Path

from postier.sasl.base64 import decode_base64
from postier.smtp.events import (
    CLOSED,
    DECIDABLE,
    NEED_DATA,
    PAUSED,
    AuthResponse,
    AuthStarted,
    Event,
    TlsFacts,
)
from postier.smtp.reason import REASONS
from postier.smtp.replies import Reply
from postier.smtp.session import Session
from postier.smtp.settings import Role, SessionSettings

FOLDER = Path(__file__).parent / "transcripts"


@dataclass
class Turn:
    """What the client sends, what the owner decides, what the server must say."""

    sent: bytes = b""
    decisions: list[str] = field(default_factory=list)
    tls: bool = False
    eof: bool = False
    said: bytes = b""
    closes: bool = False
    events: list[str] = field(default_factory=list)
    line: int = 0


@dataclass
class Transcript:
    settings: SessionSettings
    turns: list[Turn]


def read(path: Path) -> Transcript:
    options: dict[str, object] = {}
    turns = [Turn(line=1)]
    answered = False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        kind, _, text = line.partition(" ")
        if kind in {"C:", "C>", "T:", "E:"} and (answered or turns[-1].tls or turns[-1].eof):
            turns.append(Turn(line=number))
            answered = False
        turn = turns[-1]
        match kind:
            case "@":
                options.update(_option(word) for word in text.split())
            case "C:":
                turn.sent += text.encode() + b"\r\n"
            case "C>":
                turn.sent += text.encode("latin-1").decode("unicode_escape").encode("latin-1")
            case "D:":
                turn.decisions.append(text)
            case "T:":
                turn.tls = True
            case "E:":
                turn.eof = True
            case "S:":
                turn.said += text.encode() + b"\r\n"
                answered = True
            case "X:":
                turn.closes = answered = True
            case "=":
                turn.events.append(text)
                answered = True
            case _:
                raise ValueError(f"{path.name}:{number}: {line}")
    return Transcript(SessionSettings("mx.test", **options), turns)


def _option(word: str) -> tuple[str, object]:
    key, _, value = word.partition("=")
    if key == "role":
        return key, Role(value)
    if key == "auth_mechanisms":
        return key, tuple(value.split(","))
    return key, int(value) if value.isdigit() else value == "yes"


class Owner:
    """Plays the owner of a session: decides as told, collects what is said and seen."""

    def __init__(self, settings: SessionSettings) -> None:
        self.session = Session(settings)
        self.out = b""
        self.events: list[Event] = []
        self.decisions: list[str] = []

    def greet(self) -> None:
        self.out += self.session.greet()

    def feed(self, data: bytes) -> None:
        self.session.receive(data)
        self.run()

    def run(self) -> None:
        while True:
            event = self.session.next_event()
            if event is NEED_DATA or event is CLOSED or event is PAUSED:
                self.out += self.session.take_output()
                return
            self.events.append(event)
            if type(event) in DECIDABLE:
                while self.session.replies_due:
                    before = self.session.replies_due
                    self.out += self._decide(event, self.decisions.pop(0) if self.decisions else "")
                    if self.session.replies_due == before:
                        break

    def _decide(self, event: Event, text: str) -> bytes:
        code, _, rest = text.partition(" ")
        if not text:
            return self.session.reply()
        if code == "334" and isinstance(event, AuthStarted | AuthResponse):
            return self.session.challenge(decode_base64(rest.encode()))
        if text in REASONS:
            return self.session.reply(REASONS[text])
        enhanced, _, words = rest.partition(" ")
        return self.session.reply(Reply.of(int(code), enhanced, words))


def play(transcript: Transcript, step: int | None) -> None:
    """Play it with the client's octets in one piece a turn, or in pieces of `step`; AssertionError tells the line."""
    owner = Owner(transcript.settings)
    owner.greet()
    for turn in transcript.turns:
        owner.decisions = list(turn.decisions)
        if turn.tls:
            owner.session.tls_started(TlsFacts("TLSv1.3"))
        size = step or max(len(turn.sent), 1)
        for at in range(0, len(turn.sent), size):
            owner.feed(turn.sent[at : at + size])
        if turn.eof:
            owner.session.receive_eof()
            owner.run()
        said, owner.out = owner.out, b""
        assert said.decode() == turn.said.decode(), f"line {turn.line}"
        assert not owner.decisions, f"line {turn.line}: decisions left"
        if turn.events:
            seen = [repr(event) for event in owner.events]
            for wanted in turn.events:
                found = next((index for index, event in enumerate(seen) if event.startswith(wanted)), None)
                assert found is not None, f"line {turn.line}: no {wanted} in {seen}"
                del seen[: found + 1]
        owner.events.clear()
        assert owner.session.is_closed == turn.closes, (
            f"line {turn.line}: closed is {owner.session.is_closed}"
        )
