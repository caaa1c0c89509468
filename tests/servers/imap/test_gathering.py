"""Connections that append wait for each other, but not long."""

import asyncio

from postier.servers.imap.gathering import GATHER_S, MAX_EXPECTED, Gathering


async def _joined(gathering: Gathering, *connections: int) -> list[int]:
    """In which order they went on."""
    went: list[int] = []

    async def join(connection: int) -> None:
        await gathering.join(connection)
        went.append(connection)

    async with asyncio.TaskGroup() as tasks:
        for connection in connections:
            tasks.create_task(join(connection))
    return went


def _waits(gathering: Gathering, connection: int) -> bool:
    """Whether it would not go on at once."""
    coroutine = gathering.join(connection)
    try:
        coroutine.send(None)
    except StopIteration:
        return False
    coroutine.close()
    return True


async def test_who_appends_alone_goes_on_at_once() -> None:
    gathering = Gathering()
    assert not _waits(gathering, 1)
    assert not _waits(gathering, 1)


async def test_who_is_expected_is_waited_for() -> None:
    gathering, loop = Gathering(), asyncio.get_running_loop()
    assert sorted(await _joined(gathering, 1, 2)) == [1, 2]
    started = loop.time()
    assert sorted(await _joined(gathering, 2, 1)) == [1, 2]
    together = loop.time() - started
    assert await _joined(gathering, 1) == [1]  # the other does not come: it goes on when the time is up
    assert loop.time() - started - together >= GATHER_S / 2


async def test_a_crowd_goes_on_before_all_are_here() -> None:
    gathering = Gathering()
    crowd = range(1, MAX_EXPECTED + 2)
    assert len(await _joined(gathering, *crowd)) == len(crowd)
    went = await _joined(gathering, *crowd)
    assert sorted(went) == [*crowd]


async def test_one_that_gave_up_holds_nobody() -> None:
    gathering = Gathering()
    await _joined(gathering, 1, 2, 3)
    assert _waits(gathering, 1)  # and is closed
    assert sorted(await _joined(gathering, 2, 3)) == [2, 3]
