"""Does DANE work for one host? The records, DNSSEC, the certificate that it shows, and the comparison, step by step.

Not here: deliveries (`policy`, `peer` decide there by the same functions of `mailauth.dane`). Source: RFC 7672 §2, §3. Invariants:
nothing that DNS or the network do is raised; one connection, no letter is sent; time is bounded.
"""

import asyncio
import ssl
from collections.abc import Sequence

import msgspec

from postier.dns.ask import Answering
from postier.mailauth import dane
from postier.mailauth.dane import Match, Tlsa
from postier.mailauth.questions import AddressQuestion, MxQuestion, TlsaQuestion
from postier.smtp.client_events import (
    DialogueEnded,
    DialogueSettings,
    HelloAnswered,
    ServerRefused,
    TlsReady,
    TlsRefused,
)
from postier.smtp.dialogue import Dialogue
from postier.smtp.events import CLOSED, NEED_DATA
from postier.tls.client import client_context
from postier.tls.peer import peer_chain
from postier.tls.policy import TlsLevel, TlsPolicy
from postier.tls.stream import Stream

TIMEOUT_S = 30.0  # for all of the dialogue up to TLS


class DaneCheck(msgspec.Struct, frozen=True):
    """The outcome; `result` is a word of `Match`, "none" without secure records, "error" if it cannot be told now."""

    host: str
    port: int
    result: str
    records: tuple[Tlsa, ...] = ()
    is_secure: bool = False
    problem: str = ""
    trace: tuple[str, ...] = ()


class DialError(Exception):
    """No certificate could be had from the host; the text says why."""


async def check_dane(
    host: str,
    port: int,
    resolver: Answering,
    now: int,
    *,
    is_implicit: bool = False,
    hello: str = "localhost",
) -> DaneCheck:
    """Check the service at `host`. `is_implicit`: TLS begins at once, else by STARTTLS; `now` is Unix time."""
    steps: list[str] = []

    def ended(
        result: str, problem: str, records: Sequence[Tlsa] = (), *, is_secure: bool = False
    ) -> DaneCheck:
        steps.append(problem)
        return DaneCheck(host, port, result, tuple(records), is_secure, problem, tuple(steps))

    four, six = await resolver.query_all([AddressQuestion(host, 4), AddressQuestion(host, 6)])
    addresses = [str(address) for answer in (six, four) for address in answer.records]
    if not addresses:
        failed = [answer.status.value for answer in (four, six) if answer.is_error]
        if failed:
            return ended("error", f"the addresses of {host} cannot be looked up ({failed[0]})")
        return ended("none", f"{host} has no address")
    signed = all(answer.authenticated for answer in (four, six) if answer.records)
    steps.append(f"{host} has {', '.join(addresses[:8])}; {_signed(is_secure=signed)}")
    base = await resolver.owner(AddressQuestion(host, 6 if six.records else 4))
    names = [dane.tlsa_name(name, port) for name in dict.fromkeys((base, host))]
    records: tuple[Tlsa, ...] = ()
    is_secure = False
    for name in names:  # RFC 7672 §2.2.3: the name after all aliases first
        answer = await resolver.query(TlsaQuestion(name))
        if answer.is_error:
            steps.append(f"{name}: the look-up failed ({answer.status.value})")
            return ended(
                "error", "deliveries to this host wait until the TLSA look-up works (RFC 7672 §2.1.2)"
            )
        if answer.records:
            records, is_secure = tuple(answer.records), answer.authenticated
            steps.append(f"{name}: {len(records)} TLSA records; {_signed(is_secure=is_secure)}")
            break
        steps.append(f"{name}: no TLSA record")
    if not records:
        mx = await resolver.query(MxQuestion(host))
        others = [record.exchange for record in sorted(mx.records) if record.exchange not in {"", ".", host}]
        if others:
            steps.append(f"{host} takes its mail at {', '.join(others[:8])}: check those hosts")
        return ended("none", f"{host} does not use DANE at port {port}")
    fit = dane.usable(records)
    steps += [f"{in_words(record)}{'' if record in fit else ': not usable'}" for record in records]
    try:
        chain = await presented(host, addresses, port, is_implicit=is_implicit, hello=hello)
    except DialError as error:
        return ended("error", str(error), records, is_secure=is_secure)
    steps.append(f"the server shows {len(chain)} certificates")
    found = dane.match(records, chain, tuple(dict.fromkeys((base, host))), now)
    if not (is_secure and signed):  # RFC 7672 §2.2: insecure records are as good as none
        words = "would match" if found.result is Match.MATCH else "would not match either"
        steps.append(f"were they signed, the records {words}: {found.reason}")
        return ended("none", "senders ignore the records, for DNSSEC does not vouch for them", records)
    return ended(found.result.value, found.reason, records, is_secure=True)


def in_words(record: Tlsa) -> str:
    """A record as zone files write it, and what it says."""
    usages = {0: "PKIX-TA, which mail does not use", 1: "PKIX-EE, which mail does not use"}
    usages |= {2: "an authority (DANE-TA)", 3: "the server itself (DANE-EE)"}
    selectors = {0: "certificate", 1: "public key"}
    matchings = {0: "in full", 1: "by SHA-256", 2: "by SHA-512"}
    data = record.data.hex()
    shown = data if len(data) <= 128 else f"{data[:125]}..."
    words = (
        f"{usages.get(record.usage, 'unknown usage')}, {selectors.get(record.selector, 'unknown selector')}"
        f" {matchings.get(record.matching, 'by an unknown digest')}"
    )
    return f"{record.usage} {record.selector} {record.matching} {shown} names {words}"


def _signed(*, is_secure: bool) -> str:
    return (
        "DNSSEC vouches for it"
        if is_secure
        else "DNSSEC does not vouch for it (or the resolver does not validate)"
    )


async def presented(
    host: str, addresses: Sequence[str], port: int, *, is_implicit: bool, hello: str
) -> Sequence[bytes]:
    """The certificates that the server shows, leaf first, from the first address that answers. Raises DialError."""
    problem = f"{host} has no address to dial"
    for address in addresses:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await _dial(host, address, port, is_implicit=is_implicit, hello=hello)
        except (OSError, TimeoutError) as error:
            problem = f"{host} [{address}]:{port}: {str(error) or 'no answer in time'}"
    raise DialError(problem)


async def _dial(host: str, address: str, port: int, *, is_implicit: bool, hello: str) -> Sequence[bytes]:
    loop = asyncio.get_running_loop()
    context = client_context(TlsPolicy(TlsLevel.DANE, host))
    _, stream = await loop.create_connection(lambda: Stream(loop), address, port)
    try:
        if not is_implicit:
            await _ask_for_tls(stream, host, hello)
        return peer_chain(await stream.connect_tls(context, host, TIMEOUT_S))
    except ssl.SSLError as error:
        raise DialError(f"the TLS handshake with {host} failed: {error.reason or error}") from error
    finally:
        stream.abort()


async def _ask_for_tls(stream: Stream, host: str, hello: str) -> None:
    """The dialogue up to the server's consent to TLS. Raises DialError."""
    dialogue = Dialogue(DialogueSettings(hello_name=hello))
    while True:
        match dialogue.next_event():
            case HelloAnswered(extensions, _):
                if not extensions.has("STARTTLS"):
                    raise DialError(f"{host} offers no STARTTLS, which TLSA records promise")
                stream.write(dialogue.start_tls())
            case TlsReady():
                return
            case TlsRefused(reply) | ServerRefused(reply):
                raise DialError(f"{host} refuses: {reply}")
            case event if event is NEED_DATA:
                if output := dialogue.take_output():
                    stream.write(output)
                await stream.drain()
                if data := await stream.read():
                    dialogue.receive(data)
                else:
                    dialogue.receive_eof()
            case event if event is CLOSED or isinstance(event, DialogueEnded):
                raise DialError(f"{host} ended the connection")
            case event:
                raise AssertionError(f"unexpected {event!r}")
