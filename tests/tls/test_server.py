"""`tls.server`: certificate by name, ALPN, tickets, reload; both ends in memory, then on asyncio and uvloop."""

import asyncio
import ssl

import pytest
import uvloop

from postier.tls import hello
from postier.tls.certificates import CertificateError, CertificateFiles, CertificateProblem
from postier.tls.server import Handshake, ServerTls, Service, end_point_binding
from tests.certificate_authority import NOW, Authority
from tests.tls_handshake import handshake, shown_names, trusting


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def server(authority, *names: str, service: Service = Service.SMTP) -> ServerTls:
    """One certificate a name; the first is the default."""
    files = [CertificateFiles(*authority.issue(name.replace("*", "any"), name)) for name in names]
    return ServerTls(service, files, now=NOW.timestamp)


# ── by name ──


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("mx.alpha.test", "mx.alpha.test"),
        ("MX.Alpha.Test", "mx.alpha.test"),
        ("mail.beta.test", "mail.beta.test"),
        ("x.gamma.test", "*.gamma.test"),
        ("a.x.gamma.test", "mx.alpha.test"),
        ("gamma.test", "mx.alpha.test"),
        ("none.test", "mx.alpha.test"),
        (None, "mx.alpha.test"),
    ],
)
def test_the_certificate_is_chosen_by_name(authority, asked, shown):
    tls = server(authority, "mx.alpha.test", "mail.beta.test", "*.gamma.test")
    client = trusting(authority.file)
    client.check_hostname = False
    near, far = handshake(tls.context, client, asked)
    assert shown_names(near) == [shown]
    assert isinstance(far, Handshake)
    assert far.certificate is not None
    assert far.certificate.names == (shown,) == tls.chosen(asked).names
    assert far.hello_octets == b""


def test_the_channel_binding_is_of_the_certificate_shown(authority):
    tls = server(authority, "mx.alpha.test", "mail.beta.test")
    near, far = handshake(tls.context, trusting(authority.file), "mail.beta.test")
    assert end_point_binding(far) == tls.certificates[1].end_point
    assert end_point_binding(near) is None


def test_a_service_needs_a_certificate_that_serves(authority, tmp_path):
    with pytest.raises(ValueError, match="certificate"):
        ServerTls(Service.SMTP, [])
    crt, _ = authority.issue("mx", "mx.alpha.test")
    with pytest.raises(CertificateError) as caught:
        ServerTls(Service.SMTP, [CertificateFiles(crt, tmp_path / "none")])
    assert caught.value.problem is CertificateProblem.MISSING


def test_an_expired_one_is_served_with_a_warning(authority):
    files = CertificateFiles(*authority.issue("mx", "mx.alpha.test", days=-1))
    assert "expired" in ServerTls(Service.SMTP, [files], now=NOW.timestamp).warnings[0]


# ── versions and ciphers ──


def test_old_versions_are_refused(authority):
    tls = server(authority, "mx.alpha.test")
    client = trusting(authority.file)
    client.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        client.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)version|protocol"):
        handshake(tls.context, client, "mx.alpha.test")


@pytest.mark.parametrize("service", Service)
@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_good_versions_serve(authority, service, highest):
    tls = server(authority, "mx.alpha.test", service=service)
    near, _ = handshake(tls.context, trusting(authority.file, highest=highest), "mx.alpha.test")
    assert near.version() == highest.name.replace("_", ".")


def test_only_port_25_takes_cbc(authority):
    client = trusting(authority.file, highest=ssl.TLSVersion.TLSv1_2)
    client.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    handshake(server(authority, "mx.alpha.test").context, client, "mx.alpha.test")
    with pytest.raises(ssl.SSLError):
        handshake(server(authority, "mx.alpha.test", service=Service.IMAP).context, client, "mx.alpha.test")


# ── application protocols ──


@pytest.mark.parametrize("step", [1 << 20, 1, 50])
@pytest.mark.parametrize(
    ("service", "offered", "selected"),
    [
        (Service.IMAP, ("imap",), "imap"),
        (Service.IMAP, ("h2", "imap"), "imap"),
        (Service.IMAP, (), None),
        (Service.POP3, ("pop3",), "pop3"),
        (Service.MANAGESIEVE, ("managesieve",), "managesieve"),
        (Service.HTTP, ("h2", "http/1.1"), "http/1.1"),
        (Service.SMTP, ("h2",), None),  # no identifier is registered: nothing to hold the client to
    ],
)
def test_a_protocol_in_common_is_selected(authority, service, offered, selected, step):
    tls = server(authority, "mx.alpha.test", service=service)
    near, _ = handshake(tls.context, trusting(authority.file, protocols=offered), "mx.alpha.test", step=step)
    assert near.selected_alpn_protocol() == selected


@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("step", [1 << 20, 1])
def test_a_foreign_protocol_is_turned_away(authority, highest, step):
    tls = server(authority, "mx.alpha.test", service=Service.IMAP)
    client = trusting(authority.file, protocols=("http/1.1", "h2"), highest=highest)
    with pytest.raises(ssl.SSLError, match=r"(?i)callback failed|application.protocol"):
        handshake(tls.context, client, "mx.alpha.test", step=step)


def test_an_endless_hello_is_turned_away(authority, monkeypatch):
    monkeypatch.setattr(hello, "MAX_HELLO_OCTETS", 300)
    tls = server(authority, "mx.alpha.test", service=Service.IMAP)
    client = trusting(authority.file, protocols=("x" * 200, "imap"))
    with pytest.raises(ssl.SSLError):
        handshake(tls.context, client, "mx.alpha.test")


# ── tickets ──


@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_is_good_for_its_own_service_only(authority, highest):
    pop3 = server(authority, "mx.alpha.test", service=Service.POP3)
    smtp = ServerTls(Service.SMTP, [one.files for one in pop3.certificates])
    client = trusting(authority.file, highest=highest)
    near, _ = handshake(pop3.context, client, "mx.alpha.test")
    session = near.session
    near, _ = handshake(pop3.context, client, "mx.alpha.test", session=session)
    assert near.session_reused
    near, _ = handshake(smtp.context, client, "mx.alpha.test", session=session)
    assert not near.session_reused


@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_imap_sends_no_tickets_after_the_handshake(authority, highest):
    tls = server(authority, "mx.alpha.test", service=Service.IMAP)
    near, _ = handshake(tls.context, trusting(authority.file, highest=highest), "mx.alpha.test")
    assert near.session.has_ticket is (highest is ssl.TLSVersion.TLSv1_2)


# ── reload ──


def test_a_new_certificate_is_served_by_the_same_context(authority):
    tls = server(authority, "mx.alpha.test", "mail.beta.test")
    context, before = tls.context, tls.certificates
    assert tls.reload().changed == ()
    authority.issue("mx.alpha.test", "new.alpha.test")
    done = tls.reload()
    assert [one.names for one in done.changed] == [("new.alpha.test",)]
    assert not done.problems
    assert tls.context is context
    assert tls.certificates[1] is before[1]
    near, _ = handshake(context, trusting(authority.file), "new.alpha.test")
    assert shown_names(near) == ["new.alpha.test"]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda crt, key: crt.unlink(), CertificateProblem.MISSING),
        (lambda crt, key: key.write_bytes(b"half a k"), CertificateProblem.NO_KEY),
        (lambda crt, key: crt.write_bytes(crt.read_bytes()[:90]), CertificateProblem.NO_CERTIFICATE),
    ],
)
def test_a_broken_file_keeps_the_old_one(authority, damage, problem):
    tls = server(authority, "mx.alpha.test", "mail.beta.test")
    files = tls.certificates[0].files
    damage(files.certificate, files.key)
    authority.issue("mail.beta.test", "new.beta.test")
    done = tls.reload()
    assert [one.problem for one in done.problems] == [problem]
    assert [one.names for one in done.certificates] == [("mx.alpha.test",), ("new.beta.test",)]
    near, _ = handshake(tls.context, trusting(authority.file), "mx.alpha.test")
    assert shown_names(near) == ["mx.alpha.test"]


def test_a_certificate_and_a_key_that_do_not_match_keep_the_old_one(authority):
    tls = server(authority, "mx.alpha.test")
    old = tls.certificates
    old[0].files.key.write_bytes(authority.issue("other", "other.test")[1].read_bytes())
    (problem,) = tls.reload().problems
    assert problem.problem is CertificateProblem.MISMATCH
    assert tls.certificates == old


def test_an_expired_new_one_keeps_the_old_one(authority):
    tls = server(authority, "mx.alpha.test")
    authority.issue("mx.alpha.test", "mx.alpha.test", days=-1)
    (problem,) = tls.reload().problems
    assert problem.problem is CertificateProblem.EXPIRED


# ── on a loop ──


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_listener_serves_refuses_and_reloads(authority, loop_factory):
    tls = server(authority, "mx.alpha.test", service=Service.IMAP)
    bindings: list[bytes | None] = []

    async def greet(reader, writer):
        bindings.append(end_point_binding(writer.get_extra_info("ssl_object")))
        writer.write(b"* OK\r\n")
        writer.close()

    async def dial(port, name, *protocols):
        context = trusting(authority.file, protocols=protocols)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        line = await reader.readline()
        writer.close()
        return line

    async def main():
        listener = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls.context)
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            assert await dial(port, "mx.alpha.test", "imap") == b"* OK\r\n"
            assert await dial(port, "mx.alpha.test") == b"* OK\r\n"
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await dial(port, "mx.alpha.test", "http/1.1")
            authority.issue("mx.alpha.test", "new.alpha.test")
            tls.reload()
            assert await dial(port, "new.alpha.test", "imap") == b"* OK\r\n"

    old = tls.certificates[0].end_point
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
    assert bindings == [old, old, tls.certificates[0].end_point]
