import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("server_process", Path(__file__).parent / "server_process.py")
server_process = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(server_process)


@pytest.fixture
async def server(tmp_path):
    process = server_process.ServerProcess(tmp_path)
    yield process
    await process.stop()


@pytest.fixture
async def dial():
    clients = []

    async def make(port):
        client = await server_process.Client.dial(port)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()
