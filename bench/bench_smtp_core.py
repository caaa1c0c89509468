"""What one letter costs in the pure SMTP cores, in microseconds: one JSON object on stdout.

Run: python bench/bench_smtp_core.py. EHLO is excluded; the best of several rounds is told, as the least disturbed.
"""

import json
import timeit

from postier.mime.address import Address
from postier.smtp.client_events import BodyWanted, DialogueSettings
from postier.smtp.dialogue import Dialogue
from postier.smtp.envelope import Envelope, EnvelopeRecipient
from postier.smtp.events import NEED_DATA, BodyChunk
from postier.smtp.session import Session
from postier.smtp.settings import SessionSettings

LINE = b"The quick brown fox jumps over the lazy dog, again and again and more.\r\n"
SIZES = {"1k": 1024, "4k": 4096, "50k": 51200, "1m": 1 << 20}
READ_OCTETS = 65536


def letter(size):
    return (LINE * (size // len(LINE) + 1))[: size - 2] + b"\r\n"


def serve(session, pieces):
    for piece in pieces:
        session.receive(piece)
        while True:
            event = session.next_event()
            if event is NEED_DATA:
                session.take_output()
                break
            if type(event) is not BodyChunk:
                session.reply()


def cut(wire):
    return [wire[at : at + READ_OCTETS] for at in range(0, len(wire), READ_OCTETS)]


def server_cost(commands, body):
    session = Session(SessionSettings("mx.test"))
    session.greet()
    session.receive(b"EHLO c.test\r\n")
    session.next_event()
    session.take_output()
    pieces = [*commands, *cut(body)]
    number = max(3, 20_000_000 // (len(body) * 40 + 100_000))
    return min(timeit.repeat(lambda: serve(session, pieces), number=number, repeat=9)) / number * 1e6


def client_cost(body):
    dialogue = Dialogue(DialogueSettings("me.test"))
    dialogue.receive(b"220 x\r\n")
    dialogue.next_event()
    dialogue.receive(b"250-x\r\n250-PIPELINING\r\n250-SIZE 99999999\r\n250 8BITMIME\r\n")
    dialogue.next_event()
    dialogue.take_output()
    recipient = EnvelopeRecipient(Address("carole", "beta.test"))
    envelope = Envelope(Address("alice", "alpha.test"), (recipient,), size_bytes=len(body))
    pieces = cut(body)

    def send():
        dialogue.send(envelope)
        dialogue.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
        assert type(dialogue.next_event()) is BodyWanted
        for piece in pieces:
            dialogue.body(piece)
        dialogue.end_body()
        dialogue.receive(b"250 ok\r\n")
        dialogue.next_event()

    number = max(3, 20_000_000 // (len(body) * 40 + 100_000))
    return min(timeit.repeat(send, number=number, repeat=9)) / number * 1e6


def main():
    mail, rcpt, data = b"MAIL FROM:<alice@alpha.test>\r\n", b"RCPT TO:<carole@beta.test>\r\n", b"DATA\r\n"
    figures = {}
    for name, size in SIZES.items():
        body = letter(size)
        figures[f"server_{name}_us"] = server_cost([mail, rcpt, data], body + b".\r\n")
        figures[f"server_{name}_pipelined_us"] = server_cost([mail + rcpt + data], body + b".\r\n")
        figures[f"client_{name}_us"] = client_cost(body)
    dotted = b".dot at each line\r\n" * (4096 // 19)
    figures["server_4k_all_lines_stuffed_us"] = server_cost(
        [mail + rcpt + data], b"." + dotted.replace(b"\n.", b"\n..") + b".\r\n"
    )
    esmtp = b"MAIL FROM:<alice@alpha.test> SIZE=4096 BODY=8BITMIME\r\n"
    figures["server_4k_with_parameters_us"] = server_cost([esmtp + rcpt + data], letter(4096) + b".\r\n")
    figures["server_50_recipients_4k_us"] = server_cost([mail + rcpt * 50 + data], letter(4096) + b".\r\n")
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
