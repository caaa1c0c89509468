"""Free ports for servers that must be told theirs in advance.

Below the range from which the system takes ports for connections (32768 and up), or a client of another test could take
one between our look and the server's bind.
"""

import random
import socket

ADDRESS = "127.0.0.1"
RANGE = (10_000, 20_000)

_chance = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """A port that neither UDP nor TCP uses now, and that was not given before."""
    while True:
        port = _chance.randrange(*RANGE)
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
