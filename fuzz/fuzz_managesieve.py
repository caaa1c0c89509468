"""Feed mutated ManageSieve dialogues to the session; an exception, a slow case, or an answer that depends on the cuts is a find.

Run: python fuzz/fuzz_managesieve.py [--seconds N] [--seed N]. A find prints its octets and exits 1; add them to CORPUS.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from dialogues import cut_alike, run

from postier.managesieve import events
from postier.managesieve.answers import Answer, Code, literal, no, string
from postier.managesieve.commands import VERBS
from postier.managesieve.events import CLOSED, NEED_DATA, PAUSED
from postier.managesieve.session import Session
from postier.managesieve.settings import SessionSettings

SETTINGS = SessionSettings(
    "mx.test", ("fileinto",), 4, max_script_octets=500, is_tls_available=True, is_plaintext_login_allowed=True
)

CORPUS = [
    b'AUTHENTICATE "PLAIN" "AGEAYg=="\r\nPUTSCRIPT "a" {5+}\r\nkeep;\r\nLISTSCRIPTS\r\nGETSCRIPT {1+}\r\na\r\nLOGOUT\r\n',
    b'AUTHENTICATE "PLAIN"\r\n"AGEAYg=="\r\nHAVESPACE "a" 99\r\nSETACTIVE ""\r\nRENAMESCRIPT "a" "b"\r\nDELETESCRIPT "a"\r\n',
    b'CAPABILITY\r\nNOOP "a\\"b\\\\"\r\nNOOP {3+}\r\na\r\n\r\nSTARTTLS\r\nNOOP\r\n',
    b'AUTHENTICATE "PLAIN" {8+}\r\nAGEAYg==\r\nCHECKSCRIPT {600+}\r\nUNAUTHENTICATE\r\nAUTHENTICATE "PLAIN"\r\n"*"\r\n',
]
PIECES = [
    b"\r\n",
    b"\n",
    b"\0",
    b" ",
    b'"',
    b"\\",
    b"{5+}\r\n",
    b"{4294967295+}\r\n",
    b"{0+}\r\n",
    b"(",
    b"\xff",
    b"GET / ",
    b"x" * 300,
]
PIECES += [*VERBS]


def decided(session, event, choice):
    """What an owner makes of an event; `choice` is its mood."""
    match event:
        case events.Refused() | events.PeerGone() | events.Unauthenticated():
            return b""
        case _ if choice == 0:
            return session.answer(no("no\r\nno", Code.TRY_LATER))
        case events.TlsRequested():
            return session.accept_tls()
        case events.AuthStarted(_, None):
            return session.challenge(b"")
        case events.AuthStarted() | events.AuthResponse():
            return session.authenticated("a@b.test")
        case events.ScriptPut(name, content):
            return session.answer(Answer(data=string(name.encode()) + literal(content) + b"\r\n"))
    return session.answer(Answer())


def answer(data, size, choice):
    """All that is said to `data` cut into pieces of `size`."""
    session = Session(SETTINGS)
    said = [session.greet()]
    for start in range(0, len(data), size):
        session.receive(data[start : start + size])
        while (event := session.next_event()) not in {NEED_DATA, PAUSED, CLOSED}:
            said += [session.take_output(), decided(session, event, choice)]
        said.append(session.take_output())
        if event is CLOSED:
            break
    whole = b"".join(said)
    assert whole.endswith(b"\r\n")
    return whole


if __name__ == "__main__":
    sys.exit(run(__doc__, CORPUS, PIECES, cut_alike(answer)))
