import pytest

from postier.app import wiring
from postier.app.settings import Listener, Protocol, Settings, TlsMode
from postier.app.sockets import ListeningSocket
from postier.app.start_error import StartError
from postier.app.values import Endpoint
from postier.app.worker import WorkerContext


async def test_a_listener_that_nothing_serves_stops_the_start(monkeypatch):
    monkeypatch.setattr(wiring, "PROTOCOLS", {})
    listener = Listener(protocol=Protocol.POP3, bind=Endpoint("127.0.0.1", 110))
    settings = Settings(hostname="mx.alpha.test", listener=(listener,))
    assert wiring.unserved(settings) == (listener,)
    with pytest.raises(StartError, match="does not serve pop3"):
        await wiring.build_worker(WorkerContext(1, settings, ()))


@pytest.mark.parametrize(
    ("listeners", "url"),
    [
        ([], ""),
        ([(Protocol.IMAP, 0, TlsMode.STARTTLS)], ""),
        ([(Protocol.MANAGESIEVE, 4190, TlsMode.STARTTLS)], "sieve://mx.alpha.test"),
        ([(Protocol.MANAGESIEVE, 5190, TlsMode.NONE)], "sieve://mx.alpha.test:5190"),
        ([(Protocol.MANAGESIEVE, 5190, TlsMode.IMPLICIT)], ""),  # RFC 5804 §3 has no word for it
        (
            [
                (Protocol.MANAGESIEVE, 5191, TlsMode.IMPLICIT),
                (Protocol.MANAGESIEVE, 5190, TlsMode.STARTTLS),
                (Protocol.MANAGESIEVE, 4190, TlsMode.STARTTLS),
            ],
            "sieve://mx.alpha.test",
        ),
    ],
)
def test_where_scripts_for_imap_events_are_kept(listeners, url):
    """RFC 6785 §2.1."""
    sockets = tuple(
        ListeningSocket(
            Listener(protocol=protocol, bind=Endpoint("127.0.0.1", port), tls=tls), Bound("127.0.0.1", port)
        )
        for protocol, port, tls in listeners
    )
    context = WorkerContext(1, Settings(hostname="mx.alpha.test"), sockets)
    assert wiring.sieve_url(context) == url


class Bound:
    """As much of a socket as is asked for."""

    def __init__(self, *address):
        self._address = address

    def getsockname(self):
        return self._address
