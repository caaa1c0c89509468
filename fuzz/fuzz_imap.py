"""Feed mutated IMAP dialogues to the reader and every parser behind it; any exception but PeerError is a find.

Run: python fuzz/fuzz_imap.py [--seconds N] [--seed N]. A find prints its octets and exits 1; add them to CORPUS.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from dialogues import run

from postier.imap.authorized_urls import parse_authorized, parse_rump
from postier.imap.commands.append import AppendOffer
from postier.imap.commands.table import VERBS, parse_command, parse_offer
from postier.imap.commands.urlauth import GenUrlAuth, UrlFetch
from postier.imap.lexer import CommandReader
from postier.imap.reader_events import (
    AFTER_LOGIN,
    BEFORE_LOGIN,
    NEED_DATA,
    CommandLine,
    MessageOffered,
    Refused,
)
from postier.imap.refusals import PeerError
from postier.imap.state import Session, State

CORPUS = [
    b"a LOGIN {3}\r\nabc {2+}\r\nde\r\n",
    b'a AUTHENTICATE PLAIN AGE9\r\nb ID ("name" "x")\r\n',
    b'a UID FETCH 1:*,$ (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (a "b")]<0.5> BINARY[1] BINARY.SIZE[2])\r\n',
    b"a UID SEARCH RETURN (MIN SAVE) CHARSET UTF-8 OR NOT (SEEN 1:5) SINCE 1-Feb-1994 HEADER x {1+}\r\ny\r\n",
    b'a LIST (SUBSCRIBED RECURSIVEMATCH) "" (a* "%") RETURN (CHILDREN STATUS (MESSAGES SIZE))\r\n',
    b'a APPEND {5+}\r\nINBOX (\\Seen $x) " 1-Jan-2024 00:00:00 +0100" {4+}\r\nabcd ~{2+}\r\nxy\r\n',
    b"a APPEND x UTF8 (~{4+}\r\nabcd) (\\Seen) UTF8 (~{2+}\r\nxy)\r\n",
    b"a GENURLAUTH {62+}\r\nimap://a%40b.c;AUTH=*@h:1/x/;UID=1/;PARTIAL=0.5;URLAUTH=user+x internal\r\nb RESETKEY x INTERNAL\r\n",
    b'a URLFETCH "imap://a%40b@h/x;UIDVALIDITY=1/;UID=1;EXPIRE=2026-01-01T00:00:00Z;URLAUTH=authuser:INTERNAL:'
    + b"0" * 32
    + b'"\r\n',
    b"a UID SEARCH RETURN (SAVE PARTIAL -1:-9) UIDAFTER 7 UIDBEFORE 4294967295 NOT UID 1:*\r\nb UID FETCH 1:* (UID) (CHANGEDSINCE 1 VANISHED PARTIAL 1:9)\r\n",
    'a ENABLE UTF8=ACCEPT\r\nb SORT (ARRIVAL) UTF-8 BODY "gr\u00fc\u00dfe"\r\nc SEARCH CHARSET KOI8-R BODY "\u00fc"\r\nd SELECT "Entw\u00fcrfe"\r\n'.encode(),
    b"a STORE 1 +FLAGS.SILENT (\\Seen a)\r\nb COPY 1:3 &U,BTFw-\r\nc CREATE x (USE (\\Sent))\r\n",
]
PIECES = [
    b"(",
    b")",
    b'"',
    b"\\",
    b"{1}\r\n",
    b"{9+}\r\n",
    b"~{3+}\r\n",
    b"\r\n",
    b"\0",
    b"*",
    b"%",
    b"$",
    b"&",
    b"NIL",
    b"\xff",
    b" ",
]
PIECES += [*VERBS]


def feed(rng, data):
    """One case."""
    session = Session()
    session.state = rng.choice([State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED])
    if rng.random() < 0.5:
        session.enable([rng.choice([b"IMAP4REV2", b"UTF8=ACCEPT"])])
    reader = CommandReader(rng.choice([BEFORE_LOGIN, AFTER_LOGIN]))
    size = rng.choice([1, 7, len(data) or 1])
    for start in range(0, len(data), size):
        reader.receive(data[start : start + size])
        while (event := reader.next_event()) is not NEED_DATA:
            try:
                if isinstance(event, CommandLine):
                    read_urls(parse_command(event, session))
                elif isinstance(event, MessageOffered):
                    take_or_refuse(rng, reader, event, session)
                elif isinstance(event, Refused):
                    check_one_line(event.reply())
            except PeerError as refusal:
                check_one_line(refusal.line(b"t"))


def read_urls(command):
    if isinstance(command, UrlFetch):
        for url in command.urls:
            parse_authorized(url)
    if isinstance(command, GenUrlAuth):
        for url, _ in command.urls:
            parse_rump(url)


def check_one_line(reply):
    assert reply.count(b"\r\n") == reply.count(b"\n") == 1


def take_or_refuse(rng, reader, offer, session):
    if rng.random() < 0.5:
        reader.refuse_message()
        return
    reader.accept_message()
    assert isinstance(parse_offer(offer, session), AppendOffer)


if __name__ == "__main__":
    sys.exit(run(__doc__, CORPUS, PIECES, feed))
