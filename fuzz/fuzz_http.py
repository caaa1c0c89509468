"""Feed mutated request heads to the HTTP face; anything but a request or a status, or a slow case, is a find.

Run: python fuzz/fuzz_http.py [--seconds N] [--seed N]. A find prints its octets and exits 1; add them to CORPUS.
"""

import argparse
import random
import sys
import time
from http import HTTPStatus
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from postier.web.request import MAX_HEAD_OCTETS, Request, parse_request

MAX_SECONDS_A_CASE = 0.1

CORPUS = [
    b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.a.test\r\nAccept: text/plain",
    b"HEAD https://a.test:443/%2e%2e/?q HTTP/1.0\r\nHost: [2001:db8::1]:80\r\nX-Y:  z \t",
    b"GET / HTTP/1.1\r\nHost : a\r\n folded\r\nHost: b",
    b"A" * 16 + b" " + b"/" * 8000 + b" HTTP/1.1\r\n" + b"H: \t" * 4000,
]


def mutated(chance: random.Random) -> bytes:
    """A head of the corpus with octets changed, cut, doubled and moved."""
    data = bytearray(chance.choice(CORPUS))
    for _ in range(chance.randrange(8)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at:at] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + chance.randrange(20)]
            case 2:
                data[at:at] = data[at : at + chance.randrange(40)] * chance.randrange(1, 50)
            case _:
                data[at : at + 1] = chance.choice([b"\r\n", b" ", b"\t", b":", b"\r", b"\n", b"\0", b"%"])
    return bytes(data[:MAX_HEAD_OCTETS])


def main() -> int:
    """Run for the time given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance, end, count = random.Random(given.seed), time.monotonic() + given.seconds, 0
    while time.monotonic() < end:
        data = mutated(chance)
        began = time.process_time()
        found = parse_request(data)
        took = time.process_time() - began
        if took > MAX_SECONDS_A_CASE or not isinstance(found, Request | HTTPStatus):
            print(f"{took:.2f} s, {found!r} for {data!r}")
            return 1
        count += 1
    print(f"{count} cases, no finding, seed {given.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
