"""A full disk: what cannot be kept is refused for now, nothing acknowledged is lost, and room made is room used."""

import asyncio
import contextlib
import imaplib
import os
import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from postier.cli.root import root
from tests.crash.node import configuration_text, free_ports, populate, stored
from tests.server_process import ServerProcess

DISK_MIB = 96  # 64 MiB of it are never promised to mail (store.packs.SPARE_BYTES)
LETTER = "From: s@elsewhere.test\r\nMessage-ID: <{name}@elsewhere.test>\r\n\r\n" + "x" * 1_000 + "\r\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room; needs root, as `make test` says."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.fail("a small file system can be mounted by root only: run the tests as root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def send(port: int, name: str) -> int:
    """The code that ends one letter's transaction."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo("elsewhere.test")
        client.mail("s@elsewhere.test")
        client.rcpt("u1@alpha.test")
        code, _ = client.docmd("DATA")
        if code != 354:
            return code
        client.send(LETTER.format(name=name).encode() + b".\r\n")
        return client.getreply()[0]


def fill(folder: Path, *, leave_bytes: int) -> Path:
    """Take the room away, but for `leave_bytes`."""
    ballast = folder / "ballast"
    room = os.statvfs(folder)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - leave_bytes)
    return ballast


@pytest.mark.parametrize("leave_bytes", [1 << 20, 0], ids=["little-room", "no-room"])
async def test_a_full_disk_defers_and_loses_nothing(small_disk: Path, leave_bytes: int) -> None:
    smtp_port, submission_port, imap_port, unused = free_ports(4)
    configuration = small_disk / "postier.toml"
    imap = f'[[listener]]\nprotocol = "imap"\nbind = "127.0.0.1:{imap_port}"\ntls = "none"\n'
    configuration.write_text(configuration_text(smtp_port, submission_port, unused, unused) + imap)
    await populate(configuration)
    server = ServerProcess(configuration)
    await server.start()

    assert await asyncio.to_thread(send, smtp_port, "before") == 250
    ballast = fill(small_disk, leave_bytes=leave_bytes)
    await asyncio.sleep(1.1)  # the room is looked up once a second (store.sqlite.FREE_SPACE_AGE_S)
    assert await asyncio.to_thread(send, smtp_port, "full") in {451, 452}
    assert await asyncio.to_thread(append_refused, imap_port)

    ballast.unlink()
    await asyncio.sleep(1.1)
    assert await asyncio.to_thread(send, smtp_port, "after") == 250
    assert await server.stop() == 0
    found = await stored(configuration)
    assert {name for name, accounts in found.items() if accounts == {1}} == {
        "before@elsewhere.test",
        "after@elsewhere.test",
    }
    verified = await asyncio.to_thread(CliRunner().invoke, root, ["verify", "--config", str(configuration)])
    assert (verified.exit_code, verified.output) == (0, "the store is sound\n")


def append_refused(port: int) -> bool:
    """Whether APPEND is answered NO and the session goes on."""
    with imaplib.IMAP4("127.0.0.1", port, timeout=20) as client:
        client.login("u1@alpha.test", "secret")
        with contextlib.suppress(imaplib.IMAP4.error):
            answer, _ = client.append("INBOX", None, None, LETTER.format(name="appended").encode())
            return answer == "NO" and client.noop()[0] == "OK"
    return False
