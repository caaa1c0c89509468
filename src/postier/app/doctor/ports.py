"""Ports: does something answer at each listener of the configuration?

Not here: whether the world can reach them, which only the world can tell. Invariant: a listener that does not answer costs
`PATIENCE_S` at most, all together.
"""

import asyncio
import os

from postier.app.doctor.finding import Finding, State
from postier.app.settings import Listener, Protocol, Settings, TlsMode

PART = "ports"
PATIENCE_S = 5.0
_EVERYWHERE = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (read, not bound)
_GREETINGS = {
    Protocol.SMTP: b"220",
    Protocol.SUBMISSION: b"220",
    Protocol.LMTP: b"220",
    Protocol.IMAP: b"* OK",
    Protocol.POP3: b"+OK",
}


async def examine_ports(settings: Settings) -> list[Finding]:
    """Dial every listener that has a fixed port."""
    listeners = [listener for listener in settings.listener if listener.bind.port]
    if not listeners:
        cure = "add [[listener]] sections: postier config explain listener"
        return [Finding(PART, State.WRONG, "the configuration has no listener with a port", cure)]
    problems = await asyncio.gather(*map(_problem, listeners))
    silent = [(listener, problem) for listener, problem in zip(listeners, problems, strict=True) if problem]
    if len(silent) == len(listeners):
        cure = "start it: postier serve (or systemctl start postier); its log says what stops it"
        return [Finding(PART, State.WRONG, "the server does not run", cure)]
    if silent:
        return [
            Finding(
                PART,
                State.WRONG,
                f"{listener.protocol.value} at {listener.bind}: {problem}",
                "see the log; a listener that was added needs a restart",
            )
            for listener, problem in silent
        ]
    named = ", ".join(f"{listener.protocol.value} {listener.bind}" for listener in listeners)
    return [Finding(PART, State.FINE, f"all answer: {named}")]


async def _problem(listener: Listener) -> str:
    """Why a listener is of no use; "" if it answers."""
    host = _EVERYWHERE.get(listener.bind.host, listener.bind.host)
    greeting = _GREETINGS.get(listener.protocol) if listener.tls is not TlsMode.IMPLICIT else None
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, listener.bind.port)
            try:
                line = await reader.readline() if greeting is not None else b""
            finally:
                writer.close()
    except TimeoutError:
        return f"no answer in {PATIENCE_S:g} s"
    except (OSError, ValueError) as error:  # ValueError: a line without end
        return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    if greeting is not None and not line.startswith(greeting):
        return f"answers {line[:40].decode('ascii', 'backslashreplace').strip()!r}"
    return ""
