"""The letters of the measurements: like real ones in structure and size, each with a Message-ID of its own.

They are DKIM-signed like most of today's mail, so that the server has that work to do as well.
"""

import base64
import random
import time

from postier.mailauth import dkim

SENDER_DOMAIN = "load.test"
SELECTOR = "bench"
BOUNDARY = b"=_bench_4711"
_WORDS = (
    b"the of and to in is that for it as was with be by on not this have from or one all were when we there can more if"
    b" out so up said what its about than into them only other time new some could these two may first then do any like"
    b" report quarter figures budget travel meeting project answer question letter customer offer contract delivery"
).split()


def letter(number: int, size: int, chance: random.Random) -> bytes:
    """About `size` octets: text and HTML, and above 16 KiB a file beside them."""
    head = (
        b"From: =?UTF-8?Q?J=C3=B6rg_M=C3=BCller?= <sender@%b>\r\nTo: A. User <user@bench.test>\r\n"
        b"Cc: Second Person <second@example.test>, third@example.test\r\n"
        b"Subject: Quarterly report no. %d about the new\r\n product line, %b\r\n"
        b"Date: Tue, 24 Nov 2026 02:59:58 +0000\r\nMessage-ID: <%d.bench@%b>\r\n"
        b"References: <%d.first@%b>\r\n <%d.second@%b>\r\nIn-Reply-To: <%d.second@%b>\r\n"
        b"User-Agent: Bench/1.0\r\nMIME-Version: 1.0\r\n"
    ) % (
        SENDER_DOMAIN.encode(), number, (b"budget", b"travel", b"lunch", b"invoice")[number % 4], number,
        SENDER_DOMAIN.encode(), number, SENDER_DOMAIN.encode(), number, SENDER_DOMAIN.encode(), number,
        SENDER_DOMAIN.encode(),
    )  # fmt: skip
    has_file = size > 16_384
    room = max(200, (8_000 if has_file else size) - len(head) - 500)
    needle = b"needle in a haystack\r\n" if number % 1_000 == 0 else b""
    plain = _text(room // 3, chance) + needle
    html = (
        b"<html><body>\r\n<p>"
        + _text(room * 2 // 3, chance).replace(b"\r\n", b"</p>\r\n<p>")
        + b"</p></body></html>\r\n"
    )
    both = _multipart(
        b"alternative", [(b"text/plain; charset=utf-8", plain), (b"text/html; charset=utf-8", html)]
    )
    if not has_file:
        return head + both
    data = base64.encodebytes(chance.randbytes((size - len(head) - len(both)) * 3 // 4 * 76 // 78))
    part = b"application/pdf; name=report.pdf\r\nContent-Transfer-Encoding: base64"
    kind, _, body = both.partition(b"\r\n\r\n")
    inner = (
        kind.removeprefix(b"Content-Type: ").replace(BOUNDARY, BOUNDARY + b"i"),
        body.replace(BOUNDARY, BOUNDARY + b"i"),
    )
    return head + _multipart(b"mixed", [inner, (part, data.replace(b"\n", b"\r\n"))])


def pool(count: int, size: int, key: dkim.SigningKey) -> list[bytes]:
    """Signed letters."""
    chance, now = random.Random(size), int(time.time())
    made = [letter(number, size, chance) for number in range(count)]
    return [dkim.sign(each, [key], now) + each for each in made]


def small_letters(count: int, start: int = 0) -> list[bytes]:
    """Unsigned letters of about 1 KiB, for a large mailbox."""
    chance = random.Random(start)
    return [letter(number, 1_000, chance) for number in range(start, start + count)]


def _text(size: int, chance: random.Random) -> bytes:
    words = chance.choices(_WORDS, k=max(1, size // 5))
    lines = [b" ".join(words[at : at + 12]) for at in range(0, len(words), 12)]
    return b"\r\n".join(lines) + b"\r\n"


def _multipart(kind: bytes, parts: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(b"--%b\r\nContent-Type: %b\r\n\r\n%b" % (BOUNDARY, *part) for part in parts)
    return b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n%b--%b--\r\n' % (kind, BOUNDARY, body, BOUNDARY)
