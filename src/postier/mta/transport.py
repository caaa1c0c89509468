"""The connection to the next server: dialled host by host, under the TLS policy of each, kept for the next letter.

Not here: the dialogue (`smtp.dialogue`), which policy holds (`tls.policy`), the route (`dns.mx`). Source: RFC 5321 §5.1, RFC
3207, RFC 7435. Invariants: a host that fails its policy is not used (the next is tried, then delivery waits); after the
final dot nothing but the server's reply counts as delivered. It is over 400 lines long because dialling, TLS and reuse
of one connection decide together.
"""

import asyncio
import ssl
import time
from pathlib import Path
from typing import assert_never

import msgspec

from postier.dns.ask import Answering
from postier.dns.mx import MailHost, MailRoute
from postier.mime.address import Address
from postier.mime.headers import split_header
from postier.mta.outcomes import Deferred, Delivered, Failed, Outcome
from postier.mta.queue_rows import Job
from postier.mta.requests import ret_of
from postier.mta.tally import TlsObserver
from postier.smtp import envelope as envelopes
from postier.smtp import reason as why
from postier.smtp.client_events import (
    Awaiting,
    BodyWanted,
    DialogueEnded,
    DialogueSettings,
    HelloAnswered,
    MessageSettled,
    ServerRefused,
    TlsReady,
    TlsRefused,
)
from postier.smtp.dialogue import Dialogue
from postier.smtp.envelope import Envelope, EnvelopeRecipient, Result
from postier.smtp.events import CLOSED, NEED_DATA, PAUSED
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply, reply_of
from postier.smtp.xtext import decode_xtext
from postier.tls.client import client_context
from postier.tls.peer import PeerFact, failed_handshake, verify_peer
from postier.tls.policy import (
    PolicyFetcher,
    TlsDemand,
    TlsLevel,
    TlsPolicy,
    TlsResult,
    TlsUnusable,
    destination_policy,
)
from postier.tls.stream import Stream

ATTEMPT_S = 20 * 60.0  # for a letter at all hosts; within its lease (`queue_rows`)
DIAL_TIMEOUT_S = 30.0
HANDSHAKE_TIMEOUT_S = 30.0
PIECE_BYTES = 256 * 1024
MAX_LETTERS = 100  # on one connection
MAX_RECIPIENTS = 100  # of one transaction: what every server takes (RFC 5321 §4.5.3.1.8)


class Dialling(msgspec.Struct, frozen=True):
    """How this server dials."""

    hostname: str
    port: int
    resolver: Answering
    fetcher: PolicyFetcher | None = None
    attempt_s: float = ATTEMPT_S
    observer: TlsObserver | None = None  # set while TLS reports are sent
    authorities: Path | None = None  # roots to trust instead of the system's


class UnusableError(Exception):
    """A host can't be used now; the text is a reply line for the log and the report, `result` set if TLS is why."""

    def __init__(self, text: str, result: TlsResult | None = None) -> None:
        super().__init__(text)
        self.result = result


class Connections:
    """At most one open connection to a destination; belongs to one task."""

    def __init__(self, dialling: Dialling) -> None:
        self._dialling = dialling
        self._line: _Line | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection that the next letter may use."""
        return self._line is not None

    async def deliver(self, route: MailRoute, job: Job, content: bytes) -> dict[int, Outcome]:
        """Try a letter at the hosts of a route; an outcome for each recipient id of the job."""
        outcomes: dict[int, Outcome] = {}
        try:
            async with asyncio.timeout(self._dialling.attempt_s):
                for start in range(0, len(job.recipients), MAX_RECIPIENTS):
                    recipients = job.recipients[start : start + MAX_RECIPIENTS]
                    portion = msgspec.structs.replace(job, recipients=recipients)
                    outcomes |= await self._deliver(route, portion, content)
        except TimeoutError:
            self._drop()
            late = Deferred(f"451 4.4.2 The hosts of {route.domain} took too long")
            outcomes = {each.recipient_id: late for each in job.recipients} | outcomes
        return outcomes

    async def _deliver(self, route: MailRoute, job: Job, content: bytes) -> dict[int, Outcome]:
        # RFC 8460 §3: our TLS reports are delivered despite failures of TLS. The field (RFC 8689 §3) counts on them alone:
        # with the null reverse-path nobody else's letter leaves but reports of ours.
        is_report = not job.message.reverse_path and _is_tls_optional(content)
        demand = TlsDemand(
            require_tls=job.message.requires_tls, is_tls_optional=is_report, port=self._dialling.port
        )
        if self._line is not None and self._line.suits(demand):
            results = await self._send(self._line, job, content)
            if results is not None:
                return results
        await self.close()
        last = f"451 4.4.1 No host of {route.domain} could be reached"
        for host in route.hosts:
            for address in host.addresses:
                try:
                    self._line = await _connect(self._dialling, route, host, address, demand)
                except UnusableError as error:
                    last = str(error)
                    continue
                line = self._line
                results = await self._send(line, job, content)
                if results is not None:
                    return results
                last = f"451 4.4.2 {host.name} ended the connection: {line.last_words}"
        return {each.recipient_id: Deferred(last) for each in job.recipients}

    async def close(self) -> None:
        """Say goodbye."""
        line, self._line = self._line, None
        if line is not None:
            await line.quit()

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.stream.abort()

    async def _send(self, line: "_Line", job: Job, content: bytes) -> dict[int, Outcome] | None:
        """None: the connection ended before the server said anything about this letter."""
        results = await line.send(_envelope(job, content, time.time_ns() // 1000), content)
        if not line.is_usable:
            self._drop()
        if results is None:
            return None
        return {
            recipient.recipient_id: _outcome(result, line)
            for recipient, result in zip(job.recipients, results, strict=True)
        }


class _Line:
    """A greeted connection."""

    def __init__(self, stream: Stream, dialogue: Dialogue, host: str, policy: TlsPolicy) -> None:
        self.stream = stream
        self.host = host
        self._dialogue = dialogue
        self._policy = policy
        self._letters = 0
        self.is_usable = True
        self.last_words = ""  # why it is not usable any more

    @property
    def is_encrypted(self) -> bool:
        """Whether the octets are hidden from the network."""
        return self._dialogue.is_tls

    def offers(self, keyword: str) -> bool:
        """Whether the server offers this extension."""
        return self._dialogue.extensions.has(keyword)

    def suits(self, demand: TlsDemand) -> bool:
        """Whether a letter with this demand may go over it."""
        return self._letters < MAX_LETTERS and (not demand.require_tls or self._policy.is_authenticated)

    async def send(self, envelope: Envelope, content: bytes) -> tuple[Result, ...] | None:
        """The results by recipient; None if the connection ended before the server said anything about the letter:
        a kept connection that was dead, a host that breaks off. Another connection may be tried at once.
        """
        self._letters += 1
        dialogue, stream = self._dialogue, self.stream
        stream.write(dialogue.send(envelope))
        results: tuple[Result, ...] = ()
        was_wanted = False
        while True:
            event = await _next_event(stream, dialogue)
            match event:
                case BodyWanted():
                    was_wanted = True
                    await self._send_body(content)
                case MessageSettled():
                    results = event.results
                case DialogueEnded(cause):  # also by a 421 after which the server leaves the closing to us
                    self.is_usable = False
                    self.last_words = _words(cause)
                    is_unheard = not was_wanted and all(
                        isinstance(result, envelopes.Deferred) and result.cause == cause for result in results
                    )
                    return None if is_unheard else results
                case _ if event is PAUSED:  # our turn again
                    self.is_usable = not stream.is_ended
                    return results
                case _:
                    raise AssertionError(f"unexpected {event!r}")

    async def _send_body(self, content: bytes) -> None:
        dialogue, stream = self._dialogue, self.stream
        try:
            for start in range(0, len(content), PIECE_BYTES):
                stream.write(dialogue.body(content[start : start + PIECE_BYTES]))
                async with asyncio.timeout(Awaiting.BODY.timeout_s):  # RFC 5321 §4.5.3.2.5: for a block
                    await stream.drain()
            stream.write(dialogue.end_body())
        except TimeoutError:
            dialogue.give_up(why.TIMEOUT)
        except ValueError:  # what is not canonical never goes out, whatever way it came here (SECURITY 2)
            dialogue.give_up(why.BARE_NEWLINE)

    async def quit(self) -> None:
        """Say QUIT and close."""
        dialogue, stream = self._dialogue, self.stream
        if self.is_usable and not stream.is_ended:
            stream.write(dialogue.quit())
            while not isinstance(await _next_event(stream, dialogue), DialogueEnded):
                pass
        stream.close()


async def _connect(
    dialling: Dialling, route: MailRoute, host: MailHost, address: str, demand: TlsDemand
) -> _Line:
    """Dial, greet and secure one address. Raises UnusableError."""
    policy = await destination_policy(route, host, dialling.resolver, fetcher=dialling.fetcher, demand=demand)

    is_observed = dialling.observer is not None and not demand.is_tls_optional  # RFC 8460 §3: not our reports

    def saw(known: TlsPolicy | None, result: TlsResult | None, reason: str = "") -> None:
        if dialling.observer is not None and is_observed:
            dialling.observer.saw(route.domain, known, host.name, address, result, reason)

    if isinstance(policy, TlsUnusable):
        if not policy.is_demanded:
            known = None if policy.sts is None else TlsPolicy(TlsLevel.MTA_STS, host.name, sts=policy.sts)
            saw(known, policy.result, policy.why)
        raise UnusableError(f"451 {policy.code} {policy.why}")
    complaint = policy.complaint
    ways = [policy, msgspec.structs.replace(policy, level=TlsLevel.NONE)]  # RFC 7435: plain where TLS failed
    if (
        is_observed and policy.is_testing and complaint is None
    ):  # RFC 8461 §5: checked first, for the report alone
        ways.insert(0, msgspec.structs.replace(policy, is_probed=True))
    is_told = False
    for way in ways:
        try:
            line = await _greet(dialling, way, address)
        except UnusableError as error:
            if error.result is not None and not is_told:
                saw(policy, error.result, str(error))
            raise
        if isinstance(line, _Line):
            break
        if not is_told:  # nothing demands TLS, or nothing this certificate
            saw(policy, line.result, line.why)
            is_told = True
    assert isinstance(line, _Line)
    if not is_told and policy.level is not TlsLevel.NONE:
        if complaint is not None:
            saw(policy, complaint.result, complaint.why)
        else:
            saw(policy, None if line.is_encrypted else TlsResult.STARTTLS_NOT_SUPPORTED)
    return line


async def _greet(dialling: Dialling, policy: TlsPolicy, address: str) -> _Line | PeerFact:
    """A greeted connection under a policy; the fact when TLS failed and another way is left. Raises UnusableError."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            _, stream = await loop.create_connection(lambda: Stream(loop), address, dialling.port)
    except (OSError, TimeoutError) as error:
        raise UnusableError(
            f"451 4.4.1 {policy.host} [{address}] does not answer: {str(error) or 'time-out'}"
        ) from error
    dialogue = Dialogue(DialogueSettings(hello_name=dialling.hostname))
    try:
        return await _secure(dialling, stream, dialogue, policy)
    except BaseException:
        stream.abort()
        raise


async def _secure(
    dialling: Dialling, stream: Stream, dialogue: Dialogue, policy: TlsPolicy
) -> _Line | PeerFact:
    while True:
        event = await _next_event(stream, dialogue)
        match event:
            case HelloAnswered(extensions, _):
                if dialogue.is_tls or policy.level is TlsLevel.NONE:
                    return _Line(stream, dialogue, policy.host, policy)
                if extensions.has("STARTTLS"):
                    stream.write(dialogue.start_tls())
                elif policy.is_mandatory:
                    raise UnusableError(
                        f"451 4.7.5 {policy.host} offers no TLS, which is needed: {policy.why}",
                        TlsResult.STARTTLS_NOT_SUPPORTED,
                    )
                else:
                    return _Line(stream, dialogue, policy.host, policy)
            case TlsReady():
                fact = await _shake_hands(stream, policy, dialling.authorities)
                if not fact.is_acceptable:
                    stream.abort()
                    return fact
                stream.write(dialogue.tls_started())
            case TlsRefused(reply):
                if policy.is_mandatory:
                    raise UnusableError(
                        f"451 4.7.5 {policy.host} refuses TLS, which is needed: {reply}",
                        TlsResult.STARTTLS_NOT_SUPPORTED,
                    )
                return _Line(stream, dialogue, policy.host, policy)
            case ServerRefused(reply):
                raise UnusableError(f"451 4.4.1 {policy.host} refuses the connection: {reply}")
            case DialogueEnded(cause):
                raise UnusableError(f"451 4.4.2 {policy.host} ended the connection: {_words(cause)}")
            case _:
                raise AssertionError(f"unexpected {event!r}")


async def _shake_hands(stream: Stream, policy: TlsPolicy, authorities: Path | None) -> PeerFact:
    """Upgrade; not acceptable if opportunistic TLS or a probe failed. Raises UnusableError if the policy is not met."""
    try:
        connection = await stream.connect_tls(
            client_context(policy, authorities), policy.server_name or policy.host, HANDSHAKE_TIMEOUT_S
        )
    except (OSError, ssl.SSLError) as error:
        fact = failed_handshake(policy, error)
        if policy.is_mandatory and not policy.is_probed:
            raise UnusableError(f"451 4.7.5 TLS with {policy.host} failed: {error}", fact.result) from error
        return fact
    fact = verify_peer(policy, connection, time.time())
    if not fact.is_acceptable:
        raise UnusableError(f"451 4.7.5 {policy.host} is not proved: {fact.why}", fact.result)
    return fact


async def _next_event(stream: Stream, dialogue: Dialogue) -> object:
    """The next event; reads and writes what it takes, within the time that the RFC gives the server."""
    while True:
        event = dialogue.next_event()
        if event is CLOSED:
            return DialogueEnded(None)
        if event is not NEED_DATA:
            return event
        output = dialogue.take_output()
        if output:
            stream.write(output)
        try:
            async with asyncio.timeout(dialogue.awaiting.timeout_s if dialogue.awaiting else None):
                await stream.drain()
                data = await stream.read()
        except TimeoutError:
            dialogue.give_up(why.TIMEOUT)
            continue
        if data:
            dialogue.receive(data)
        else:
            dialogue.receive_eof()


def _is_tls_optional(content: bytes) -> bool:
    value = split_header(content).first(b"tls-required")
    return value is not None and value.lower() == b"no"


def _envelope(job: Job, content: bytes, now_us: int) -> Envelope:
    message, deadline = job.message, job.message.deadline
    return Envelope(
        reverse_path=Address.parse(message.reverse_path) if message.reverse_path else None,
        recipients=tuple(
            EnvelopeRecipient(Address.parse(each.forward_path), each.parameters) for each in job.recipients
        ),
        size_bytes=len(content),
        is_8bit=message.needs_8bit,
        has_utf8_headers=message.needs_utf8,
        ret=ret_of(message.dsn_ret),
        envid=decode_xtext(message.dsn_envid) if message.dsn_envid else None,
        requires_tls=message.requires_tls,
        deliver_by=None if deadline is None else deadline.left(now_us),
    )


def _outcome(result: Result, line: _Line) -> Outcome:
    host = line.host
    match result:
        case envelopes.Delivered():
            return Delivered(
                _words(result.reply),
                host,
                reports=line.offers("DSN"),
                keeps_time=line.offers("DELIVERBY"),
            )
        case envelopes.Deferred():
            return Deferred(_words(result.cause), host)
        case envelopes.Failed():
            return Failed(_words(result.cause), host)
        case _:
            assert_never(result)


def _words(cause: Reply | Reason | None) -> str:
    if cause is None:
        return "without a word"
    return str(reply_of(cause) if isinstance(cause, Reason) else cause)
