"""Runs `tiny_server.py` for a test and talks with it; every wait is for a line, with a time limit."""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent / "src"
LIMIT_S = 20


class ServerProcess:
    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "postier.toml"
        self.process = None
        self.log = []

    def configure(self, extra="", *, workers=2, data="data", bind="127.0.0.1:0", shutdown="20s", top=""):
        self.config.write_text(
            f'hostname = "mx.alpha.test"\ndata = "{data}"\nworkers = {workers}\nshutdown_timeout_s = "{shutdown}"\n{top}\n'
            f'[[listener]]\nprotocol = "smtp"\nbind = "{bind}"\n[log]\nformat = "json"\n{extra}\n'
        )

    async def start(self, *arguments, command=(), **options):
        environ = os.environ | {"PYTHONPATH": str(SOURCE)}
        self.process = await asyncio.create_subprocess_exec(
            *(command or (sys.executable, str(HERE / "tiny_server.py"))),
            str(self.config),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environ,
            **options,
        )
        return self

    async def ready(self):
        """Wait for the `ready` line; gives the port."""
        async with asyncio.timeout(LIMIT_S):
            line = (await self.process.stdout.readline()).decode()
        assert line.startswith("ready"), line + (await self.rest())
        return int(re.search(r"smtp [^ ]*:(\d+)", line)[1])

    async def logged(self, event, **fields):
        """Wait for a log line of this event."""
        async with asyncio.timeout(LIMIT_S):
            while line := await self.process.stderr.readline():
                self.log.append(line.decode())
                entry = json.loads(line) if line.startswith(b"{") else {"event": line}
                if entry["event"] == event and all(entry.get(key) == value for key, value in fields.items()):
                    return entry
        raise AssertionError(f"no {event} in {''.join(self.log)}")

    def signal(self, number):
        os.kill(self.process.pid, number)

    async def rest(self):
        async with asyncio.timeout(LIMIT_S):
            return (await self.process.stderr.read()).decode()

    async def ended(self):
        """Wait for the end; gives exit code, remaining standard output and error."""
        async with asyncio.timeout(LIMIT_S):
            out, err = await self.process.communicate()
        return self.process.returncode, out.decode(), "".join(self.log) + err.decode()

    async def stop(self):
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(2):
                    await self.process.communicate()
            except TimeoutError:
                self.process.kill()
                await self.process.communicate()


class Client:
    def __init__(self, reader, writer, words):
        self.reader, self.writer = reader, writer
        _, number, pid, uid = words
        self.number, self.pid, self.uid = int(number), int(pid), int(uid)

    @classmethod
    async def dial(cls, port):
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            return cls(reader, writer, (await reader.readline()).decode().split())

    def say(self, word):
        self.writer.write(word + b"\n")

    async def heard(self):
        async with asyncio.timeout(LIMIT_S):
            try:
                return await self.reader.readline()
            except ConnectionResetError:
                return b""

    async def close(self):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return
