"""What the mime room costs: `python bench/bench_mime.py` prints one JSON object, microseconds of CPU per call.

The letters are generated here: a 4 KiB multipart/alternative and a 50 KiB one with a base64 PDF, each with 16 fields.
Each figure is the least of many short rounds of process time, so other work on the machine shifts it little.
"""

import base64
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from postier.mime.address import Address
from postier.mime.bodystructure import body_of
from postier.mime.build import Letter, build
from postier.mime.dates import Moment
from postier.mime.decode import decode_base64, text_of
from postier.mime.header_lines import Correspondent
from postier.mime.headers import split_header
from postier.mime.index import index_message, load_parts
from postier.mime.normalise import is_canonical
from postier.mime.sections import SectionSpec, SectionText, section_bytes
from postier.mime.structure import parse

WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "his",
    "but",
    "at",
    "are",
    "this",
    "have",
    "from",
    "or",
    "had",
    "an",
    "they",
]
HEAD = (
    "Received: from mx1.load.example (mx1.load.example [192.0.2.10])\r\n\tby relay.load.example (Relay) with ESMTPS"
    " id 4XyZ1a2b3c4d5e\r\n\tfor <user@localhost>; Tue, 24 Nov 2026 03:00:00 +0000 (UTC)\r\n"
    "Received: from app.load.example (app.load.example [192.0.2.20])\r\n\tby mx1.load.example (Postfix) with ESMTPSA"
    " id 0A1B2C3D4E\r\n\tfor <user@localhost>; Tue, 24 Nov 2026 02:59:59 +0000 (UTC)\r\n"
    "Message-ID: <000000000001.load@load.example>\r\nDate: Tue, 24 Nov 2026 02:59:58 +0000\r\n"
    'From: =?UTF-8?Q?J=C3=B6rg_M=C3=BCller?= <sender@load.example>\r\nTo: "A. User" <user@localhost>\r\n'
    "Cc: second@load.example, Third Person <third@load.example>\r\nSubject: Quarterly report no. 1 about the new\r\n"
    " product line and more\r\nReferences: <a1@load.example>\r\n <a2@load.example>\r\nIn-Reply-To: <a2@load.example>\r\n"
    "Reply-To: sender@load.example\r\nList-Id: <reports.load.example>\r\nUser-Agent: LoadMailer/1.0\r\nX-Priority: 3\r\n"
    "MIME-Version: 1.0\r\n"
)


def text(source: random.Random, size: int) -> str:
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        lines.append(" ".join(source.choices(WORDS, k=16)) + "\r\n")
    return "".join(lines)


def letter(size: int) -> bytes:
    source = random.Random(7)
    plain = text(source, min(size // 3, 3_000))
    html = "".join([f"<p>{line}</p>\r\n" for line in text(source, min(size // 3, 3_000)).splitlines()])
    alternative = (
        'Content-Type: multipart/alternative; boundary="----=_Part_1"\r\n\r\nThis is a MIME message.\r\n------=_Part_1\r\n'
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n{plain}------=_Part_1\r\n"
        f"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<html><body>{html}</body></html>\r\n"
        "------=_Part_1--\r\n"
    )
    if size < 20_000:
        return (HEAD + alternative).encode()
    pdf = (
        base64.encodebytes(source.randbytes((size - len(alternative)) * 3 // 4))
        .decode()
        .replace("\n", "\r\n")
    )
    return (
        f'{HEAD}Content-Type: multipart/mixed; boundary="----=_Part_2"\r\n\r\n------=_Part_2\r\n{alternative}------=_Part_2\r\n'
        'Content-Type: application/pdf; name="report.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="report.pdf"\r\n\r\n{pdf}------=_Part_2--\r\n'
    ).encode()


def cost_us(call: Callable[[], object], seconds: float = 1.0) -> float:
    """Microseconds of CPU per call: the best of rounds of about a millisecond."""
    count = 1
    while True:
        started = time.process_time()
        for _ in range(count):
            call()
        if time.process_time() - started > 0.001:
            break
        count *= 2
    best = float("inf")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        started = time.process_time()
        for _ in range(count):
            call()
        best = min(best, (time.process_time() - started) / count)
    return round(best * 1e6, 2)


def main() -> None:
    small, large = letter(4_096), letter(50_000)
    root, large_root = parse(small), parse(large)
    parts = index_message(small).parts
    encoded = large[large_root.children[1].body_start : large_root.children[1].body_end]
    fields = SectionSpec((), SectionText.HEADER_FIELDS, (b"From", b"Subject", b"Date"))
    new = Letter(
        from_=(Correspondent(Address("a", "x.test"), "Jörg"),),
        date=Moment(1_795_489_198),
        message_id="1@x.test",
        text="hi",
    )
    figures = {
        "index_4k_us": cost_us(lambda: index_message(small), 4.0),
        "index_50k_us": cost_us(lambda: index_message(large), 4.0),
        "parse_4k_us": cost_us(lambda: parse(small)),
        "split_header_us": cost_us(lambda: split_header(small)),
        "load_parts_us": cost_us(lambda: load_parts(parts)),
        "body_of_us": cost_us(lambda: body_of(root)),
        "header_fields_us": cost_us(lambda: section_bytes(small, root, fields)),
        "text_of_html_us": cost_us(lambda: text_of(small, root.children[1])),
        "decode_base64_41k_us": cost_us(lambda: decode_base64(encoded)),
        "is_canonical_4k_us": cost_us(lambda: is_canonical(small)),
        "is_canonical_50k_us": cost_us(lambda: is_canonical(large)),
        "build_us": cost_us(lambda: build(new, "t")),
    }
    print(json.dumps({"octets": [len(small), len(large)], **figures}, indent=1))


if __name__ == "__main__":
    main()
