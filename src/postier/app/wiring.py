"""Builds the object graph of a worker from the settings; nothing else does.

Not here: what the objects do. `PROTOCOLS` says what serves a listener of each protocol; `FOUNDING` what
`postier init` does once the files are there. Invariant: a listener without an entry stops the start, it is never
left out in silence.
"""

import socket
from collections.abc import Callable, Sequence

from postier.app.founding import found_directory
from postier.app.settings import Listener, Protocol, Settings
from postier.app.sockets import by_listener
from postier.app.start_error import StartError
from postier.app.worker import Service, WorkerContext, run_services
from postier.mime.address import Address

ProtocolFactory = Callable[[WorkerContext, Listener, Sequence[socket.socket]], Service]
FoundingStep = Callable[[Settings, Address, str], Sequence[str]]

PROTOCOLS: dict[Protocol, ProtocolFactory] = {}

# Each is called with the settings, the first administrator's address and password, in this order, and gives lines to print.
FOUNDING: tuple[FoundingStep, ...] = (found_directory,)


def unserved(settings: Settings) -> tuple[Listener, ...]:
    """The listeners whose protocol nothing here serves."""
    return tuple(listener for listener in settings.listener if listener.protocol not in PROTOCOLS)


async def build_worker(context: WorkerContext) -> None:
    """The life of one worker."""
    for listener in unserved(context.settings):
        raise StartError(
            f"{listener.bind}: this build does not serve {listener.protocol.value}; remove the listener"
        )
    services = [
        PROTOCOLS[listener.protocol](context, listener, shared)
        for listener, shared in by_listener(context.sockets).items()
    ]
    await run_services(context, services)
