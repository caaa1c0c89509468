"""Random and mutated messages through the whole mime room: `python fuzz/fuzz_mime.py --seconds 10 [--seed N]`.

Any exception, or more than MAX_SECONDS for one input, is printed with its input in hex and ends the run with 1.
"""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import contextlib

from postier.mime.bodystructure import body_of
from postier.mime.decode import content_of, text_of
from postier.mime.index import index_message, load_parts
from postier.mime.normalise import is_canonical, normalise
from postier.mime.sections import (
    SectionSpec,
    SectionText,
    UnknownEncodingError,
    binary_bytes,
    find_part,
    section_bytes,
)
from postier.mime.surrogate import surrogate_of

MAX_SECONDS = 2.0
CORPUS = Path(__file__).resolve().parents[1] / "tests" / "mime" / "corpus"
PIECES = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"--b\r\n", b"--b--\r\n", b"--", b"=?utf-8?q?", b"?=", b"=?x?b?", b"(", b")",
    b'"', b"\\", b"<", b">", b"@", b",", b";", b":", b"[", b"]", b"\x00", b"\xff\xfe", b"\xc3\xa9", b" ", b"\t",
    b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n", b"From: ", b"To: a@b, ",
    b"Subject: Re: [x] (fwd)", b"Date: Tue, 24 Nov 2026 02:59:58 +0000\r\n", b"filename*0*=utf-8''%41", b"name*1=",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n", b"References: <a@b>",
    b"Content-Disposition: attachment; ", b"charset=utf-7", b"<div>", b"<!--", b"<style>", b"&amp;", b"=\r\n", b"=3D",
]  # fmt: skip


def mutate(source: random.Random, seeds: list[bytes]) -> bytes:
    if source.random() < 0.3:
        return b"".join(source.choices(PIECES, k=source.randrange(1, 80)))
    data = bytearray(source.choice(seeds))
    for _ in range(source.randrange(1, 12)):
        at = source.randrange(len(data) + 1)
        match source.randrange(4):
            case 0:
                data[at:at] = source.choice(PIECES) * source.choice((1, 1, 1, 2, 50))
            case 1:
                del data[at : at + source.randrange(1, 60)]
            case 2 if data:
                data[at % len(data)] = source.randrange(256)
            case _:
                end = min(len(data), at + source.randrange(1, 200))
                data[at:at] = data[at:end]
    return bytes(data)


def exercise(raw: bytes) -> None:
    index = index_message(raw)
    made = surrogate_of(raw, load_parts(index.parts))
    if made is not None:
        index_message(made)
    root = load_parts(index.parts)
    body_of(root)
    for part in root.walk():
        content_of(raw, part)
        text_of(raw, part)
        numbers = tuple(int(number) for number in part.path.split(".") if number)
        assert find_part(root, numbers) is not None, part.path
        for text in SectionText:
            section_bytes(raw, root, SectionSpec(numbers, text, (b"From", b"X")))
        with contextlib.suppress(UnknownEncodingError):
            binary_bytes(raw, root, numbers)
    assert section_bytes(raw, root, SectionSpec()) == raw
    assert is_canonical(normalise(raw))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else time.time_ns()
    source = random.Random(seed)
    seeds = [path.read_bytes() for path in sorted(CORPUS.glob("*.eml"))]
    deadline = time.monotonic() + options.seconds
    runs = 0
    while time.monotonic() < deadline:
        raw = mutate(source, seeds)
        started = time.monotonic()
        try:
            exercise(raw)
        except Exception as error:
            print(f"seed {seed}: {error!r} for\n{raw.hex()}")
            raise
        if time.monotonic() - started > MAX_SECONDS:
            print(f"seed {seed}: too slow for\n{raw.hex()}")
            return 1
        runs += 1
    print(f"{runs} messages, seed {seed}: no exception")
    return 0


if __name__ == "__main__":
    sys.exit(main())
