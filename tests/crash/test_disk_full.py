"""A full disk: what cannot be kept is refused for now, nothing acknowledged is lost, and room made is room used.

The disk is filled at three moments: before a letter is announced (the guard answers, `Store.may_hold`), while a letter
or a message is coming in (the guard has said yes; the write fails), and while nothing but rows is written.
"""

import asyncio
import contextlib
import os
import random
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from tests.crash.load import ImapClient, RefusedError, SmtpClient
from tests.crash.node import (
    PASSWORD,
    SOUND,
    Kept,
    configuration_text,
    contents,
    free_ports,
    letter,
    listener,
    needs_root,
    populate,
    verify,
)
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.xdist_group("crash"), pytest.mark.mounts]

DISK_MIB = 96  # 64 MiB of it are never promised to mail (store.packs.SPARE_BYTES)
RECOVERY_S = 20.0
SENDER = "s@elsewhere.test"
SMALL, LARGE = 1_000, 3 << 20  # octets; the large one is spooled in a file (mta.spool.MEMORY_BYTES)
PATIENCE_S = 10.0


class Disk(msgspec.Struct):
    """A file system with little room."""

    folder: Path

    def fill(self, leave_bytes: int = 0) -> None:
        """Take all room away, but for `leave_bytes`."""
        room = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - leave_bytes)

    def make_room(self) -> None:
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of its own with little room."""
    needs_root("a small file system is mounted, which")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)], check=True)
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Running(msgspec.Struct):
    """A server on the small disk, with a client of each protocol."""

    disk: Disk
    configuration: Path
    server: ServerProcess
    smtp: SmtpClient
    imap: ImapClient

    async def kept(self) -> list[Kept]:
        """What is there after an orderly end; the store is sound."""
        assert await self.server.stop() == 0
        assert await verify(self.configuration) == SOUND
        kept = await contents(self.configuration)
        assert all(each.is_whole for each in kept)
        return kept

    async def announce(self) -> None:
        """Everything up to the letter itself."""
        await self.smtp.say(f"MAIL FROM:<{SENDER}>", 250)
        await self.smtp.say("RCPT TO:<u1@alpha.test>", 250)
        await self.smtp.say("DATA", 354)


@pytest_asyncio.fixture
async def running(disk: Disk) -> AsyncIterator[Running]:
    smtp_port, submission_port, imap_port, unused = free_ports(4)
    configuration = disk.folder / "postier.toml"
    text = configuration_text(smtp_port, submission_port, unused, unused) + listener("imap", imap_port)
    configuration.write_text(text)
    await populate(configuration)
    server = ServerProcess(configuration)
    await server.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.kill)
        reader, writer = await asyncio.open_connection("127.0.0.1", smtp_port)
        stack.callback(writer.close)
        smtp = SmtpClient(reader, writer)
        await smtp.reply(220)
        await smtp.say("EHLO elsewhere.test", 250)
        reader, writer = await asyncio.open_connection("127.0.0.1", imap_port)
        stack.callback(writer.close)
        imap = ImapClient(reader, writer)
        await imap.say(f"LOGIN u1@alpha.test {PASSWORD}".encode())
        await imap.say(b"SELECT INBOX")
        yield Running(disk, configuration, server, smtp, imap)


def text(size_bytes: int) -> bytes:
    """Lines that don't compress."""
    line_octets = 38
    chance = random.Random(size_bytes)
    return b"".join(
        chance.randbytes(line_octets).hex().encode() + b"\r\n" for _ in range(size_bytes // (2 * line_octets))
    )


def check_words(refusal: RefusedError) -> None:
    """It is for want of room, and for now."""
    assert b"452 4.3.1" in refusal.args[0] or b"NO [UNAVAILABLE]" in refusal.args[0]


async def refused_from_now_on(running: Running, name: str) -> None:
    """Send until a letter is refused for want of room: the guard looks once a second. All others must be kept."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await running.smtp.send(SENDER, ["u1@alpha.test"], letter(name, text(SMALL)))
            except RefusedError as refusal:
                check_words(refusal)
                await running.smtp.say("RSET", 250)
                return


async def taken_again(running: Running, name: str) -> None:
    """Send and file until both are taken; nobody helps the server but by making room."""
    content = letter(name, text(SMALL))
    await until_taken(lambda: running.smtp.send(SENDER, ["u1@alpha.test"], content))
    await until_taken(lambda: running.imap.append(content))


async def until_taken(act: Callable[[], Awaitable[object]]) -> None:
    """Each worker looks once a second how much room there is."""
    async with asyncio.timeout(RECOVERY_S):
        while True:
            try:
                await act()
            except RefusedError as refusal:
                check_words(refusal)
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize("leave_bytes", [32 << 20, 1 << 20, 0], ids=["spare-room", "little-room", "no-room"])
async def test_no_letter_is_begun_for_which_there_is_no_room(running: Running, leave_bytes: int) -> None:
    await running.smtp.send(SENDER, ["u1@alpha.test"], letter("before@x", text(SMALL)))
    running.disk.fill(leave_bytes)
    await refused_from_now_on(running, "meanwhile@x")
    with pytest.raises(RefusedError, match=r"NO \[UNAVAILABLE\]"):
        await asyncio.wait_for(_append_until_refused(running), PATIENCE_S)
    await running.imap.say(b"UID FETCH 1 (FLAGS BODY.PEEK[])")  # reading goes on
    running.disk.make_room()
    await taken_again(running, "after@x")
    kept = [each.message_id for each in await running.kept()]
    assert (kept.count("before@x"), kept.count("after@x")) == (1, 2)


async def _append_until_refused(running: Running) -> None:
    while True:
        await running.imap.append(letter("meanwhile@x", text(SMALL)))


@pytest.mark.parametrize("size_bytes", [200_000, LARGE], ids=["in-memory", "spooled"])
async def test_a_disk_that_fills_up_while_a_letter_comes_in(running: Running, size_bytes: int) -> None:
    await running.smtp.send(SENDER, ["u1@alpha.test"], letter("before@x", text(SMALL)))
    await running.announce()
    running.disk.fill()
    await running.smtp.say((letter("during@x", text(size_bytes)) + b".").decode(), 452)
    running.disk.make_room()
    await taken_again(running, "after@x")
    assert {each.message_id for each in await running.kept()} == {"before@x", "after@x"}


@pytest.mark.parametrize("size_bytes", [200_000, LARGE], ids=["in-memory", "spooled"])
async def test_a_disk_that_fills_up_while_a_message_is_filed(running: Running, size_bytes: int) -> None:
    await running.imap.append(letter("before@x", text(SMALL)))
    running.disk.fill()
    with pytest.raises(RefusedError, match=r"NO \[UNAVAILABLE\]"):
        await running.imap.append(letter("during@x", text(size_bytes)))
    await running.imap.say(b"NOOP")
    running.disk.make_room()
    await taken_again(running, "after@x")
    assert {each.message_id for each in await running.kept()} == {"before@x", "after@x"}


async def test_rows_that_find_no_room(running: Running) -> None:
    """Flags and mailboxes: either it is done or it is refused; what was done stays."""
    await running.smtp.send(SENDER, ["u1@alpha.test"], letter("before@x", text(SMALL)))
    running.disk.fill()
    done, is_refused = 0, False
    async with asyncio.timeout(PATIENCE_S):
        while not is_refused:
            try:
                await running.imap.say(b'CREATE "%d %b"' % (done, b"x" * 150))
                done += 1
            except RefusedError as refusal:
                check_words(refusal)
                is_refused = True
    with contextlib.suppress(RefusedError):
        await running.imap.say(b"UID STORE 1 +FLAGS (\\Flagged)")
    running.disk.make_room()
    await taken_again(running, "after@x")
    await running.imap.say(b'CREATE "again"')
    for number in range(done):
        await running.imap.say(b'STATUS "%d %b" (MESSAGES)' % (number, b"x" * 150))
    assert {each.message_id for each in await running.kept()} == {"before@x", "after@x"}
