"""SECURITY 6: a message of very many tiny chunks is cut off; neither memory nor time grows with them."""

import tracemalloc

from postier.smtp.settings import SessionSettings
from tests.smtp.transcripts import Owner

ENVELOPE = b"HELO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@mx.test>\r\n"


def test_the_limit_at_its_edge():
    settings = SessionSettings("mx.test", max_chunks=50)
    owner = Owner(settings)
    owner.greet()
    owner.feed(ENVELOPE + b"BDAT 1\r\nx" * 49 + b"BDAT 0 LAST\r\n")
    assert owner.out.endswith(b"250 2.0.0 Message accepted\r\n")
    owner = Owner(settings)
    owner.greet()
    owner.feed(ENVELOPE + b"BDAT 1\r\nx" * 50)
    assert owner.session.in_transaction
    owner.feed(b"BDAT 1\r\nx")
    assert owner.out.endswith(b"554 5.5.0 Too many BDAT chunks\r\n")
    assert not owner.session.in_transaction


def test_a_flood_of_chunks_ends():
    owner = Owner(SessionSettings("mx.test"))
    owner.greet()
    owner.feed(ENVELOPE)
    flood = b"BDAT 1\r\nx" * 1000
    tracemalloc.start()
    for _ in range(1000):
        if owner.session.is_closed:
            break
        owner.feed(flood)
        owner.out = b""
        owner.events.clear()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert owner.session.is_closed
    assert peak < 4_000_000
