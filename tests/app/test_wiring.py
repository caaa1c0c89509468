import pytest

from postier.app import wiring
from postier.app.settings import Listener, Protocol, Settings
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
