"""A real server with a tiny protocol, run as a process of its own by the tests: `tiny_server.py CONFIG [MODE]`.

Each connection is greeted with `hello WORKER-NUMBER PID UID`; it may say `crash` or `kill`. MODE: `stuck` blocks the
loop at shutdown, `slow` never finishes but can be cancelled, `broken` cannot start, `failing` has a task that fails on
the word `fail`.
"""

import asyncio
import os
import select
import signal
import sys
from pathlib import Path

from postier.app import log
from postier.app.configuration import ConfigurationError, load
from postier.app.start_error import StartError
from postier.app.supervisor import Supervisor
from postier.app.worker import run_services

MODE = sys.argv[2] if len(sys.argv) > 2 else ""


class TinyService:
    def __init__(self, context):
        self.context = context
        self.servers = []
        self.writers = set()
        self.failed = asyncio.Event()

    async def start(self, tasks):
        if MODE == "broken":
            raise StartError("nothing works here")
        if MODE == "failing":
            tasks.create_task(self.fail())
        (self.context.settings.data / f"made-by-{self.context.number}").touch()
        for listening in self.context.sockets:
            self.servers.append(await asyncio.start_server(self.serve, sock=listening.socket))
        self.context.on_reload(
            lambda s: log.logger("tiny").info("limits", message_size=s.limits.message_size)
        )

    async def fail(self):
        await self.failed.wait()
        raise RuntimeError("a duty failed")

    async def serve(self, reader, writer):
        self.writers.add(writer)
        writer.write(f"hello {self.context.number} {os.getpid()} {os.getuid()}\n".encode())
        while word := (await reader.readline()).strip():
            match word:
                case b"crash":
                    os._exit(3)
                case b"kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                case b"fail":
                    self.failed.set()
        self.writers.discard(writer)
        writer.close()

    def stop_accepting(self):
        for server in self.servers:
            server.close()

    async def finish(self, deadline):
        if MODE == "stuck":
            select.select([], [], [])
        if MODE == "slow":
            await asyncio.Event().wait()
        for writer in self.writers:
            writer.write(b"bye\n")
            writer.close()


async def build_worker(context):
    sys.stdout.write("workers do not own standard output\n")
    sys.stdout.flush()
    await run_services(context, [TinyService(context)])


def main():
    path = Path(sys.argv[1])
    try:
        return Supervisor(load(path, os.environ), build_worker, reread=lambda: load(path, os.environ)).run()
    except (StartError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
