"""Logins over SASL, for every protocol alike: which mechanisms are offered, and a password checked.

Not here: the mechanisms (`sasl`), passwords and limits (`accounts.login`).
"""

from postier.accounts.login import Authenticator, Login, LoginProblem, LoginRefused
from postier.sasl.exchange import Credentials, ServerExchange
from postier.sasl.mechanisms import Mechanism, server_exchange
from postier.servers.tally import NO_TALLY, Tally
from postier.smtp import reason as why
from postier.smtp.reason import Reason

OFFERED = (Mechanism.PLAIN, Mechanism.LOGIN)
OFFERED_NAMES = tuple(mechanism.value for mechanism in OFFERED)

_SMTP_REASONS = {
    LoginProblem.WRONG: why.AUTH_FAILED,
    LoginProblem.LIMITED: why.AUTH_THROTTLED,
    LoginProblem.BUSY: why.AUTH_TEMPORARY,
    LoginProblem.UNAVAILABLE: why.AUTH_TEMPORARY,
    LoginProblem.NOT_PERMITTED: why.AUTH_FAILED,
}


class Logins:
    """The logins of one protocol in one worker."""

    def __init__(self, authenticator: Authenticator, protocol: str = "", tally: Tally = NO_TALLY) -> None:
        self._authenticator = authenticator
        self._protocol = protocol
        self._tally = tally

    def exchange(self, mechanism: str) -> ServerExchange | None:
        """A new exchange of an offered mechanism; None for any other name."""
        name = mechanism.upper()
        return server_exchange(Mechanism(name), "") if name in OFFERED_NAMES else None

    async def authenticate(self, given: Credentials, peer_ip: str, mechanism: str) -> Login | LoginRefused:
        """Check what an exchange ended with."""
        found = await self._authenticator.authenticate(
            given.authcid, given.password, peer=peer_ip, mechanism=mechanism, authorize_as=given.authzid
        )
        result = found.problem.name.lower() if isinstance(found, LoginRefused) else "accepted"
        self._tally.login(self._protocol, result)
        return found


def as_smtp_reason(refused: LoginRefused) -> Reason:
    """The reply that a refused login means in SMTP (RFC 4954 §6)."""
    return _SMTP_REASONS[refused.problem]
