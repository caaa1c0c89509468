"""Logins over SASL, for every protocol alike: which mechanisms are offered, and an exchange driven to its verdict.

Not here: the mechanisms (`sasl`), passwords, keys and limits (`accounts`). Sources: RFC 4422; RFC 5929 §4 (tls-server-end-point), RFC
5929 §3 (tls-unique, TLS 1.2 only). Python's TLS has no exporter, so RFC 9266's binding is not offered. Invariants: a mechanism is
offered only where it can succeed: SCRAM when every account's password has keys, -PLUS on a TLS connection with a binding,
OAuth over TLS (RFC 7628 §3) with somebody to ask, EXTERNAL with a verified certificate; what sends no password comes first. A
refused token is told in the log, with the reason and never the token.
"""

import secrets
import ssl
from typing import TypeAlias

import structlog

from postier.accounts.foreign_login import ForeignLogins, TokenChecker
from postier.accounts.login import Authenticator, Login, LoginProblem, LoginRefused
from postier.accounts.scram_keys import ScramAlgorithm
from postier.accounts.scram_login import Claim, ScramLogins
from postier.accounts.tokens.verdict import Refusal
from postier.sasl.exchange import (
    Accepted,
    Challenge,
    Credentials,
    Failed,
    Failure,
    KeysWanted,
    ServerExchange,
    Step,
    TokenGiven,
)
from postier.sasl.mechanisms import BINDS_CHANNEL, Mechanism, server_exchange
from postier.sasl.oauth import NOTHING_TOLD, OAuthServer, Told
from postier.sasl.scram import ChannelBinding, ScramServer
from postier.servers.tally import NO_TALLY, Tally
from postier.smtp import reason as why
from postier.smtp.reason import Reason
from postier.tls.server import end_point_binding

OFFERED = (Mechanism.PLAIN, Mechanism.LOGIN)
OFFERED_NAMES = tuple(mechanism.value for mechanism in OFFERED)
_SCRAM = {
    Mechanism.SCRAM_SHA_256_PLUS: ScramAlgorithm.SHA_256,
    Mechanism.SCRAM_SHA_256: ScramAlgorithm.SHA_256,
    Mechanism.SCRAM_SHA_1_PLUS: ScramAlgorithm.SHA_1,
    Mechanism.SCRAM_SHA_1: ScramAlgorithm.SHA_1,
}
_OAUTH = (Mechanism.OAUTHBEARER, Mechanism.XOAUTH2)
_NONCE_OCTETS = 18
MAX_LOGGED_CHARACTERS = 256  # of a name that a client gave
_LOG = structlog.get_logger()

_SMTP_REASONS = {
    LoginProblem.WRONG: why.AUTH_FAILED,
    LoginProblem.LIMITED: why.AUTH_THROTTLED,
    LoginProblem.BUSY: why.AUTH_TEMPORARY,
    LoginProblem.UNAVAILABLE: why.AUTH_TEMPORARY,
    LoginProblem.NOT_PERMITTED: why.AUTH_FAILED,
}

Outcome: TypeAlias = Challenge | Login | LoginRefused


class Logins:
    """The logins of one protocol in one worker."""

    def __init__(
        self,
        authenticator: Authenticator,
        protocol: str = "",
        tally: Tally = NO_TALLY,
        *,
        tokens: TokenChecker | None = None,
        told: Told = NOTHING_TOLD,
    ) -> None:
        self._authenticator = authenticator
        self.protocol = protocol
        self._tally = tally
        self.tokens = tokens
        self.told = told  # to clients whose token is refused
        self.scram = ScramLogins(
            authenticator.store,
            authenticator.limiter,
            changed_at=lambda: authenticator.credentials_changed_at,
        )
        self.foreign = ForeignLogins(authenticator.store, authenticator.limiter)

    async def offered(
        self, tls: ssl.SSLObject | None, passwords: tuple[str, ...] = OFFERED_NAMES
    ) -> tuple[str, ...]:
        """The names of the mechanisms for a connection, the ones that take `passwords` last."""
        found: list[Mechanism] = []
        if tls is not None and certified_name(tls):
            found.append(Mechanism.EXTERNAL)
        if await self.scram.may_offer():
            is_bound = bool(bindings_of(tls))
            found += [one for one in _SCRAM if is_bound or one not in BINDS_CHANNEL]
        if (
            self.tokens is not None and tls is not None
        ):  # RFC 7628 §3: MUST, whatever is allowed for passwords
            found += _OAUTH
        return (*(one.value for one in found), *passwords)

    def attempt(self, mechanism: str, peer_ip: str, tls: ssl.SSLObject | None) -> "Attempt":
        """A new exchange of a mechanism that was offered."""
        return Attempt(self, Mechanism(mechanism.upper()), peer_ip, tls)

    async def authenticate(self, given: Credentials, peer_ip: str, mechanism: str) -> Login | LoginRefused:
        """Check a name and a password."""
        return self.counted(
            await self._authenticator.authenticate(
                given.authcid, given.password, peer=peer_ip, mechanism=mechanism, authorize_as=given.authzid
            )
        )

    def counted(self, found: Login | LoginRefused) -> Login | LoginRefused:
        """The verdict, once it is in the metrics."""
        result = found.problem.name.lower() if isinstance(found, LoginRefused) else "accepted"
        self._tally.login(self.protocol, result)
        return found


class Attempt:
    """One exchange under way. `name` is whom the client says it is, as far as that is known."""

    __slots__ = ("_claim", "_exchange", "_logins", "_peer_ip", "_refused", "mechanism", "name")

    def __init__(self, logins: Logins, mechanism: Mechanism, peer_ip: str, tls: ssl.SSLObject | None) -> None:
        self._logins = logins
        self._peer_ip = peer_ip
        self._claim: Claim | None = None
        self._refused: LoginRefused | None = None  # a token was; the client has one more word
        self.mechanism = mechanism
        self.name = ""
        self._exchange: ServerExchange = server_exchange(
            mechanism,
            secrets.token_urlsafe(_NONCE_OCTETS),
            bindings=bindings_of(tls),
            identity="" if tls is None else certified_name(tls),
            told=logins.told,
        )

    async def start(self, initial: bytes | None) -> Outcome:
        """Begin; a Challenge is to be sent and its answer given to `step`."""
        return await self._settled(self._exchange.start(initial))

    async def step(self, response: bytes) -> Outcome:
        """Take the answer to the last challenge."""
        return await self._settled(self._exchange.step(response))

    async def _settled(self, step: Step) -> Outcome:
        logins = self._logins
        match step:
            case Challenge():
                return step
            case Credentials():
                self.name = step.authcid
                return await logins.authenticate(step, self._peer_ip, self.mechanism.value)
            case KeysWanted(_, authcid):
                return await self._keys(authcid)
            case TokenGiven(authzid, token):
                return await self._token(authzid, token)
            case Accepted(authzid, authcid):
                self.name = authcid
                if self._claim is None:
                    found = await logins.foreign.by_certificate(authcid, authorize_as=authzid)
                    return logins.counted(found)
                return await self._judged(is_proved=True, authorize_as=authzid)
            case Failed(failure):
                if self._refused is not None:
                    return logins.counted(self._refused)
                if self._claim is not None and failure is Failure.WRONG:
                    return await self._judged(is_proved=False)
                return logins.counted(LoginRefused(LoginProblem.WRONG))

    async def _keys(self, name: str) -> Outcome:
        self.name = name
        claim = await self._logins.scram.claim(name, _SCRAM[self.mechanism], peer=self._peer_ip)
        if isinstance(claim, LoginRefused):
            return self._logins.counted(claim)
        self._claim = claim
        assert isinstance(self._exchange, ScramServer)
        return self._exchange.give_keys(claim.keys)

    async def _judged(self, *, is_proved: bool, authorize_as: str = "") -> Login | LoginRefused:
        assert self._claim is not None
        return self._logins.counted(
            await self._logins.scram.judge(
                self._claim, is_proved=is_proved, peer=self._peer_ip, authorize_as=authorize_as
            )
        )

    async def _token(self, authzid: str, token: str) -> Outcome:
        logins = self._logins
        self.name = authzid
        assert logins.tokens is not None
        found = await logins.foreign.by_token(logins.tokens, token, peer=self._peer_ip, authorize_as=authzid)
        if isinstance(found, LoginRefused):
            refusal = found.refusal
            _LOG.info(
                "token-refused",
                protocol=logins.protocol,
                peer=self._peer_ip,
                name=authzid[:MAX_LOGGED_CHARACTERS],
                mechanism=self.mechanism.value,
                reason=found.problem.value if refusal is None else refusal.value,
            )
            if found.problem.is_temporary:  # to call it invalid would have the client throw away a good token
                return logins.counted(found)
            self._refused = found
            assert isinstance(self._exchange, OAuthServer)
            return self._exchange.refuse(lacks_scope=refusal is Refusal.SCOPE)
        return logins.counted(found)


def bindings_of(tls: ssl.SSLObject | None) -> tuple[ChannelBinding, ...]:
    """What ties an exchange to this TLS connection."""
    if tls is None:
        return ()
    found = []
    end_point = end_point_binding(tls)
    if end_point is not None:
        found.append(ChannelBinding("tls-server-end-point", end_point))
    if tls.version() == "TLSv1.2":  # in TLS 1.3 it is not defined (RFC 8446 appendix C.5)
        unique = tls.get_channel_binding("tls-unique")
        if unique:
            found.append(ChannelBinding("tls-unique", unique))
    return tuple(found)


def certified_name(tls: ssl.SSLObject) -> str:
    """The first mail address in the verified certificate of the client; "" without one."""
    certificate = tls.getpeercert()
    names = certificate.get("subjectAltName", ()) if certificate else ()
    return next((str(name[1]) for name in names if name[0] == "email"), "")


def as_smtp_reason(refused: LoginRefused) -> Reason:
    """The reply that a refused login means in SMTP (RFC 4954 §6)."""
    return _SMTP_REASONS[refused.problem]
