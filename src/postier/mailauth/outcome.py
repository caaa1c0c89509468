"""The result words that the checks share and Authentication-Results carries.

Source: RFC 8601 §2.7, RFC 7208 §2.6. Invariant: the value is the word that stands in the header field.
"""

import enum


class Outcome(enum.StrEnum):
    """A result of an authentication method (RFC 8601 §2.7); not every method uses every word."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 -- a result, not a secret
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"
