"""Feed mutated tokens, key sets and answers of an issuer to their judgement; anything but a verdict, or a slow case, is a find.

Run: python fuzz/fuzz_tokens.py [--seconds N] [--seed N]. A find prints its octets and exits 1; add them to CORPUS. Signatures are
not made, so what is behind them is reached as the answer of an introspection.
"""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from postier.accounts.tokens.base64url import encode
from postier.accounts.tokens.claims import Expected
from postier.accounts.tokens.introspection import judge_answer
from postier.accounts.tokens.judging import judge
from postier.accounts.tokens.key_set import KeySet, KeySetError, read_key_set
from postier.accounts.tokens.verdict import TokenAccepted, TokenRefused

MAX_SECONDS_A_CASE = 0.1
MAX_OCTETS = 100_000
NOW_S = 1_795_000_000.0
EXPECTED = Expected(issuer="i", audience="a", scope="s", claim="email")

CORPUS = [
    b'{"alg":"ES256","typ":"at+jwt","kid":"k"}',
    b'{"active":true,"iss":"i","aud":["a"],"exp":1795000300,"scope":"s","email":"x@y.test","email_verified":true}',
    b'{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}',
    b'{"keys":[{"kty":"RSA","kid":"k","n":"'
    + encode(b"\x81" * 256).encode()
    + b'","e":"AQAB","use":"sig"}]}',
    b'{"keys":[{"kty":"EC","crv":"P-256","x":"' + encode(b"\x01" * 32).encode() + b'","y":"AA"}]}',
    b'{"a":"\\"\\\\' * 2000,
    b"[" * 3000 + b'{"a":1e30,"a":-0.0,"b":\\ud800}',
]
MARKS = (
    b'"',
    b"\\",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b".",
    b"1e9",
    b"null",
    b"\\u0000",
    b"\xff",
    b"-",
    b"true",
)


def mutated(chance: random.Random) -> bytes:
    """A piece of the corpus with octets changed, cut, doubled and put in."""
    data = bytearray(chance.choice(CORPUS))
    for _ in range(chance.randrange(8)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at:at] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + chance.randrange(20)]
            case 2:
                data[at:at] = data[at : at + chance.randrange(40)] * chance.randrange(1, 500)
            case _:
                data[at : at + 1] = chance.choice(MARKS) * chance.randrange(1, 3)
    return bytes(data[:MAX_OCTETS])


def key_set(data: bytes) -> KeySet | None:
    """The keys, or None for what is no set."""
    try:
        return read_key_set(data)
    except KeySetError:
        return None


def main() -> int:
    """Run for the time given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance, end, count = random.Random(given.seed), time.monotonic() + given.seconds, 0
    keys = key_set(CORPUS[2])
    assert keys is not None
    while time.monotonic() < end:
        data, other = mutated(chance), mutated(chance)
        token = (
            f"{encode(data)}.{encode(other)}.{encode(other[:64])}" if chance.random() < 0.8 else repr(data)
        )
        began = time.process_time()
        found = [judge(token, keys, EXPECTED, NOW_S), judge_answer(data, EXPECTED, NOW_S), key_set(data)]
        took = time.process_time() - began
        if took > MAX_SECONDS_A_CASE or not all(
            isinstance(one, TokenAccepted | TokenRefused | KeySet | None) for one in found
        ):
            print(f"{took:.2f} s, {found!r} for {data!r} and {other!r}")
            return 1
        count += 1
    print(f"{count} cases, no finding, seed {given.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
