"""`store.socket_bus`: wake-ups reach every process that listens, also one that came in the same tick of the clock."""

import asyncio
import os
import socket
from contextlib import closing

import msgspec

from postier.store.socket_bus import ACCOUNTS_PER_DATAGRAM, MAX_DATAGRAM_BYTES, SocketBus
from postier.store.watchers import WakeUps


async def heard_at_once(heard: list[WakeUps]) -> WakeUps:
    """All that was heard, as one, after the loop has looked."""
    await asyncio.sleep(0.01)
    together = WakeUps()
    for each in heard:
        together.add(each)
    heard.clear()
    return together


async def test_who_comes_in_the_tick_of_the_last_look_is_told_too(tmp_path):
    folder = tmp_path / "run"
    heard: list[WakeUps] = []
    with closing(SocketBus(folder, heard.append)) as first:
        first.publish(WakeUps({1: 1}))
        looked_at = folder.stat().st_mtime_ns
        with closing(SocketBus(folder, heard.append)):
            os.utime(folder, ns=(looked_at, looked_at))
            first.publish(WakeUps({1: 2}, {"queue"}))
            assert await heard_at_once(heard) == WakeUps({1: 2}, {"queue"})


async def test_a_folder_that_rests_is_not_listed_again(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    heard: list[WakeUps] = []
    with closing(SocketBus(folder, heard.append)) as first, closing(SocketBus(folder, heard.append)):
        long_ago = folder.stat().st_mtime_ns - 1_000_000_000
        os.utime(folder, ns=(long_ago, long_ago))
        first.publish(WakeUps({1: 1}))
        monkeypatch.setattr("os.listdir", None)
        first.publish(WakeUps({1: 2}))
        assert await heard_at_once(heard) == WakeUps({1: 2})


async def test_more_accounts_than_a_datagram_holds_come_in_several(tmp_path):
    heard: list[WakeUps] = []
    accounts = dict.fromkeys(range(ACCOUNTS_PER_DATAGRAM + 1), 1)
    with closing(SocketBus(tmp_path, heard.append)) as first, closing(SocketBus(tmp_path, heard.append)):
        first.publish(WakeUps(accounts, {"queue"}))
        await asyncio.sleep(0.01)
        assert len(heard) == 2
        assert await heard_at_once(heard) == WakeUps(accounts, {"queue"})


async def test_the_socket_of_a_process_that_was_killed_is_taken_away(tmp_path):
    heard: list[WakeUps] = []
    with closing(SocketBus(tmp_path, heard.append)) as first, closing(SocketBus(tmp_path, heard.append)):
        (tmp_path / "1-gone.bus").touch()
        first.publish(WakeUps({1: 1}))
        assert await heard_at_once(heard) == WakeUps({1: 1})
    assert list(tmp_path.iterdir()) == []


async def test_a_process_that_is_busy_for_a_while_misses_nothing(tmp_path):
    """The queue of a socket that is not read has room for some ten datagrams."""
    wanted = {number: number for number in range(1, 200)}
    with closing(SocketBus(tmp_path, print)) as bus, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as busy:
        busy.setblocking(False)
        busy.bind(str(tmp_path / "busy.bus"))
        for account_id, modseq in wanted.items():
            bus.publish(WakeUps({account_id: modseq}, {"queue"} if account_id == 150 else set()))
        heard = WakeUps()
        async with asyncio.timeout(10):
            while heard != WakeUps(wanted, {"queue"}):
                await asyncio.sleep(0.005)
                for _ in range(3):  # slowly
                    try:
                        datagram = busy.recv(MAX_DATAGRAM_BYTES)
                    except BlockingIOError:
                        break
                    heard.add(msgspec.msgpack.decode(datagram, type=WakeUps))
