"""One server of the demonstration: its configuration, its first account, its process.

Not here: DNS (`zones`), the letters (`journey`). Invariant: everything lies in the node's own folder, so a second
demonstration on the same folder goes on with the mail that is there.
"""

import datetime as dt
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import msgspec

from postier.accounts.accounts import account_id_of, add_account
from postier.accounts.credentials import Secrets, password_secrets
from postier.accounts.dkim_keys import DkimKey, domain_keys, make_keys
from postier.accounts.domain_rows import has_domain
from postier.accounts.domains import add_domain
from postier.app.configuration import load
from postier.app.start_error import StartError
from postier.app.stores import open_store
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.store.transaction import WriteTx

HOST = "127.0.0.1"
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
LOG_TAIL_LINES = 5


class Ports(msgspec.Struct, frozen=True):
    """Where one node listens."""

    smtp: int
    submission: int
    submissions: int
    imap: int
    imaps: int
    pop3: int
    pop3s: int
    managesieve: int

    @classmethod
    def above(cls, base: int) -> "Ports":
        """The well-known ports, moved up by `base`."""
        return cls(
            base + 25, base + 587, base + 465, base + 143, base + 993, base + 110, base + 995, base + 4190
        )


class NodePlan(msgspec.Struct, frozen=True):
    """What a node is: `peer_smtp_port` is where it finds the other's MX, `dns_port` the DNS service."""

    folder: Path
    domain: str
    user: str
    password: str
    ports: Ports
    peer_smtp_port: int
    dns_port: int

    @property
    def hostname(self) -> str:
        """The server's name."""
        return f"mx.{self.domain}"

    @property
    def address(self) -> Address:
        """Its user."""
        return Address(self.user, self.domain)

    @property
    def configuration(self) -> Path:
        """Its configuration file."""
        return self.folder / "postier.toml"

    @property
    def log(self) -> Path:
        """Where its log goes."""
        return self.folder / "log"

    @property
    def certificate(self) -> Path:
        """The self-signed certificate that it makes."""
        return self.folder / "data" / "self-signed.crt"


async def prepare(plan: NodePlan) -> list[DkimKey]:
    """Write the configuration, make what is missing of domain and account; returns the domain's DKIM keys."""
    plan.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    plan.configuration.write_text(_configuration(plan), encoding="utf-8")
    secret = password_secrets(plan.password)
    keys = make_keys(plan.domain, dt.datetime.now(dt.UTC).date())
    store = await open_store(load(plan.configuration, {}))
    try:
        return await store.write(_populate, plan.address, secret, keys)
    finally:
        await store.close()


def _populate(tx: WriteTx, address: Address, secret: Secrets, keys: tuple[DkimKey, ...]) -> list[DkimKey]:
    if not has_domain(tx, address.domain):
        add_domain(tx, address.domain, keys)
    if account_id_of(tx, address) is None:
        add_account(tx, address, secret, default_mailboxes, is_admin=True)
    return domain_keys(tx, address.domain)


def _configuration(plan: NodePlan) -> str:
    ports = plan.ports
    listeners = (
        ("smtp", ports.smtp, "starttls"),
        ("submission", ports.submission, "starttls"),
        ("submission", ports.submissions, "implicit"),
        ("imap", ports.imap, "starttls"),
        ("imap", ports.imaps, "implicit"),
        ("pop3", ports.pop3, "starttls"),
        ("pop3", ports.pop3s, "implicit"),
        ("managesieve", ports.managesieve, "starttls"),
    )
    head = (
        f'hostname = "{plan.hostname}"\ndata = "data"\nworkers = 2\n'
        f'[dns]\nresolvers = ["{HOST}:{plan.dns_port}"]\n'
        f'[limits]\nexempt_networks = ["127.0.0.0/8"]\n'
        f"[delivery]\nport = {plan.peer_smtp_port}\nallow_private_addresses = true\nretry_first_s = 5\n"
        f'[log]\nformat = "json"\n'
    )
    return head + "".join(
        f'[[listener]]\nprotocol = "{protocol}"\nbind = "{HOST}:{port}"\ntls = "{tls}"\n'
        for protocol, port, tls in listeners
    )


class Node:
    """A node's running server."""

    def __init__(self, plan: NodePlan) -> None:
        self.plan = plan
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None

    def start(self) -> str:
        """Start it and wait; returns its ready line. Raises StartError with the end of its log."""
        self._log = self.plan.log.open("a", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "postier", "serve", "--config", str(self.plan.configuration)],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("ready"):
            self._process.wait(STOP_TIMEOUT_S)
            tail = "\n".join(self.plan.log.read_text(encoding="utf-8").splitlines()[-LOG_TAIL_LINES:])
            raise StartError(
                f"the server of {self.plan.domain} did not start; the end of {self.plan.log}:\n{tail}"
            )
        return line.strip()

    def stop(self) -> None:
        """Let it finish, at most `STOP_TIMEOUT_S`."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        if self._log is not None:
            self._log.close()
