"""What the verification of one signature found, and its story in words.

Not here: how it was found (`dkim.verify`). Source: RFC 6376 §6.1, RFC 8601 §2.7.1. Invariants: the story is made when it is
asked for, so that mail in passing does not pay for it; what the signer controls stands there printable and bounded.
"""

import msgspec

from postier.mailauth.dkim.signature import Problem
from postier.mailauth.names import printable
from postier.mailauth.outcome import Outcome

MAX_SHOWN_NAMES = 400  # characters of h= in the story

_AFTER_BODY = frozenset({Problem.SIGNATURE, Problem.PARTIAL, Problem.EXTRA_FROM, Problem.OTHER_SERVICE})


class DkimResult(msgspec.Struct, frozen=True):
    """One signature's fate. `domain` is d=, `identity` is i=, `signed` the header names of h= in lower case."""

    result: Outcome
    domain: str = ""
    selector: str = ""
    identity: str = ""
    algorithm: str = ""
    problem: Problem | None = None
    reason: str = ""  # the problem in words, "" for a pass
    key_bits: int = 0
    is_testing: bool = False  # the key has t=y
    signed: tuple[str, ...] = ()
    body_length: int | None = None  # l=
    timestamp: int | None = None
    expires: int | None = None
    signature: bytes = b""  # the value of b=; its beginning tells signatures apart (RFC 6008)
    canonicalization: str = ""  # c=, header/body
    services: tuple[str, ...] = ()  # s= of the key

    @property
    def is_right_for_tls_report(self) -> bool:
        """Whether the signature proves a TLS report (RFC 8460 §3): the key may be for those alone (s=tlsrpt)."""
        return self.result is Outcome.PASS or (
            self.problem is Problem.OTHER_SERVICE and "tlsrpt" in self.services
        )

    @property
    def key_name(self) -> str:
        """Where the public key stands, "" when d= or s= could not be read."""
        return f"{self.selector}._domainkey.{self.domain}" if self.domain and self.selector else ""

    @property
    def trace(self) -> tuple[str, ...]:
        """What was looked at, step by step, and what decided."""
        steps = []
        if self.domain:
            steps.append(f"{self.algorithm} signature of {self.domain}, selector {self.selector}")
        if self.signed:
            names = printable(", ".join(self.signed), MAX_SHOWN_NAMES)
            steps.append(f"it signs the body and {names} ({self.canonicalization})")
        if self.body_length is not None:
            steps.append(f"l= says that it covers {self.body_length} octets of the body")
        if self.key_bits:
            testing = "; its owner is testing (t=y)" if self.is_testing else ""
            steps.append(f"the key at {self.key_name} has {self.key_bits} bits{testing}")
        elif self.signed:
            steps.append(f"no key to use at {self.key_name}")
        if self.problem is None or self.problem in _AFTER_BODY:
            steps.append("the body is as it was signed")
        steps.append(self.reason or "the signed header fields are as they were signed")
        return tuple(steps)
