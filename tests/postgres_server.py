"""A real PostgreSQL server for one test run: own data folder, Unix socket only, stopped at the end."""

import os
import pwd
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path

import psycopg


def _programs() -> Path:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    raise RuntimeError("PostgreSQL's server programs are missing: install the package 'postgresql'")


class PostgresServer:
    """`start`, then `new_database()` gives the URL of an empty one; fsync is off, for these data are not kept."""

    def __init__(self) -> None:
        # A folder of its own: another user's server has to reach it, which pytest's private folders do not let.
        self._folder = Path(tempfile.mkdtemp(prefix="postier-postgres-"))
        self._programs = _programs()
        self._numbers = count(1)
        # PostgreSQL refuses to run as root: then it runs as the account that its package made.
        self._user = "postgres" if os.geteuid() == 0 else None

    def start(self) -> None:
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb",
            "-D",
            self._data,
            "-A",
            "trust",
            "-U",
            "postier",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        )
        self.resume()

    def resume(self) -> None:
        """Start on the data that are there."""
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off -c max_connections=200 -c logging_collector=off"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def crash(self) -> None:
        """End all its processes at once, without a checkpoint; `resume` recovers."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def stop(self) -> None:
        self.crash()
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> str:
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _url(self, database: str) -> str:
        return f"postgresql://postier@/{database}?host={self._folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if self._user:
            command = ["setpriv", f"--reuid={self._user}", f"--regid={self._user}", "--init-groups", *command]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd="/"
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}")
