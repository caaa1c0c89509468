"""What the fuzzers of line protocols share: dialogues mutated by splices, tried one after the other until the time is up."""

import argparse
import random
import time

MAX_SECONDS_A_CASE = 0.5


def run(about, corpus, pieces, attempt):
    """Try mutated dialogues of the corpus with `attempt(rng, data)`; an exception or a slow case is a find. The exit code."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    end, cases = time.monotonic() + options.seconds, 0
    while time.monotonic() < end:
        data = mutated(rng, corpus, pieces)
        start = time.monotonic()
        try:
            attempt(rng, data)
        except Exception as error:
            print(f"find: {error!r} in {data!r}")
            raise
        if time.monotonic() - start > MAX_SECONDS_A_CASE:
            print(f"slow: {data!r}")
            return 1
        cases += 1
    print(f"{cases} cases, nothing found")
    return 0


def mutated(rng, corpus, pieces):
    """A dialogue after a few splices, cuts and repeats."""
    data = bytearray(rng.choice(corpus))
    for _ in range(rng.randint(1, 6)):
        place = rng.randint(0, len(data))
        match rng.randint(0, 4):
            case 0:
                data[place:place] = rng.choice(pieces) * rng.choice([1, 1, 1, 50])
            case 1:
                del data[place : place + rng.randint(1, 8)]
            case 2:
                data[place : place + 1] = rng.randbytes(1)
            case 3:
                data[place:place] = rng.choice(corpus)
            case _:
                data[place:place] = data[place : place + rng.randint(1, 30)]
    return bytes(data)


def cut_alike(answer):
    """An attempt that asks `answer(data, size, choice)` twice: however the octets are cut, the answer is the same."""

    def attempt(rng, data):
        choice, size = rng.randint(0, 2), rng.choice([1, 2, 7, 64])
        assert answer(data, size, choice) == answer(data, len(data) or 1, choice)

    return attempt
