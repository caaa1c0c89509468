"""The peer: Debian's Dovecot in a folder of its own, measured by the same driver.

Its configuration is the shipped one (mail_fsync=optimized, one process a connection), with what Dovecot's own pages advise for
many logins (imap-login kept, two of it at hand), any user by one password, and its limit of connections a user lifted.
"""

import asyncio
import contextlib
import getpass
import grp
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from meter import Meter
from node import HOST, PASSWORD, free_ports

FORMATS = (
    "mdbox",
    "sdbox",
    "maildir",
)  # the first is its fastest; a file a letter, synced, takes minutes to build
START_S = 30
STOP_S = 30
CONNECTIONS = 2000


class Dovecot:
    """A running Dovecot; what `rows_imap` needs of it."""

    smtp: int | None = None

    def __init__(self, imap: int, pid: int) -> None:
        self.imap = imap
        self.meter = Meter(pid)

    def indexed(self) -> None:
        """It reads the letters when it is asked for a word in them."""


@contextlib.asynccontextmanager
async def running(folder: Path, mail_format: str) -> AsyncIterator[Dovecot]:
    """Dovecot in `folder`, all of whose parents anybody may pass."""
    program = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise SystemExit("dovecot is not installed: install the Debian package dovecot-imapd")
    port, _ = free_ports()
    file = _prepare(folder, port, mail_format)
    process = await asyncio.create_subprocess_exec(program, "-F", "-c", str(file), cwd=folder)
    try:
        await _listening(port, process, folder)
        yield Dovecot(port, process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(STOP_S):
            await process.wait()


async def _listening(port: int, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with asyncio.timeout(START_S):
        while True:
            if process.returncode is not None:
                raise SystemExit(f"dovecot did not start: {(folder / 'log').read_text()}")
            with contextlib.suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.close()
                return
            await asyncio.sleep(0.05)


def _prepare(folder: Path, port: int, mail_format: str) -> Path:
    """Folders and users; gives the configuration file. Its processes are users of their own where root starts it."""
    for name in ("run", "mail"):
        (folder / name).mkdir()
    users, group = (getpass.getuser(),) * 3, grp.getgrgid(os.getegid()).gr_name
    if os.geteuid() == 0:
        users, group = ("dovenull", "dovecot", "mail"), "dovecot"
        folder.chmod(0o711)
        shutil.chown(folder / "mail", "mail", "mail")
    text = _configuration(folder, port, mail_format, users, group)
    if os.geteuid() != 0:  # who is not root can't change the root folder of a process
        text += "service imap-login {\n  chroot =\n}\nservice anvil {\n  chroot =\n}\n"
    file = folder / "dovecot.conf"
    file.write_text(text, encoding="utf-8")
    return file


def _configuration(folder: Path, port: int, mail_format: str, users: tuple[str, ...], group: str) -> str:
    login_user, internal_user, mail_user = users
    return f"""\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = {HOST}
ssl = no
disable_plaintext_auth = no
default_login_user = {login_user}
default_internal_user = {internal_user}
default_internal_group = {group}
first_valid_uid = 1
mail_location = {mail_format}:~/mail
mail_max_userip_connections = {CONNECTIONS}
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_user} home={folder}/mail/%u
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = {CONNECTIONS}
}}
"""
