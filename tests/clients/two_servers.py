"""Two whole servers (`postier serve`, two workers each) and nsd with their zones: what real clients are tested against.

alpha.test and beta.test are each other's only mail servers; gamma.test lives at beta too, behind an MX of higher
preference on which nobody listens.
"""

import asyncio
import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from postier.accounts.accounts import add_account
from postier.accounts.credentials import password_secrets
from postier.accounts.domains import add_domain
from postier.app.configuration import load
from postier.app.demo.node import Node, NodePlan, Ports, prepare
from postier.app.demo.zones import zone_text
from postier.app.stores import open_store
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from tests.dns_server import start_nsd
from tests.ports import free_port

SOURCE = Path(__file__).resolve().parents[2] / "src"
PASSWORD = "correct horse, battery"
DEAD_HOST = "127.0.0.2"  # of this machine, and nothing listens there
GAMMA = "@ MX 5 dead.gamma.test.\n@ MX 10 mx.beta.test.\ndead A " + DEAD_HOST


class Account(msgspec.Struct, frozen=True):
    """What a user enters into a mail program."""

    address: str
    password: str
    ports: Ports
    certificate: Path
    hostname: str

    @property
    def tls(self) -> ssl.SSLContext:
        """Trusts exactly this server's own certificate."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False  # it is dialled by address
        return context


class TwoServers:
    """Both servers, running."""

    def __init__(self, alpha: NodePlan, beta: NodePlan) -> None:
        self.alpha, self.beta = alpha, beta
        self._secret = password_secrets(PASSWORD)  # programs that know SCRAM use it
        self._made = 0

    def account(self, name: str = "alice", domain: str = "alpha.test") -> Account:
        """A new account beside the running server; `name` is how its address begins."""
        self._made += 1
        node = self.alpha if domain == self.alpha.domain else self.beta
        address = Address(f"{name}{self._made}", domain)
        asyncio.run(_write(node, add_account, address, self._secret, default_mailboxes))
        return Account(str(address), PASSWORD, node.ports, node.certificate, node.hostname)

    def complaints(self) -> list[str]:
        """The lines of both logs that tell of an error of the server's own."""
        lines = [line for node in (self.alpha, self.beta) for line in node.log.read_text().splitlines()]
        return [line for line in lines if not line.startswith("{") or _level(line) in {"error", "critical"}]


def _level(line: str) -> str:
    return str(json.loads(line)["level"])


async def _write(node: NodePlan, function, *arguments) -> None:
    store = await open_store(load(node.configuration, {}))
    try:
        await store.write(function, *arguments)
    finally:
        await store.close()


def _plans(folder: Path, dns_port: int) -> tuple[NodePlan, NodePlan]:
    alpha, beta = (Ports(*(free_port() for _ in range(8))) for _ in range(2))
    return (
        NodePlan(folder / "alpha", "alpha.test", "alice", PASSWORD, alpha, beta.smtp, dns_port),
        NodePlan(folder / "beta", "beta.test", "carole", PASSWORD, beta, alpha.smtp, dns_port),
    )


@contextmanager
def two_servers(folder: Path) -> Iterator[TwoServers]:
    """Both servers and nsd until the block ends."""
    plans = _plans(folder, 53)
    zones = {plan.domain: zone_text(plan, asyncio.run(prepare(plan))) for plan in plans}
    with start_nsd(folder, zones | {"gamma.test": GAMMA}) as dns_port, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.fspath(SOURCE))
        plans = tuple(msgspec.structs.replace(plan, dns_port=dns_port) for plan in plans)
        for plan in plans:
            asyncio.run(prepare(plan))  # now that the resolver's port is known
        asyncio.run(_write(plans[1], add_domain, "gamma.test"))
        nodes = [Node(plan) for plan in plans]
        try:
            for node in nodes:
                node.start()
            yield TwoServers(*plans)
        finally:
            for node in nodes:
                node.stop()
