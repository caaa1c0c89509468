"""LOGIN: name and password at two prompts.

Never standardised; Outlook and many devices speak nothing else. Source: draft-murchison-sasl-login-00, with the
prompts that all servers send. It carries no authzid.
"""

import msgspec

from postier.sasl.exchange import (
    MAX_RESPONSE_OCTETS,
    Challenge,
    Credentials,
    Failed,
    Failure,
    SaslError,
    Step,
)

_NAME_PROMPT = b"Username:"
_PASSWORD_PROMPT = b"Password:"


class LoginServer:
    """The server's side."""

    __slots__ = ("_authcid",)

    def __init__(self) -> None:
        self._authcid: str | None = None

    def start(self, initial: bytes | None) -> Step:
        """The first prompt; an initial response, which Outlook may send, is the name."""
        return Challenge(_NAME_PROMPT) if initial is None else self.step(initial)

    def step(self, response: bytes) -> Step:
        """The password prompt, then Credentials; Failed for an empty, overlong or non-UTF-8 answer."""
        if not response or len(response) > MAX_RESPONSE_OCTETS or b"\0" in response:
            return Failed(Failure.MALFORMED)
        try:
            text = response.decode("utf-8")
        except UnicodeDecodeError:
            return Failed(Failure.MALFORMED)
        if self._authcid is None:
            self._authcid = text
            return Challenge(_PASSWORD_PROMPT)
        return Credentials("", self._authcid, text)


class LoginClient(msgspec.Struct):
    """The client's side: the first prompt gets the name, the second the password, whatever their words."""

    authcid: str
    password: str
    name: str = "LOGIN"
    is_satisfied: bool = True
    _prompts: int = 0

    def __repr__(self) -> str:
        return f"LoginClient({self.authcid!r})"  # no password in a log

    def start(self) -> None:
        """The server speaks first."""
        return

    def step(self, _: bytes) -> bytes:
        """The answer to the next prompt."""
        self._prompts += 1
        if self._prompts > 2:
            raise SaslError("LOGIN has two prompts only")
        return (self.authcid if self._prompts == 1 else self.password).encode()
