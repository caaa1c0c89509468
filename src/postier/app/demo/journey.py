"""A letter's way through the demonstration, seen from outside: submitted by SMTP, read by IMAP, as any client would.

Blocking; run it in a thread. Invariant: a step is told only after it has happened; a step that fails raises
`JourneyError` with its name and the reason.
"""

import asyncio
import email
import email.policy
import imaplib
import re
import smtplib
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate

import msgspec

from postier.app.configuration import load
from postier.app.demo.node import HOST, NodePlan
from postier.app.stores import open_store
from postier.mta.trace_rows import TraceEvent, events_of

ARRIVAL_TIMEOUT_S = 20.0
LOOK_AGAIN_S = 0.02


class Step(msgspec.Struct, frozen=True):
    """Something that has happened, and the facts that show it."""

    what: str
    facts: str


class JourneyError(Exception):
    """A step failed."""


Tell = Callable[[Step], None]


def send_letter(sender: NodePlan, to: NodePlan, subject: str, text: str, token: str, tell: Tell) -> None:
    """Submit a letter and read it at the other end. Raises JourneyError."""
    message_id = f"<{token}@{sender.domain}>"
    letter_id = _submit(sender, to, subject, text, message_id, tell)
    arrived = _read(sender, to, message_id)
    for event in asyncio.run(_history(sender, letter_id)):
        tell(Step(f"{sender.hostname}: {event.event}", event.detail))
    for step in arrived:
        tell(step)


def _submit(sender: NodePlan, to: NodePlan, subject: str, text: str, message_id: str, tell: Tell) -> str:
    """Returns the letter's id at the server that took it."""
    letter = EmailMessage()
    letter["From"] = f"{sender.user.title()} <{sender.address}>"
    letter["To"] = f"{to.user.title()} <{to.address}>"
    letter["Subject"] = subject
    letter["Date"] = formatdate(localtime=True)
    letter["Message-ID"] = message_id
    letter.set_content(text)
    try:
        with smtplib.SMTP(HOST, sender.ports.submission, timeout=ARRIVAL_TIMEOUT_S) as smtp:
            smtp.starttls(context=_trusting(sender))
            smtp.login(str(sender.address), sender.password)
            protection = (
                f"STARTTLS {smtp.sock.version()}" if isinstance(smtp.sock, ssl.SSLSocket) else "plain"
            )
            tell(
                Step(
                    f"{sender.user} logs in to {sender.hostname}",
                    f"port {sender.ports.submission}, {protection}",
                )
            )
            smtp.mail(str(sender.address))
            smtp.rcpt(str(to.address))
            code, reply = smtp.data(letter.as_bytes(policy=email.policy.SMTP))
    except (OSError, smtplib.SMTPException) as error:
        raise JourneyError(f"{sender.user} submits to {sender.hostname}: {error}") from error
    if code != 250:
        raise JourneyError(
            f"{sender.hostname} did not take the letter: {code} {reply.decode('ascii', 'replace')}"
        )
    answer = reply.decode("ascii", "replace")
    tell(Step(f"{sender.hostname} takes the letter", f"250 {answer}"))
    return answer.rpartition(" ")[2]


async def _history(node: NodePlan, letter_id: str) -> list[TraceEvent]:
    store = await open_store(load(node.configuration, {}))
    try:
        return await store.read(events_of, letter_id)
    finally:
        await store.close()


def _read(sender: NodePlan, to: NodePlan, message_id: str) -> list[Step]:
    try:
        with imaplib.IMAP4(HOST, to.ports.imap, timeout=ARRIVAL_TIMEOUT_S) as imap:
            imap.starttls(_trusting(to))
            imap.login(str(to.address), to.password)
            uid = _await_arrival(sender, to, imap, message_id)
            _, parts = imap.uid("FETCH", uid, "(BODY.PEEK[])")
    except (OSError, imaplib.IMAP4.error) as error:
        raise JourneyError(f"{to.user} reads at {to.hostname}: {error}") from error
    found = next((part[1] for part in parts if isinstance(part, tuple)), None)
    if found is None:
        raise JourneyError(f"{to.hostname} announces the letter but does not give it")
    letter = email.message_from_bytes(found, policy=email.policy.default)
    return [
        Step(f"{to.hostname} receives it", _hop(str(letter["Received"]))),
        Step("its origin is proved", _results(str(letter["Authentication-Results"]))),
        Step(f"{to.user} reads it by IMAP", f"“{letter['Subject']}”, UID {uid}, port {to.ports.imap}"),
    ]


def _await_arrival(sender: NodePlan, to: NodePlan, imap: imaplib.IMAP4, message_id: str) -> str:
    deadline = time.monotonic() + ARRIVAL_TIMEOUT_S
    while time.monotonic() < deadline:
        imap.select("INBOX")  # the folder anew: what has just arrived is in it
        _, found = imap.uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"')
        if found and found[0]:
            uids: list[bytes] = found[0].split()
            return uids[-1].decode()
        time.sleep(LOOK_AGAIN_S)
    raise JourneyError(
        f"the letter from {sender.hostname} did not arrive at {to.hostname} in {ARRIVAL_TIMEOUT_S:.0f} s;"
        f" see {sender.log}"
    )


def _trusting(plan: NodePlan) -> ssl.SSLContext:
    """Trusts exactly the certificate that the node has made for itself."""
    context = ssl.create_default_context(cafile=str(plan.certificate))
    context.check_hostname = False  # it is reached by address; the certificate itself is pinned
    return context


def _hop(received: str) -> str:
    found = re.search(r"with (\S+)(?: \(([^)]*)\))?", received)
    return f"by SMTP, {found[1]} {found[2] or 'without TLS'}" if found else received


def _results(field: str) -> str:
    words = re.findall(r"(?<![.\w])(spf|dkim|dmarc)=(\w+)", field)
    return ", ".join(dict.fromkeys(f"{method} {result}" for method, result in words))
