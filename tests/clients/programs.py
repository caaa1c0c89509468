"""Runs the mail programs of the system, each with a time limit; one that is missing fails with its package's name."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

LIMIT_S = 20
PACKAGES = {
    "swaks": "swaks",
    "curl": "curl",
    "neomutt": "neomutt",
    "mbsync": "isync",
    "offlineimap": "offlineimap3",
    "node": "nodejs",
    "thunderbird": "thunderbird",
    "script": "bsdutils",
    "getmail": "getmail6",
    "fetchmail": "fetchmail",
    "sieve-connect": "sieve-connect",
}


def program(name: str) -> str:
    """The path of a program, or a failure that names the Debian package to install."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed: install the Debian package {PACKAGES[name]}")
    return found


def run(
    name: str, *arguments: object, folder: Path, feed: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a program in `folder`, which is its home too, so that nobody's own configuration is read."""
    try:
        return subprocess.run(
            [program(name), *map(str, arguments)],
            input=feed,
            capture_output=True,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"} | environment,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        said = b"\n".join(stream or b"" for stream in (late.stdout, late.stderr))
        pytest.fail(f"{name} did not end within {LIMIT_S} s; it said:\n{said.decode(errors='replace')}")


def done(
    name: str, *arguments: object, folder: Path, feed: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The same, and the program must report success."""
    result = run(name, *arguments, folder=folder, feed=feed, **environment)
    assert result.returncode == 0, (result.returncode, result.stdout.decode(), result.stderr.decode())
    return result
