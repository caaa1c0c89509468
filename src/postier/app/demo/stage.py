"""The whole demonstration: the plan of both nodes, their start and end, the DNS service beside them.

Not here: what is printed (`cli.demo`). Invariant: whatever happens, both servers are stopped at the end.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from postier.app.demo.node import HOST, Node, NodePlan, Ports, prepare
from postier.app.demo.zones import zone_text
from postier.app.start_error import StartError
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.zones import Zones

BETA_OFFSET = 1_000
DNS_PORT = 53
PASSWORD_BYTES = 9


class Plan(msgspec.Struct, frozen=True):
    """Both nodes and the DNS service."""

    alpha: NodePlan
    beta: NodePlan
    dns_port: int


def plan(folder: Path, port_base: int) -> Plan:
    """The demonstration in `folder`, its ports above `port_base`; passwords of an earlier one there are kept."""
    alpha_ports, beta_ports = Ports.above(port_base), Ports.above(port_base + BETA_OFFSET)
    dns_port = port_base + DNS_PORT
    alice, carole = _passwords(folder)
    return Plan(
        NodePlan(folder / "alpha", "alpha.test", "alice", alice, alpha_ports, beta_ports.smtp, dns_port),
        NodePlan(folder / "beta", "beta.test", "carole", carole, beta_ports, alpha_ports.smtp, dns_port),
        dns_port,
    )


@contextlib.asynccontextmanager
async def running(plan: Plan) -> AsyncIterator[list[str]]:
    """Both servers and the DNS service, up; gives their ready lines. Raises StartError."""
    nodes = [Node(plan.alpha), Node(plan.beta)]
    zones = {node.plan.domain: zone_text(node.plan, await prepare(node.plan)) for node in nodes}
    dns = AuthoritativeServer(Zones(zones), HOST, plan.dns_port)
    try:
        await dns.start()
    except OSError as error:
        raise StartError(
            f"port {plan.dns_port} for the DNS service is not free ({error.strerror}); choose others with --port-base"
        ) from None
    try:
        yield [await asyncio.to_thread(node.start) for node in nodes]
    finally:
        await asyncio.gather(*(asyncio.to_thread(node.stop) for node in nodes))
        await dns.stop()


def _passwords(folder: Path) -> tuple[str, str]:
    kept = folder / "passwords"
    try:
        alice, carole = kept.read_text(encoding="ascii").split()
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        alice, carole = (secrets.token_urlsafe(PASSWORD_BYTES) for _ in range(2))
        kept.touch(mode=0o600)
        kept.write_text(f"{alice}\n{carole}\n", encoding="ascii")
    except (OSError, ValueError) as error:
        raise StartError(
            f"{kept} can't be used ({error}); remove the folder or choose another with --data"
        ) from None
    return alice, carole
