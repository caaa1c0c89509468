"""The promise of DESIGN §3: what was acknowledged survives kill -9, again and again.

Connections send without a pause: letters to mailboxes here, letters through the queue to a server elsewhere, messages
that users file, flag and delete by IMAP. At random moments the whole server is killed, or its supervisor alone, or one
worker; it is started again on the same data at once. At the end every acknowledged letter is whole and where it belongs
(more than once is allowed), every acknowledged UID still names its message, what was flagged is flagged, what was deleted
is gone, and the store is sound.
"""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from postier.dns.authoritative import AuthoritativeServer
from postier.dns.zones import Zones
from postier.imap.flags import FLAGGED
from tests.crash.load import Filed, Load
from tests.crash.node import (
    SOUND,
    Kept,
    children,
    configuration_text,
    contents,
    drain,
    free_ports,
    listener,
    populate,
    verify,
)
from tests.crash.sink import Sink
from tests.postgres_server import PostgresServer
from tests.server_process import ServerProcess

CONNECTIONS = 9
LONGEST_LIFE_S = 0.3  # after the first acknowledgement
SHARE_ON_POSTGRES = 4  # one kill there for so many on the embedded store
ZONES = {
    "sink.test": "@ MX 10 mx\nmx A 127.0.0.1\n",
    "elsewhere.test": '@ TXT "v=spf1 ip4:127.0.0.1 -all"\n@ MX 10 mx\nmx A 127.0.0.1\n',
}


async def kill(server: ServerProcess, chance: random.Random) -> None:
    """Kill all of it, the supervisor alone, or a worker; at the end the server runs."""
    drawn = chance.random()
    if drawn < 0.2:
        os.kill(chance.choice(children(server.pid)), signal.SIGKILL)  # the supervisor starts another
        return
    await server.kill(alone=drawn < 0.4)
    await server.start()


def lost(load: Load, kept: Sequence[Kept]) -> dict[str, set[int]]:
    """The accounts that miss a letter."""
    there: dict[str, set[int]] = {}
    for each in kept:
        there.setdefault(each.message_id, set()).add(each.account)
    missing = {name: accounts - there.get(name, set()) for name, accounts in load.accounts.items()}
    return {name: accounts for name, accounts in missing.items() if accounts}


def misfiled(filed: dict[str, Filed], kept: Sequence[Kept]) -> list[object]:
    """Messages that users filed and that are not as they were told."""
    there = {(each.account, each.uid): each for each in kept if each.mailbox == "INBOX"}
    wrong: list[object] = []
    for message_id, told in filed.items():
        found = there.get((told.account, told.uid))
        if found is None:
            is_right = told.is_expunged is not False
        elif told.is_expunged or found.message_id != message_id:
            is_right = False
        else:
            is_right = told.is_flagged is None or told.is_flagged == bool(found.flags & FLAGGED)
        if not is_right:
            wrong.append((message_id, told, found))
    return wrong


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> tuple[str, int]:
    """The engine's line of the configuration, and how often the server is killed on it."""
    kills: int = request.config.getoption("--kills")
    if request.param == "sqlite":
        return "", kills
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return f'store.url = "{server.new_database()}"\n', max(1, kills // SHARE_ON_POSTGRES)


@pytest.mark.timeout(1200)
@pytest.mark.xdist_group("crash")
async def test_nothing_acknowledged_is_lost(tmp_path: Path, engine: tuple[str, int]) -> None:
    head, kills = engine
    chance = random.Random(1)
    sink = Sink()
    smtp_port, submission_port, imap_port = free_ports(3)
    configuration = tmp_path / "postier.toml"
    load = Load(smtp_port, submission_port, imap_port)
    async with AuthoritativeServer(Zones(ZONES)) as dns, await sink.serve() as listening:
        sink_port = listening.sockets[0].getsockname()[1]
        configuration.write_text(
            head
            + configuration_text(smtp_port, submission_port, dns.port, sink_port)
            + listener("imap", imap_port)
        )
        await populate(configuration)
        server = ServerProcess(configuration)
        await server.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(CONNECTIONS):
                    tasks.create_task(load.run(number))
                for _ in range(kills):
                    await load.reach(load.total() + 1)
                    await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_S))  # the moment is what is tried
                    await kill(server, chance)
                await load.reach_of_each(kills + 1)  # on a slow machine the kills left no time for some
                load.is_over = True
            await drain(configuration)
            assert await server.stop() == 0
        finally:
            await server.kill()
    kept = await contents(configuration)
    assert load.refusals == []
    assert lost(load, kept) == {}
    assert misfiled(load.filed, kept) == []
    assert [each for each in kept if not each.is_whole] == []
    assert (load.remote - sink.received, sink.damaged) == (set(), set())
    assert await verify(configuration) == SOUND
