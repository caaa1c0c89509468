"""Feed mutated POP3 dialogues to the session; an exception, a slow case, or an answer that depends on the cuts is a find.

Run: python fuzz/fuzz_pop3.py [--seconds N] [--seed N]. A find prints its octets and exits 1; add them to CORPUS.
"""

import sys
from array import array
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from dialogues import cut_alike, run

from postier.pop3 import events
from postier.pop3.commands import VERBS
from postier.pop3.events import CLOSED, NEED_DATA, PAUSED
from postier.pop3.maildrop import Maildrop
from postier.pop3.replies import Refusal
from postier.pop3.session import Session
from postier.pop3.settings import SessionSettings

LETTERS = [b"A: b\r\n\r\n.\r\n..x", b"A: b\r\n\r\n", b"\n.\n\r\n.\r"]

CORPUS = [
    b"USER a@b.test\r\nPASS x y\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 3 1\r\nDELE 2\r\nQUIT\r\n",
    b"CAPA\r\nAUTH PLAIN AGEAYg==\r\nAUTH LOGIN\r\nYQ==\r\nYg==\r\nRSET\r\nNOOP\r\n",
    b"UTF8\r\nLANG\r\nLANG *\r\nLANG en-x-y\r\nSTLS\r\nUSER a\r\n",
    b"AUTH\r\nAUTH PLAIN\r\n*\r\nAUTH PLAIN =\r\nQUIT\r\nNOOP\r\n",
]
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"=",
    b"*",
    b"-1",
    b"99999999999",
    b"\xff",
    b"\x16",
    b"GET / ",
    b"x" * 300,
]
PIECES += [verb + b" " for verb in VERBS]


def decided(session, event, choice):
    """What an owner makes of an event; `choice` is its mood."""
    match event:
        case events.Refused() | events.PeerGone():
            return b""
        case _ if choice == 0 and not isinstance(event, events.ListingRequested):
            return session.refuse(Refusal("no"))
        case events.TlsRequested():
            return session.accept_tls()
        case events.AuthStarted() | events.AuthResponse() if choice == 1:
            return session.challenge(b"more")
        case events.PasswordGiven() | events.AuthStarted() | events.AuthResponse():
            return session.open_maildrop(Maildrop(1, len(LETTERS), sum(map(len, LETTERS))))
        case events.MessagesWanted():
            session.give_messages(array("I", range(1, len(LETTERS) + 1)), array("I", map(len, LETTERS)))
            return b""
        case events.ListingRequested():
            return b"".join(session.listing())
        case events.MessageRequested(_, uid, _):
            return b"".join(session.message(LETTERS[uid - 1], min(8, len(LETTERS[uid - 1]))))
        case events.UpdateRequested():
            return session.updated()
    raise AssertionError(event)


def answer(data, size, choice):
    """All that is said to `data` cut into pieces of `size`."""
    session = Session(
        SessionSettings(
            "mx.test", is_tls_available=True, is_plaintext_login_allowed=True, mechanisms=("PLAIN", "LOGIN")
        )
    )
    said = [session.greet()]
    for start in range(0, len(data), size):
        session.receive(data[start : start + size])
        while (event := session.next_event()) not in {NEED_DATA, PAUSED, CLOSED}:
            said.append(decided(session, event, choice))
        said.append(session.take_output())
        if event is CLOSED:
            break
    whole = b"".join(said)
    assert whole.endswith(b"\r\n")
    return whole


if __name__ == "__main__":
    sys.exit(run(__doc__, CORPUS, PIECES, cut_alike(answer)))
