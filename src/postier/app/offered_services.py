"""Which services the listeners offer to mail programs, by the names under which those look for them.

Not here: the records that say so (`accounts.publishing`). Sources: RFC 6186 §3, RFC 8314 §5.1, RFC 5804 §1.4.
"""

from postier.accounts.publishing import Service
from postier.app.settings import Protocol, Settings, TlsMode

# Implicit TLS first: RFC 8314 §3 prefers it. A service without TLS is announced to nobody.
_NAMES = {
    (Protocol.SUBMISSION, TlsMode.IMPLICIT): "submissions",
    (Protocol.IMAP, TlsMode.IMPLICIT): "imaps",
    (Protocol.POP3, TlsMode.IMPLICIT): "pop3s",
    (Protocol.SUBMISSION, TlsMode.STARTTLS): "submission",
    (Protocol.IMAP, TlsMode.STARTTLS): "imap",
    (Protocol.POP3, TlsMode.STARTTLS): "pop3",
    (Protocol.MANAGESIEVE, TlsMode.STARTTLS): "sieve",
}


def services_of(settings: Settings) -> list[Service]:
    """The services with a fixed port, each by its first listener, in the order of preference."""
    offered: dict[str, int] = {}
    for listener in settings.listener:
        name = _NAMES.get((listener.protocol, listener.tls))
        if name is not None and listener.bind.port:
            offered.setdefault(name, listener.bind.port)
    return [Service(name, offered[name]) for name in _NAMES.values() if name in offered]
