import os
import socket

import pytest

from postier.app.settings import Listener, Protocol
from postier.app.sockets import by_listener, close_all, names, open_listeners
from postier.app.start_error import StartError
from postier.app.values import Endpoint


def listener(host, port=0, protocol=Protocol.SMTP):
    return Listener(protocol=protocol, bind=Endpoint(host, port))


@pytest.fixture
def opened():
    kept = []

    def make(*listeners, environ=None):
        sockets = open_listeners(listeners, {} if environ is None else environ)
        kept.extend(sockets)
        return sockets

    yield make
    close_all(kept)


def test_sockets_listen_and_do_not_block(opened):
    (one,) = opened(listener("127.0.0.1"))
    assert one.endpoint.port
    assert not one.socket.getblocking()
    with socket.create_connection(("127.0.0.1", one.endpoint.port)):
        assert names([one]) == f"smtp {one.endpoint}"


def test_a_star_is_both_families_on_one_port(opened):
    sockets = opened(listener("*"))
    assert len({s.endpoint.port for s in sockets}) == 1
    assert [s.endpoint.host for s in sockets] in (["0.0.0.0", "::"], ["0.0.0.0"])  # noqa: S104 # what `*` means


def test_sockets_are_grouped_by_listener(opened):
    smtp, imap = listener("127.0.0.1"), listener("127.0.0.1", protocol=Protocol.IMAP)
    sockets = opened(smtp, imap)
    assert {key: len(value) for key, value in by_listener(sockets).items()} == {smtp: 1, imap: 1}


def test_if_one_cannot_be_opened_none_stays(opened):
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        port, other = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        with pytest.raises(StartError, match=rf"127.0.0.1:{port} \(imap\): the port is in use .* `ss -ltnp"):
            opened(listener("127.0.0.1", other), listener("127.0.0.1", port, Protocol.IMAP))
    opened(listener("127.0.0.1", other))


@pytest.mark.parametrize(
    ("host", "complaint"),
    [("192.0.2.1", "does not have this address"), ("no-such-host.invalid", "the name does not resolve")],
)
def test_addresses_that_are_not_ours(opened, host, complaint):
    with pytest.raises(StartError, match=complaint):
        opened(listener(host))


def test_variables_of_systemd_for_another_process_are_dropped(opened):
    environ = {"LISTEN_FDS": "2", "LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDNAMES": "a:b"}
    assert len(opened(listener("127.0.0.1"), environ=environ)) == 1
    assert environ == {}
