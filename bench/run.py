"""Measure a real server on loopback; prints a JSON object a line.

A fresh data folder on a real disk, every write synced; the load and the DNS server run in this process and are not counted.
`--quick` takes seconds and shows only that all works; `--all` adds what the other modules bench_*.py measure. `--beside
dovecot` has Debian's Dovecot do each operation of IMAP in turns with Postier, and prints the ratios.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import dovecot
import uvloop
from beside import beside
from letters import SELECTOR, SENDER_DOMAIN
from node import Node, running, sender_zone
from rows_imap import imap_rows
from rows_smtp import smtp_rows

from postier.mailauth import dkim

BENCH = Path(__file__).resolve().parent
DISK = Path("/var/tmp")  # noqa: S108 # unlike /tmp it is on a disk everywhere
ACCOUNTS = 100
PARTS = ("smtp", "imap")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few messages: only whether all works")
    parser.add_argument("--all", action="store_true", help="also run every bench_*.py")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part (may be repeated)")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="of the server (one per core)"
    )
    parser.add_argument("--beside", choices=("dovecot",), help="measure this peer of IMAP too, in turns")
    parser.add_argument("--format", choices=dovecot.FORMATS, default="mdbox", help="how Dovecot keeps mail")
    parser.add_argument("--folder", type=Path, default=DISK, help="where data folders are made; on a disk")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    _tell({
        "bench": "machine", "cpus": os.cpu_count(), "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}", "workers": given.workers, "load": os.getloadavg()[0],
    })  # fmt: skip
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        peer = given.format if given.beside else None
        runner.run(_measure(given.folder, given.part or PARTS, given.workers, peer, quick=given.quick))
    for module in sorted(BENCH.glob("bench_*.py")) if given.all else ():
        _run_module(module)


async def _measure(
    folder: Path, parts: tuple[str, ...], workers: int, peer: str | None, *, quick: bool
) -> None:
    key = dkim.SigningKey(SENDER_DOMAIN, SELECTOR, dkim.generate_key())
    accounts = 11 if quick else ACCOUNTS
    for part in PARTS:
        if part not in parts:
            continue
        with tempfile.TemporaryDirectory(prefix="postier-bench-", dir=folder) as made:
            async with running(Path(made), accounts, {SENDER_DOMAIN: sender_zone(key)}, workers) as node:
                rows: AsyncIterator[dict[str, object]] = (
                    smtp_rows(node, key, accounts, quick=quick)
                    if part == "smtp"
                    else _imap_rows(node, folder, peer, quick=quick)
                )
                async for row in rows:
                    _tell(row)


async def _imap_rows(
    node: Node, folder: Path, peer: str | None, *, quick: bool
) -> AsyncIterator[dict[str, object]]:
    """Our rows, or those of both servers."""
    ours = imap_rows(node, quick=quick)
    if peer is None:
        async for row in ours:
            yield row
        return
    with tempfile.TemporaryDirectory(prefix="dovecot-bench-", dir=folder) as made:
        async with dovecot.running(Path(made), peer) as other:
            async for row in beside(ours, imap_rows(other, quick=quick), f"dovecot {peer}"):
                yield row


def _run_module(module: Path) -> None:
    """Pass on what a module prints, each object under its name."""
    done = subprocess.run(
        [sys.executable, str(module)],
        env=os.environ | {"PYTHONPATH": str(BENCH.parent / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise SystemExit(f"{module.name} failed")
    for document in _documents(done.stdout):
        _tell({"bench": module.stem, "figures": document})


def _documents(text: str) -> list[object]:
    """The JSON documents of an output: one over several lines, or one a line."""
    with suppress(ValueError):
        return [json.loads(text)]
    found: list[object] = []
    for line in text.splitlines():
        with suppress(ValueError):
            found.append(json.loads(line))
    return found


def _tell(row: dict[str, object]) -> None:
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
