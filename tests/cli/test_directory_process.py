"""The directory's commands as real processes, beside a process that has the store open."""

import asyncio
import json
import sys

import pytest

from postier.accounts.directory import Directory
from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator, Login, LoginProblem, LoginRefused
from postier.accounts.resolution import Local, NotOurDomain
from postier.mime.address import Address
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore


@pytest.fixture
def run(tmp_path):
    config = tmp_path / "postier.toml"
    config.write_text('hostname = "mx.beta.test"\n')

    async def call(*arguments, stdin=b"", code=0):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "postier",
            "--config",
            config,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin)
        assert process.returncode == code, err
        return (out if code == 0 else err).decode()

    return call


async def test_commands_work_beside_a_running_server(run, tmp_path):
    (tmp_path / "data").mkdir()
    store = SqliteStore(tmp_path / "data", PackStore(tmp_path / "data" / "packs"))
    directory = Directory(store)
    authenticator = Authenticator(store, Limiter(store))
    carole = Address.parse("carole@beta.test")
    heard = asyncio.Event()
    store.watch_topic("directory", heard.set)

    async def changed():
        await asyncio.wait_for(heard.wait(), 10)
        heard.clear()

    assert await directory.resolve(carole) == NotOurDomain()
    await run("domain", "add", "beta.test")
    await changed()
    out = await run(
        "account", "add", "carole@beta.test", "--password-stdin", stdin="pässword one\r\nmore\n".encode()
    )
    assert out == "added account carole@beta.test\n"
    await changed()
    assert isinstance(await directory.resolve(carole), Local)
    peer = "192.0.2.1"
    login = await authenticator.authenticate("carole@beta.test", "pässword one", peer=peer)
    assert isinstance(login, Login)
    made = json.loads(await run("account", "password", "carole@beta.test", "--json"))["password"]
    refused = await authenticator.authenticate("carole@beta.test", "pässword one", peer=peer)
    assert refused == LoginRefused(LoginProblem.WRONG)
    assert await authenticator.authenticate("carole@beta.test", made, peer=peer) == login
    assert "alias" in await run("alias", "add", "*@beta.test", "carole@beta.test")
    await changed()
    assert isinstance(await directory.resolve(Address.parse("any@beta.test")), Local)
    authenticator.close()
    await store.close()


async def test_passwords_that_are_none(run):
    for line in (b"", b"\n", b"\xff\n", b"a\x00b\n"):
        err = await run("account", "add", "a@b.test", "--password-stdin", stdin=line, code=2)
        assert "password" in err
        assert len(err.splitlines()) == 1
