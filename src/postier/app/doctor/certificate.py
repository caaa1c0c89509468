"""TLS: is there a certificate that others believe, for the right name, and for how long still?"""

import datetime as dt
import time

from postier.app.doctor.finding import Finding, State
from postier.app.settings import Settings, TlsMode
from postier.tls.certificates import Certificate, CertificateError, CertificateFiles, load_certificate

PART = "certificate"
SOON_DAYS = 14


def examine_certificate(settings: Settings) -> list[Finding]:
    """The configured certificate."""
    if all(listener.tls is TlsMode.NONE for listener in settings.listener):
        return [Finding(PART, State.WARNING, "no listener uses TLS", 'set tls = "starttls" or "implicit"')]
    if settings.tls.certificate is None or settings.tls.key is None:
        cure = "get a certificate and set tls.certificate and tls.key"
        says = "a self-signed certificate is used: clients ask or refuse"
        return [Finding(PART, State.WARNING, says, cure)]
    files = CertificateFiles(settings.tls.certificate, settings.tls.key)
    try:
        certificate = load_certificate(files, time.time())
    except CertificateError as error:
        return [Finding(PART, State.WRONG, str(error), "mend or renew it, then reload (SIGHUP)")]
    return [*_of(certificate, settings.hostname), *(_warning(text) for text in certificate.warnings)]


def _of(certificate: Certificate, hostname: str) -> list[Finding]:
    wildcard = "*." + hostname.partition(".")[2]
    if hostname not in certificate.names and wildcard not in certificate.names:
        says = f"it is for {', '.join(certificate.names) or 'no name'}, not for {hostname}"
        return [Finding(PART, State.WRONG, says, f"get one that names {hostname}")]
    days = (certificate.not_after - dt.datetime.now(dt.UTC)).days
    until = f"{certificate.not_after:%Y-%m-%d}"
    if days < SOON_DAYS:
        return [Finding(PART, State.WARNING, f"it ends on {until}, in {days} days", "renew it, then reload")]
    if certificate.is_self_signed:
        return [Finding(PART, State.WARNING, "it is self-signed: clients ask or refuse", "get a real one")]
    return [Finding(PART, State.FINE, f"good for {hostname} until {until}")]


def _warning(text: str) -> Finding:
    return Finding(PART, State.WARNING, text, "see above")
