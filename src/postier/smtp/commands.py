"""The verbs: for each when it is allowed and what it does.

Not here: reading lines (`session`), syntax (`syntax`, `parameters`). Source: RFC 5321 §4.1 and the RFC in each row
of the table. Invariants: every command gets exactly one reply (RFC 5321 §4.2), here or by `Session.reply`; the table
is the only place that says in which state a verb is legal.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from postier.mime.address import Address
from postier.sasl.base64 import decode_base64
from postier.smtp import parameters as esmtp
from postier.smtp import reason as why
from postier.smtp.body import ChunkedBody
from postier.smtp.events import (
    AuthAborted,
    AuthStarted,
    DataStarted,
    Event,
    HelloReceived,
    QuitReceived,
    RecipientNamed,
    SenderNamed,
    TlsRequested,
    VerifyAsked,
)
from postier.smtp.reason import Reason
from postier.smtp.settings import Role
from postier.smtp.state import Chunk, Mode, SessionState
from postier.smtp.syntax import PathError, parse_forward_path, parse_hello, parse_reverse_path

_OK = b"250 2.0.0 OK\r\n"
_HELP = b"214 2.0.0 See RFC 5321; for help ask postmaster\r\n"
_MAX_CHUNK_DIGITS = 20  # as RFC 1870 §5 has it for SIZE
_ROUTING = frozenset("%!@")  # in a local part: a%b@c, b!a@c, "a@b"@c


class Verb(msgspec.Struct, frozen=True):
    """A row of the table: what to do, and in which states."""

    act: Callable[[SessionState, bytes], Event | None]
    needs_hello: bool = False  # 503 before EHLO
    before_tls: bool = False  # allowed although TLS is required and not on
    before_auth: bool = False  # allowed although login is required and not done
    has_argument: bool | None = None  # True: needs one, False: must not have one, None: as it likes


def perform(state: SessionState, verb: bytes, argument: bytes) -> Event | None:
    """Carry out a command line: an event, or None where the reply is all."""
    row = VERBS.get(verb)
    if row is None:
        # where logins are offered, it may be a password sent after an AUTH that was refused
        return state.refuse(why.UNKNOWN_COMMAND, b"" if state.settings.auth_mechanisms else verb)
    settings = state.settings
    if settings.is_tls_required and state.tls is None and not row.before_tls:
        return state.refuse(why.TLS_REQUIRED, verb)  # RFC 3207 §4
    if settings.needs_auth and not state.is_authenticated and not row.before_auth:
        return state.refuse(why.AUTH_REQUIRED, verb)  # RFC 4954 §6
    if row.needs_hello and not state.hello:
        return state.refuse(why.BAD_SEQUENCE.with_text("Send EHLO first"), verb)
    if row.has_argument is not None and row.has_argument != bool(argument):
        return state.refuse(why.ARGUMENT, verb)  # RFC 5321 §4.3.2
    return row.act(state, argument)


def _greet(state: SessionState, argument: bytes, *, is_extended: bool) -> Event | None:
    try:
        name = parse_hello(argument.partition(b" ")[0])
    except ValueError:
        return state.refuse(why.ARGUMENT.with_text("Needs a host name"), argument)
    state.abandon()  # RFC 5321 §4.1.4: a greeting in mid-session resets
    state.hello = name
    hostname = state.settings.hostname
    if is_extended:
        lines = [f"{hostname} greets {name}", *extensions(state)]
        state.say(
            "".join(f"250-{line}\r\n" for line in lines[:-1]).encode() + f"250 {lines[-1]}\r\n".encode()
        )
    else:
        state.say(f"250 {hostname} greets {name}\r\n".encode())
    return HelloReceived(name, is_extended)


def extensions(state: SessionState) -> list[str]:
    """The keywords that EHLO announces in this state; the last one is always there."""
    settings = state.settings
    lines = ["PIPELINING", f"SIZE {settings.max_message_bytes}", "8BITMIME"]
    if settings.offers_smtputf8:
        lines.append("SMTPUTF8")
    if settings.offers_chunking:
        lines.append("CHUNKING")
    if settings.is_tls_available and state.tls is None:  # RFC 3207 §4.2: never under TLS
        lines.append("STARTTLS")
    if settings.auth_mechanisms and may_login(state) and not state.is_authenticated:
        lines.append(f"AUTH {' '.join(settings.auth_mechanisms)}")
    if settings.offers_dsn:
        lines.append("DSN")
    if settings.offers_deliverby:
        lines.append("DELIVERBY")
    if settings.offers_requiretls and state.tls is not None:
        lines.append("REQUIRETLS")
    lines.extend((f"LIMITS RCPTMAX={settings.max_recipients}", "ENHANCEDSTATUSCODES"))  # RFC 9422 §4.2
    return lines


def may_login(state: SessionState) -> bool:
    """Whether a password may cross this connection (RFC 4954 §4)."""
    return state.tls is not None or state.settings.is_plaintext_login_allowed


def _helo(state: SessionState, argument: bytes) -> Event | None:
    if state.settings.role is Role.LMTP:
        return state.refuse(why.UNKNOWN_COMMAND, b"HELO")  # RFC 2033 §4.1
    return _greet(state, argument, is_extended=False)


def _ehlo(state: SessionState, argument: bytes) -> Event | None:
    if state.settings.role is Role.LMTP:
        return state.refuse(why.UNKNOWN_COMMAND, b"EHLO")  # RFC 2033 §4.1
    return _greet(state, argument, is_extended=True)


def _lhlo(state: SessionState, argument: bytes) -> Event | None:
    if state.settings.role is not Role.LMTP:
        return state.refuse(why.UNKNOWN_COMMAND, b"LHLO")
    return _greet(state, argument, is_extended=True)


def _starttls(state: SessionState, _: bytes) -> Event | None:
    if state.tls is not None:
        return state.refuse(why.BAD_SEQUENCE.with_text("TLS is on already"), b"STARTTLS")
    if not state.settings.is_tls_available:
        return state.refuse(why.NOT_IMPLEMENTED, b"STARTTLS")
    return TlsRequested()


def _auth(state: SessionState, argument: bytes) -> Event | None:
    settings = state.settings
    mechanism, _, initial = argument.partition(b" ")
    if not settings.auth_mechanisms:
        return state.refuse(why.NOT_IMPLEMENTED, b"AUTH")
    if state.is_authenticated:
        return state.refuse(why.ALREADY_AUTHENTICATED, b"AUTH")
    if state.in_transaction:
        return state.refuse(why.BAD_SEQUENCE, b"AUTH")  # RFC 4954 §4
    if not may_login(state):
        return state.refuse(why.AUTH_NEEDS_TLS, b"AUTH")
    name = mechanism.decode("ascii", "replace").upper()
    if name not in settings.auth_mechanisms:
        return state.refuse(why.AUTH_MECHANISM_UNKNOWN, b"AUTH")
    return auth_octets(state, initial, name)


def auth_octets(state: SessionState, encoded: bytes, mechanism: str) -> AuthStarted | AuthAborted:
    """The event of an AUTH command with its initial response, if any."""
    if not encoded:
        return AuthStarted(mechanism, None)
    if encoded == b"=":  # RFC 4954 §4: present and empty
        return AuthStarted(mechanism, b"")
    try:
        return AuthStarted(mechanism, decode_base64(encoded))
    except ValueError:
        return abort_auth(state, why.AUTH_ENCODING)


def abort_auth(state: SessionState, reason: Reason) -> AuthAborted:
    """End an exchange that has no result."""
    state.mode = Mode.COMMAND
    state.refuse(reason)
    return AuthAborted(reason)


def mail(state: SessionState, address: Address | None, words: bytes, *, is_ascii: bool) -> Event:
    """MAIL once its path is read."""
    settings = state.settings
    parameters = esmtp.NO_MAIL_PARAMETERS
    if words:
        try:
            parameters = esmtp.parse_mail_parameters(words)
        except esmtp.ParameterError as error:
            return state.refuse(error.reason, b"MAIL " + words)
        if (
            (parameters.smtputf8 and not settings.offers_smtputf8)
            or (parameters.requiretls and not (settings.offers_requiretls and state.tls is not None))
            or ((parameters.ret is not None or parameters.envid is not None) and not settings.offers_dsn)
            or (parameters.deliver_by is not None and not settings.offers_deliverby)
        ):
            return state.refuse(why.UNSUPPORTED_PARAMETER, b"MAIL " + words)
        if parameters.size_bytes is not None and parameters.size_bytes > settings.max_message_bytes:
            return state.refuse(why.MESSAGE_TOO_BIG, b"MAIL " + words)  # RFC 1870 §6.1
    if not (is_ascii or parameters.smtputf8):
        return state.refuse(why.NON_ASCII_SENDER, b"MAIL")  # RFC 6531 §3.5
    return SenderNamed(address, parameters)


def _mail(state: SessionState, argument: bytes) -> Event | None:
    if state.in_transaction:
        return state.refuse(why.NESTED_MAIL, b"MAIL " + argument)
    try:
        path = parse_reverse_path(argument)
    except PathError as error:
        return state.refuse(error.reason, b"MAIL " + argument)
    return mail(state, path.mailbox, path.parameters, is_ascii=path.is_ascii)


def recipient(state: SessionState, address: Address, words: bytes) -> Event:
    """RCPT once its path is read."""
    settings = state.settings
    parameters = esmtp.NO_RECIPIENT_PARAMETERS
    if state.body is not None:
        return state.refuse(why.BAD_SEQUENCE, b"RCPT")  # RFC 3030 §2: after all RCPT responses
    if words:
        try:
            parameters = esmtp.parse_recipient_parameters(words)
        except esmtp.ParameterError as error:
            return state.refuse(error.reason, b"RCPT " + words)
        if not settings.offers_dsn:
            return state.refuse(why.UNSUPPORTED_PARAMETER, b"RCPT " + words)
    if len(state.recipients) >= settings.max_recipients:
        return state.refuse(why.TOO_MANY_RECIPIENTS, b"RCPT")  # RFC 5321 §4.5.3.1.10
    return RecipientNamed(address, parameters)


def _rcpt(state: SessionState, argument: bytes) -> Event | None:
    if not state.in_transaction:
        return state.refuse(why.BAD_SEQUENCE.with_text("Send MAIL first"), b"RCPT " + argument)
    try:
        path = parse_forward_path(argument)
    except PathError as error:
        return state.refuse(error.reason, b"RCPT " + argument)
    # RFC 5321 §4.1.1.3: MAY also reject. A user of ours who has logged in may name a%b or a!b at a gateway.
    if path.is_routed or (
        path.mailbox is not None
        and state.settings.role is Role.MX
        and not _ROUTING.isdisjoint(path.mailbox.local)
    ):
        return state.refuse(why.SOURCE_ROUTE, b"RCPT " + argument)
    if not (path.is_ascii or state.is_smtputf8):
        return state.refuse(why.NON_ASCII_RECIPIENT, b"RCPT")  # RFC 6531 §3.5
    address = path.mailbox or Address("postmaster", state.settings.hostname)
    return recipient(state, address, path.parameters)


def _data(state: SessionState, _: bytes) -> Event | None:
    if not state.in_transaction:
        return state.refuse(why.BAD_SEQUENCE.with_text("Send MAIL first"), b"DATA")
    if state.body is not None:
        state.abandon()  # RFC 3030 §2: indeterminate; the safe choice is that the transaction is dead
        return state.refuse(why.BAD_SEQUENCE.with_text("BDAT has begun, DATA cannot follow"), b"DATA")
    if not state.recipients:
        # RFC 5321 §3.3: 503 or 554; RFC 2033 §4.2: 503
        return state.refuse(why.BAD_SEQUENCE if state.is_lmtp else why.NO_VALID_RECIPIENTS, b"DATA")
    return DataStarted(is_chunked=False)


def _bdat(state: SessionState, argument: bytes) -> Event | None:
    """BDAT (RFC 3030 §2): whatever is wrong, the octets that follow are read, or the connection ends."""
    size, _, marker = argument.partition(b" ")
    if not size.isdigit() or len(size) > _MAX_CHUNK_DIGITS or marker.strip().upper() not in {b"", b"LAST"}:
        # where the chunk ends is unknown, and what is in it must not be taken for commands
        return state.refuse_and_close(why.ARGUMENT, b"BDAT " + argument)
    chunk = state.chunk = Chunk(int(size), is_last=bool(marker))
    state.mode = Mode.CHUNK
    if state.is_lmtp and chunk.is_last:
        chunk.replies = max(len(state.recipients), 1)  # RFC 2033 §4.3
    chunk.refusal = _chunk_problem(state, chunk)
    if chunk.refusal is not None or chunk.is_silent:
        state.abandon()  # RFC 3030 §2: a failed BDAT is the end of the transaction
        return None
    state.chunks += 1
    if state.body is None:
        state.body = ChunkedBody(state.settings.max_message_bytes)
        return DataStarted(is_chunked=True)
    return None


def _chunk_problem(state: SessionState, chunk: Chunk) -> Reason | None:
    if not state.settings.offers_chunking:
        return why.NOT_IMPLEMENTED
    if not (state.in_transaction and state.may_mail):
        return why.BAD_SEQUENCE
    if not state.recipients:
        chunk.is_silent = state.is_lmtp and chunk.is_last  # RFC 2033 §4.3: zero replies
        return None if chunk.is_silent else why.NO_VALID_RECIPIENTS
    if state.chunks >= state.settings.max_chunks:
        return why.TOO_MANY_CHUNKS
    size = state.body.size_bytes if state.body is not None else 0
    if size + chunk.size_bytes > state.settings.max_message_bytes:
        return why.MESSAGE_TOO_BIG
    return None


def _rset(state: SessionState, _: bytes) -> Event | None:
    state.abandon()
    state.say(_OK)
    return None


def _noop(state: SessionState, _: bytes) -> Event | None:
    state.say(_OK)
    return None


def _vrfy(_: SessionState, argument: bytes) -> Event | None:
    return VerifyAsked(argument.decode("utf-8", "replace"))


def _help(state: SessionState, _: bytes) -> Event | None:
    state.say(_HELP)
    return None


def _quit(state: SessionState, _: bytes) -> Event | None:
    state.abandon()
    state.say(f"221 2.0.0 {state.settings.hostname} closing connection\r\n".encode())
    state.close(None)
    state.pending.append(QuitReceived())
    return None


def _not_implemented(state: SessionState, _: bytes) -> Event | None:
    return state.refuse(why.NOT_IMPLEMENTED)


_OBSOLETE = Verb(_not_implemented, before_auth=True)

VERBS: Final[dict[bytes, Verb]] = {
    b"HELO": Verb(_helo, before_auth=True),  # RFC 5321 §4.1.1.1
    b"EHLO": Verb(_ehlo, before_tls=True, before_auth=True),
    b"LHLO": Verb(_lhlo, before_tls=True, before_auth=True),  # RFC 2033 §4.1
    b"STARTTLS": Verb(
        _starttls, needs_hello=True, before_tls=True, before_auth=True, has_argument=False
    ),  # RFC 3207 §4
    b"AUTH": Verb(_auth, needs_hello=True, before_auth=True, has_argument=True),  # RFC 4954 §4
    b"MAIL": Verb(_mail, needs_hello=True, has_argument=True),  # RFC 5321 §4.1.1.2
    b"RCPT": Verb(_rcpt, has_argument=True),  # RFC 5321 §4.1.1.3
    b"DATA": Verb(_data, has_argument=False),  # RFC 5321 §4.1.1.4
    b"BDAT": Verb(_bdat, before_tls=True, before_auth=True),  # RFC 3030 §2; its checks must discard octets
    b"RSET": Verb(_rset, before_auth=True, has_argument=False),  # RFC 5321 §4.1.1.5
    b"VRFY": Verb(_vrfy, has_argument=True),  # RFC 5321 §4.1.1.6
    b"EXPN": _OBSOLETE,  # RFC 5321 §4.1.1.7, §7.3: list members are nobody's business
    b"HELP": Verb(_help),  # RFC 5321 §4.1.1.8
    b"NOOP": Verb(_noop, before_tls=True, before_auth=True),  # RFC 5321 §4.1.1.9
    b"QUIT": Verb(_quit, before_tls=True, before_auth=True, has_argument=False),  # RFC 5321 §4.1.1.10
    b"ETRN": _OBSOLETE,  # RFC 1985
    b"TURN": _OBSOLETE,  # RFC 5321 Appendix F.1
    b"SEND": _OBSOLETE,  # RFC 5321 Appendix F.6
    b"SOML": _OBSOLETE,
    b"SAML": _OBSOLETE,
}
