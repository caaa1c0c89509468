"""Dialogues of the pure core: `C:` lines are sent, `S:` lines must come (`<...>` stands for any text), `T:` is a TLS handshake.

`@ key=yes` sets a setting. The owner below decides as the server does: one account, the messages of `LETTERS`.
"""

import re
from array import array
from pathlib import Path

from postier.pop3.events import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    AuthResponse,
    AuthStarted,
    ListingRequested,
    MessageRequested,
    MessagesWanted,
    PasswordGiven,
    PeerGone,
    Refused,
    TlsRequested,
    UpdateRequested,
)
from postier.pop3.maildrop import Maildrop
from postier.pop3.replies import Code, Refusal
from postier.pop3.session import Session
from postier.pop3.settings import SessionSettings
from postier.sasl.exchange import Challenge, Credentials
from postier.sasl.mechanisms import Mechanism, server_exchange

FOLDER = Path(__file__).parent / "transcripts"
USER, PASSWORD = "alice@alpha.test", "correct horse"
LETTERS = (
    b"Subject: One\r\n\r\nHello.\r\n",
    b"Subject: Two\r\n\r\n.\r\n..two\r\nthree\r\n",
    "Subject: Grüße\r\n\r\nUTF-8\r\n".encode(),
)
WRONG = Refusal("the name or the password is wrong", Code.AUTH)


class Owner:
    """Decides, and keeps what was said, seen and deleted."""

    def __init__(self, settings, letters=LETTERS):
        self.session = Session(settings)
        self.letters = letters
        self.out = b""
        self.events = []
        self.deleted = None
        self.exchange = None
        self.is_closed = False

    def feed(self, data):
        self.session.receive(data)
        self.run()

    def run(self):
        session = self.session
        while True:
            event = session.next_event()
            if event is NEED_DATA or event is PAUSED or event is CLOSED:
                self.out += session.take_output()
                self.is_closed = event is CLOSED
                return
            self.events.append(event)
            self.out += b"".join(self.decide(event))

    def decide(self, event):
        session = self.session
        match event:
            case Refused() | PeerGone():
                return []
            case TlsRequested():
                return [session.accept_tls()]
            case PasswordGiven(user, password):
                return [self.login(Credentials("", user, password))]
            case AuthStarted(mechanism, initial):
                self.exchange = server_exchange(Mechanism(mechanism), "")
                return [self.step(self.exchange.start(initial))]
            case AuthResponse(data):
                return [self.step(self.exchange.step(data))]
            case MessagesWanted():
                count = len(self.letters)
                session.give_messages(array("I", range(1, count + 1)), array("I", map(len, self.letters)))
                return []
            case ListingRequested():
                return session.listing()
            case MessageRequested(_, uid, _):
                content = self.letters[uid - 1]
                return session.message(content, content.index(b"\r\n\r\n") + 4)
            case UpdateRequested(deleted, _):
                self.deleted = deleted
                return [session.updated()]
        raise AssertionError(event)

    def step(self, step):
        if isinstance(step, Challenge):
            return self.session.challenge(step.data)
        return self.login(step) if isinstance(step, Credentials) else self.session.refuse(WRONG)

    def login(self, given):
        if (given.authcid, given.password) != (USER, PASSWORD):
            return self.session.refuse(WRONG)
        return self.session.open_maildrop(Maildrop(7, len(self.letters), sum(map(len, self.letters))))


def logged_in(letters=LETTERS, **settings):
    """An owner whose client has logged in, its output so far dropped."""
    owner = Owner(SessionSettings("mx.alpha.test", is_plaintext_login_allowed=True, **settings), letters)
    owner.session.greet()
    owner.feed(f"USER {USER}\r\nPASS {PASSWORD}\r\n".encode())
    assert b"+OK 0 " in owner.out or b"messages (" in owner.out
    owner.out = b""
    owner.events.clear()
    return owner


def settings_of(text):
    found = re.findall(r"(\w+)=(\w+)", next((line for line in text.splitlines() if line.startswith("@")), ""))
    values = {key: int(value) if value.isdigit() else value == "yes" for key, value in found}
    return SessionSettings(
        "mx.alpha.test",
        **({"is_plaintext_login_allowed": True, "mechanisms": ("PLAIN", "LOGIN")} | values),
    )


def turns(text):
    """[(kind, lines sent, lines expected)]; kind is C or T."""
    found = []
    for line in text.splitlines():
        kind, words = line[:2], line[3:]
        if kind == "T:":
            found.append(("T", [], []))
        elif kind == "C:" and (not found or found[-1][2] or found[-1][0] == "T"):
            found.append(("C", [words], []))
        elif kind == "C:":
            found[-1][1].append(words)
        elif kind == "S:":
            if not found:
                found.append(("C", [], []))
            found[-1][2].append(words)
        else:
            assert not line or line[0] in "#@", line
    return found


def play(text, step=None):
    """Play against the core, the input cut into pieces of `step` octets."""
    owner = Owner(settings_of(text))
    owner.out = owner.session.greet()
    for kind, sent, expected in turns(text):
        if kind == "T":
            owner.session.tls_started()
            continue
        data = "".join(f"{line}\r\n" for line in sent).encode()
        size = step or len(data) or 1
        for start in range(0, len(data), size):
            owner.feed(data[start : start + size])
        said = owner.out.decode().splitlines()
        owner.out = b""
        assert len(said) == len(expected), (sent, said)
        for pattern, line in zip(expected, said, strict=True):
            assert matches(pattern, line), f"after {sent}: expected {pattern!r}, got {line!r}"
    return owner


def matches(pattern, line):
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("<...>")), line) is not None
