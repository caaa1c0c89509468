"""A server elsewhere (aiosmtpd) that takes letters, not always at the first attempt, and remembers them."""

import asyncio
import random

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.crash.node import is_whole, message_id_in

LATER_SHARE = 0.05  # of the letters is refused for now
LOST_REPLY_SHARE = 0.05  # of the letters is kept, and the connection lost before the reply


class Sink:
    """`handle_DATA` is aiosmtpd's hook."""

    def __init__(self) -> None:
        self.received: set[str] = set()
        self.damaged: set[str] = set()
        self._chance = random.Random(2)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Keep the letter, or not yet."""
        drawn = self._chance.random()
        if drawn < LATER_SHARE:
            return "451 4.3.0 not now"
        assert isinstance(envelope.original_content, bytes)
        message_id = message_id_in(envelope.original_content)
        (self.received if is_whole(envelope.original_content) else self.damaged).add(message_id)
        if drawn < LATER_SHARE + LOST_REPLY_SHARE:
            server.transport.abort()
        return "250 2.0.0 taken"

    async def serve(self) -> asyncio.Server:
        """Listen on any port."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: SMTP(self, hostname="mx.sink.test", ident="sink", loop=loop, enable_SMTPUTF8=True),
            "127.0.0.1",
            0,
        )
