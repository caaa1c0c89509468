"""Row 46: no port but those configured, and no file that others can read."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
_spec = importlib.util.spec_from_file_location("server_process", TESTS / "app" / "server_process.py")
server_process = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(server_process)


@pytest.fixture
async def server(tmp_path):
    process = server_process.ServerProcess(tmp_path)
    yield process
    await process.stop()


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def listening_ports(pid):
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    inodes = {found[1] for found in (re.fullmatch(r"socket:\[(\d+)\]", link) for link in links) if found}
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                ports.add(int(words[1].rpartition(":")[2], 16))
    return ports


async def test_only_configured_ports_listen_and_files_are_private(server):
    server.configure()
    old = os.umask(0)
    try:
        await server.start()
    finally:
        os.umask(old)
    port = await server.ready()
    processes = [server.process.pid, *children_of(server.process.pid)]
    assert len(processes) == 3
    assert all(listening_ports(pid) == {port} for pid in processes)
    made = [server.folder / "data", *(server.folder / "data").rglob("*")]
    assert {path.name for path in made} == {"data", "lock", "made-by-1", "made-by-2"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in made)
