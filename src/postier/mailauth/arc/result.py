"""What a validation of an Authenticated Received Chain finds.

Source: RFC 8617 §4.4, §5.2. Invariant: `result` is none, pass or fail; every trouble is a fail (§5.2.1).
"""

import msgspec

from postier.mailauth.outcome import Outcome


class ArcResult(msgspec.Struct, frozen=True):
    """The Chain Validation Status and what stands in the chain.

    `sealers` are the d= of the seals, i=1 first; `assessments` the payloads of the ARC-Authentication-Results fields
    in the same order (read them with `authentication_results.parse`); both only as far as the structure is sound. A pass vouches
    for From only if `is_from_signed`. `oldest_pass` is 0 when every message signature still verifies.
    """

    result: Outcome
    sealers: tuple[str, ...] = ()
    assessments: tuple[bytes, ...] = ()
    signed: tuple[str, ...] = ()  # h= of the newest ARC-Message-Signature
    oldest_pass: int = 0
    has_ended: bool = False  # the newest seal says cv=fail: nobody may seal again (RFC 8617 §5.1 step 2)
    problem: str = ""
    trace: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()  # the s= of the seals of a chain that passes

    @property
    def is_from_signed(self) -> bool:
        """Whether the newest message signature covers From."""
        return "from" in self.signed
