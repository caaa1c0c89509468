"""SECURITY 10 (ALPACA): a TLS client meant for one service gets nowhere at another, and neither do its tickets."""

import itertools
import ssl

import pytest

from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.tls_handshake import handshake, trusting

HOST = "mail.alpha.test"


@pytest.fixture
def services(tmp_path):
    """Every service of one host on one certificate, which is what the attack needs."""
    authority = Authority(tmp_path)
    files = CertificateFiles(*authority.issue("mail", HOST))
    return authority, {service: ServerTls(service, [files]).context for service in Service}


def test_a_browser_is_refused_at_every_mail_service_that_has_a_protocol(services):
    authority, contexts = services
    for service in (Service.IMAP, Service.POP3, Service.MANAGESIEVE):
        for browser in (("h2", "http/1.1"), ("http/1.1",), ("smtp",)):
            with pytest.raises(ssl.SSLError):
                handshake(contexts[service], trusting(authority.file, protocols=browser), HOST)
    with pytest.raises(ssl.SSLError):
        handshake(contexts[Service.HTTP], trusting(authority.file, protocols=("imap",)), HOST)


@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_of_one_service_is_none_at_another(services, highest):
    authority, contexts = services
    client = trusting(authority.file, highest=highest)
    tickets = {service: handshake(context, client, HOST)[0].session for service, context in contexts.items()}
    for issuer, other in itertools.product(Service, Service):
        near, _ = handshake(contexts[other], client, HOST, session=tickets[issuer])
        has_tickets = issuer is not Service.IMAP or highest is ssl.TLSVersion.TLSv1_2
        assert near.session_reused is (issuer is other and has_tickets)
