"""Feed mutated vCards to the reader; an exception, a slow case, or a card that does not read back is a find.

Run: python fuzz/fuzz_vcard.py [--seconds N] [--seed N]. A find prints its octets and exits 1; add them to CORPUS.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from dialogues import run

from postier.vcard.card import VERSIONS, Card, card_octets, read_cards
from postier.vcard.versions import in_version

CORPUS = [
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:M\xc3\xbcller;Zo\xc3\xab;;Dr.;\r\nFN:Zo\xc3\xab\r\nitem1.EMAIL;type=pref:z@x.test\r\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/\r\n 4AAQ\r\nUID:1\r\nEND:VCARD\r\n",
    b'BEGIN:VCARD\nVERSION:4.0\nFN:a\\, b\nEMAIL;PREF=1;TYPE="work,home":mailto:a@x.test\nPHOTO:data:image/png;base64,QQ==\nEND:VCARD\n',
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nAGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nEND:VCARD\r\nEND:VCARD\r\n",
]
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b"\\",
    b";",
    b":",
    b",",
    b'"',
    b"\xff",
    b"\xef\xbb\xbf",
    b"\\n",
    b"PREF=",
    b"TYPE=pref",
    b"ENCODING=b",
    b"x" * 300,
    b"BEGIN:VCARD\r\n",
    b"END:VCARD\r\n",
]


def attempt(_, data):
    """What is read is written and read back, in either version."""
    for card in read_cards(data):
        if isinstance(card, Card):
            assert [*read_cards(card_octets(card))] == [card]
            for version in VERSIONS:
                (other,) = read_cards(card_octets(in_version(card, version)))
                assert (other.uid, set(other.emails)) == (card.uid, set(card.emails))


if __name__ == "__main__":
    sys.exit(run(__doc__, CORPUS, PIECES, attempt))
