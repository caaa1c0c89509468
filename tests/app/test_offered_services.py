from postier.accounts.publishing import Service
from postier.app.offered_services import services_of
from postier.app.settings import Listener, Protocol, Settings, TlsMode
from postier.app.values import Endpoint


def test_what_mail_programs_may_find():
    def listener(protocol, port, tls):
        return Listener(protocol=protocol, bind=Endpoint("*", port), tls=tls)

    settings = Settings(
        hostname="mx.x.test",
        listener=(
            listener(Protocol.SMTP, 25, TlsMode.STARTTLS),
            listener(Protocol.IMAP, 143, TlsMode.STARTTLS),
            listener(Protocol.IMAP, 993, TlsMode.IMPLICIT),
            listener(Protocol.IMAP, 1993, TlsMode.IMPLICIT),
            listener(Protocol.SUBMISSION, 0, TlsMode.IMPLICIT),
            listener(Protocol.POP3, 110, TlsMode.NONE),
        ),
    )
    assert services_of(settings) == [Service("imaps", 993), Service("imap", 143)]
