"""Becoming somebody: STARTTLS, LOGIN, AUTHENTICATE.

Not here: mechanisms and limits (`servers.logins`, `accounts.login`). Source: RFC 9051 §6.2, §11; RFC 4959; RFC 5530.
Invariants: no password is taken on a connection that could be read (unless the configuration says so); what came in
plaintext before TLS is dropped (SECURITY 7).
"""

from binascii import b2a_base64

import structlog

from postier.accounts.login import Login as LoggedIn
from postier.accounts.login import LoginProblem, LoginRefused
from postier.imap.commands.authenticate import Authenticate, decode_answer
from postier.imap.commands.login import Login
from postier.imap.refusals import bad, no
from postier.imap.responses import (
    AUTHENTICATIONFAILED,
    AUTHORIZATIONFAILED,
    PRIVACYREQUIRED,
    UNAVAILABLE,
    Status,
    bye,
    capability,
    sasl_challenge,
    tagged_ok,
)
from postier.imap.state import Step
from postier.sasl.exchange import Challenge, Credentials
from postier.servers.handshake import shake_hands
from postier.servers.imap.connection import Connection, Done, EndError
from postier.tls.stream import AcceptTls, StreamExpiredError

LOG = structlog.get_logger()

_CODES = {
    LoginProblem.WRONG: AUTHENTICATIONFAILED,
    LoginProblem.LIMITED: UNAVAILABLE,
    LoginProblem.BUSY: UNAVAILABLE,
    LoginProblem.UNAVAILABLE: UNAVAILABLE,
    LoginProblem.NOT_PERMITTED: AUTHORIZATIONFAILED,
}


async def start_tls(connection: Connection, begin: AcceptTls) -> bool:
    """The handshake; False when it failed (the connection is of no use then)."""
    owner = connection.owner
    timeout_s = owner.settings.timeouts.handshake_s
    if await shake_hands(connection.stream, begin, owner.tls, timeout_s) is None:
        return False
    await learn_mechanisms(connection)
    return True


async def learn_mechanisms(connection: Connection) -> None:
    """What the connection is offered as it is now: with or without TLS."""
    owner = connection.owner
    connection.mechanisms = await owner.logins.offered(connection.stream.tls, owner.settings.mechanisms)


async def starttls(connection: Connection, tag: bytes) -> None:
    """STARTTLS; its answer goes out before the handshake."""
    if not connection.can_starttls:
        raise bad("TLS is active already" if connection.stream.tls else "STARTTLS is not offered")
    connection.send(tagged_ok(tag, "Begin TLS negotiation now"))
    connection.write_out()
    connection.reader.drop_buffered()
    if not await start_tls(connection, connection.stream.accept_tls):
        raise EndError


async def login(connection: Connection, command: Login) -> Done:
    """LOGIN."""
    if not connection.may_login:
        raise no("LOGIN needs TLS", PRIVACYREQUIRED)  # RFC 9051 §6.2.3
    given = Credentials("", command.user, command.password)
    found = await connection.owner.logins.authenticate(given, connection.stream.peer_ip, "LOGIN")
    return _ended(connection, found, "LOGIN", command.user)


async def authenticate(connection: Connection, command: Authenticate) -> Done:
    """AUTHENTICATE, until the mechanism has a name and a password."""
    if not connection.may_login:
        raise no("AUTHENTICATE needs TLS", PRIVACYREQUIRED)
    if command.mechanism not in connection.mechanisms:
        raise no("Unknown authentication mechanism")
    stream = connection.stream
    attempt = connection.owner.logins.attempt(command.mechanism, stream.peer_ip, stream.tls)
    outcome = await attempt.start(command.initial_response)
    while isinstance(outcome, Challenge):
        connection.send(sasl_challenge(b2a_base64(outcome.data, newline=False)))
        connection.reader.expect_answer()
        response = decode_answer(await connection.answer())
        if response is None:
            raise bad("AUTHENTICATE cancelled")  # RFC 9051 §6.2.2
        outcome = await attempt.step(response)
    return _ended(connection, outcome, command.mechanism, attempt.name)


def _ended(connection: Connection, found: LoggedIn | LoginRefused, mechanism: str, name: str) -> Done:
    stream = connection.stream
    if not isinstance(found, LoggedIn):
        return _refused(connection, found, mechanism, name)
    if stream.is_expired:
        raise StreamExpiredError
    connection.account_id, connection.address = found.account_id, found.address
    connection.errors = 0
    connection.session.step(Step.LOGIN_SUCCEEDED)
    connection.reader.limits = connection.owner.settings.limits
    LOG.info(
        "imap-login",
        peer=stream.peer_ip,
        account=str(found.address),
        mechanism=mechanism,
        tls=stream.tls is not None,
    )
    return Done("Logged in", capability(connection.capabilities))


def _refused(connection: Connection, refused: LoginRefused, mechanism: str, name: str) -> Done:
    LOG.info(
        "imap-login-refused",
        peer=connection.stream.peer_ip,
        name=name[:256],
        mechanism=mechanism,
        reason=refused.problem.name.lower(),
    )
    connection.failed_logins += 1
    text = refused.problem.value
    if connection.failed_logins >= connection.owner.settings.max_errors:
        raise EndError(bye(f"Too many failed logins: {text}"))
    return Done(text[:1].upper() + text[1:], _CODES[refused.problem], Status.NO)
