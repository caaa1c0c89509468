"""How evenly two workers share one listening socket, by the way they accept; prints JSON.

`server` is loop.create_server on the shared socket; `one` accepts one connection a turn of the loop
(loop.sock_accept). Held connections are counted per worker after a burst of connections. The first argument is their number.
"""

import asyncio
import json
import os
import resource
import signal
import socket
import sys
import time

import uvloop

WORKERS = 2
CONNECTIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000


class _Hold(asyncio.Protocol):
    def connection_made(self, transport):
        transport.write(f"{os.getpid()}\n".encode())


async def _serve(sock, way):
    loop = asyncio.get_running_loop()
    if way == "server":
        await loop.create_server(_Hold, sock=sock, start_serving=True)
        await asyncio.Event().wait()
    while True:
        try:
            accepted, _ = await loop.sock_accept(sock)
        except OSError:
            continue
        await loop.connect_accepted_socket(_Hold, accepted)


def _measure(way):
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listening.setblocking(False)
    children = []
    for _ in range(WORKERS):
        pid = os.fork()
        if pid == 0:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(listening, way))
        children.append(pid)
    held, counts = [], dict.fromkeys(children, 0)
    start = time.perf_counter()
    held += [socket.create_connection(listening.getsockname()) for _ in range(CONNECTIONS)]
    for connection in held:
        counts[int(connection.recv(20))] += 1
    seconds = time.perf_counter() - start
    for connection in held:
        connection.close()
    usage = {}
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        _, _, used = os.wait4(pid, 0)
        usage[pid] = used.ru_utime + used.ru_stime
    listening.close()
    return {
        "way": way,
        "counts": sorted(counts.values()),
        "seconds": round(seconds, 3),
        "worker_cpu_us_per_connection": round(sum(usage.values()) / CONNECTIONS * 1e6, 1),
    }


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    print(json.dumps([_measure(way) for way in ("server", "one")]))
