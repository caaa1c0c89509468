"""Free ports for servers that must be told theirs in advance.

Below the range from which the system takes ports for connections (32768 and up), or a client of another test could take
one between our look and the server's bind. Each worker of pytest-xdist has a part of it of its own, so that no other
worker's server takes one in that time.
"""

import os
import random
import socket

ADDRESS = "127.0.0.1"
FIRST, EACH, PARTS = 10_000, 2_500, 8

_part = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PARTS

_chance = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """A port that neither UDP nor TCP uses now, and that was not given before."""
    while True:
        port = _chance.randrange(FIRST + _part * EACH, FIRST + (_part + 1) * EACH)
        if port in _given:
            continue
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            try:
                stream.bind((ADDRESS, port))
                datagram.bind((ADDRESS, port))
            except OSError:
                continue
        _given.add(port)
        return port
