"""Random dialogues through the SMTP cores: nothing but events and declared errors, whole replies, the same at every cut.

Run: python fuzz/fuzz_smtp.py [SECONDS] [SEED]. A finding prints the octets that caused it and exits 1.
"""

import argparse
import random
import time
from pathlib import Path

from postier.smtp.client_events import BodyWanted, DialogueEnded, DialogueSettings
from postier.smtp.dialogue import Dialogue
from postier.smtp.events import DECIDABLE, BodyChunk, Signal
from postier.smtp.reason import SPAM, STORAGE_FULL
from postier.smtp.session import Session
from postier.smtp.settings import Role, SessionSettings

TRANSCRIPTS = Path(__file__).parent.parent / "tests" / "smtp" / "transcripts"
SETTINGS = [
    SessionSettings("mx.test", is_tls_available=True, max_message_bytes=2000, offers_dsn=True),
    SessionSettings("mx.test", Role.LMTP, max_errors=99),
    SessionSettings(
        "mx.test", Role.SUBMISSION, auth_mechanisms=("PLAIN", "LOGIN"), is_plaintext_login_allowed=True
    ),
]
NASTY = [
    b"\r\n",
    b"\n",
    b"\r",
    b".",
    b"\r\n.\r\n",
    b"\0",
    b"\xff",
    b"<",
    b">",
    b'"',
    b"\\",
    b" ",
    b"x" * 600,
    b"BDAT 3 LAST\r\n",
]


def seeds():
    lines = []
    for path in sorted(TRANSCRIPTS.glob("*.txt")):
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("C: "):
                lines.append(line[3:].encode() + b"\r\n")
            elif line.startswith("C> "):
                lines.append(line[3:].encode("latin-1").decode("unicode_escape").encode("latin-1"))
    return lines


def mutate(chance, lines):
    wire = bytearray(b"".join(chance.choices(lines, k=chance.randint(1, 20))))
    if chance.random() < 0.7:
        wire[:0] = b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
    for _ in range(chance.randint(0, 6)):
        at = chance.randint(0, len(wire))
        if chance.random() < 0.5:
            wire[at:at] = chance.choice(NASTY)
        else:
            del wire[at : at + chance.randint(1, 5)]
    return bytes(wire)


def serve(settings, pieces):
    session = Session(settings)
    out = session.greet()
    messages = []
    body = b""
    count = 0
    for piece in pieces:
        session.receive(piece)
        while not isinstance(event := session.next_event(), Signal):
            if isinstance(event, BodyChunk):
                body += event.data
            while type(event) in DECIDABLE and session.replies_due:
                count += 1
                out += session.reply([None, None, None, SPAM, STORAGE_FULL][count % 5])
            if not isinstance(event, BodyChunk):
                messages.append(type(event).__name__)
                body = b""
        out += session.take_output()
    for line in out.split(b"\r\n")[:-1]:
        assert line[:3].isdigit() and b"\r" not in line and b"\n" not in line, line  # noqa: PT018
    assert out.endswith(b"\r\n")
    return out, messages, session.is_closed


def speak(chance, wire):
    dialogue = Dialogue(DialogueSettings("me.test", is_lmtp=chance.random() < 0.2))
    dialogue.receive(wire)
    while not isinstance(event := dialogue.next_event(), Signal):
        if isinstance(event, BodyWanted):
            dialogue.end_body()
    dialogue.receive_eof()
    last = None
    while not isinstance(event := dialogue.next_event(), Signal):
        last = event
    assert last is None or isinstance(last, DialogueEnded)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    lines = seeds()
    rounds = 0
    end = time.monotonic() + given.seconds
    while time.monotonic() < end:
        settings = chance.choice(SETTINGS)
        wire = mutate(chance, lines)
        step = chance.randint(1, 30)
        try:
            whole = serve(settings, [wire])
            pieces = serve(settings, [wire[at : at + step] for at in range(0, len(wire), step)])
            assert whole == pieces, "cutting changed the dialogue"
            speak(chance, whole[0] if chance.random() < 0.5 else wire)
        except Exception as error:
            print(f"round {rounds}, settings {settings.role}, step {step}: {error!r}\n{wire!r}")
            raise SystemExit(1) from error
        rounds += 1
    print(f"{rounds} dialogues, no finding")


if __name__ == "__main__":
    main()
