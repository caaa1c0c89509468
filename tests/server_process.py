"""A whole server as its own processes: started from a configuration file, stopped, or killed without a word."""

import asyncio
import os
import signal
import sys
from pathlib import Path

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0


class ServerProcess:
    """`postier serve` in a session of its own; its log goes to `log` beside the configuration."""

    def __init__(self, configuration: Path) -> None:
        self.configuration = configuration
        self.log = configuration.parent / "log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start and wait until every listener accepts; the ready line."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "postier",
                "serve",
                "--config",
                str(self.configuration),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent / "src")},
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_TIMEOUT_S):
            line = await self._process.stdout.readline()
        assert line.startswith(b"ready"), self.log.read_text()
        return line.decode()

    @property
    def pid(self) -> int:
        """The supervisor's."""
        assert self._process is not None
        return self._process.pid

    async def kill(self, *, alone: bool = False) -> None:
        """SIGKILL to the supervisor (`alone`) and all workers at one time; nothing if it has ended."""
        assert self._process is not None
        if self._process.returncode is None:
            (os.kill if alone else os.killpg)(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self._process is not None
        self._process.terminate()
        async with asyncio.timeout(STOP_TIMEOUT_S):
            return await self._process.wait()
