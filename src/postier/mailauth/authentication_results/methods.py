"""Results of the checks as entries of Authentication-Results, with comments in words.

Source: RFC 8601 §2.7, §2.3, RFC 6008 (header.b), RFC 9989 §9.1 (policy.dmarc), RFC 8617 §6 (arc). Invariant: what the sender controls
stands only in values that `field` quotes.
"""

import base64

from postier.mailauth.arc.result import ArcResult
from postier.mailauth.authentication_results.field import MethodResult, Property
from postier.mailauth.dkim.result import DkimResult
from postier.mailauth.dmarc.check import DmarcResult
from postier.mailauth.iprev import IprevResult
from postier.mailauth.outcome import Outcome
from postier.mailauth.spf.received import in_words
from postier.mailauth.spf.result import SpfResult

B_PREFIX = 8  # RFC 6008 §4: at least eight characters


def of_spf(result: SpfResult, *, ip: str, sender: str, helo: str) -> MethodResult:
    """smtp.mailfrom or smtp.helo, whichever was checked (RFC 8601 §2.7.2).

    The mailbox stands there whole (RFC 8601 eid6027), though §2.7.2 would have the domain alone where no record looked at the local
    part: readers compare it with the envelope, which Return-Path shows anyway.
    """
    if result.identity == "helo":
        found = Property("smtp", "helo", helo)
    else:  # a local part outside ASCII cannot stand in an ASCII field: the domain alone (RFC 8601 §2.2)
        found = Property("smtp", "mailfrom", sender if sender.isascii() else result.domain)
    return MethodResult("spf", result.result, "", (found,), result.problem or in_words(result, ip))


def of_dkim(result: DkimResult) -> MethodResult:
    """header.d, header.i, header.s, header.a and the beginning of b= (RFC 8601 §2.7.1)."""
    prefix = base64.b64encode(result.signature).decode()[:B_PREFIX]
    values = [
        ("d", result.domain),
        ("i", result.identity),
        ("s", result.selector),
        ("a", result.algorithm),
        ("b", prefix),
    ]
    properties = tuple(Property("header", name, value) for name, value in values if value)
    comment = result.reason or (f"{result.key_bits}-bit key" + (", testing" if result.is_testing else ""))
    return MethodResult("dkim", result.result, "", properties, comment)


def of_dkim_all(results: tuple[DkimResult, ...]) -> tuple[MethodResult, ...]:
    """One entry a signature, or dkim=none for a message without any."""
    if not results:
        return (MethodResult("dkim", Outcome.NONE, comment="no signature"),)
    return tuple(of_dkim(result) for result in results)


def of_dmarc(result: DmarcResult) -> MethodResult:
    """header.from and, where a policy applies, policy.dmarc (RFC 9989 §9.1)."""
    properties = [Property("header", "from", result.from_domain)] if result.from_domain else []
    if result.applied is not None:
        properties.append(Property("policy", "dmarc", result.applied))
    if result.problem or result.published is None:
        comment = result.problem
    else:
        comment = f"p={result.published}, disposition {result.disposition}"
    return MethodResult("dmarc", result.result, "", tuple(properties), comment)


def of_arc(result: ArcResult, *, ip: str = "") -> MethodResult:
    """smtp.remote-ip where it is given, header.oldest-pass of a chain that passes (RFC 8617 §6)."""
    properties = [Property("smtp", "remote-ip", ip)] if ip else []
    if result.result is Outcome.PASS:
        properties.append(Property("header", "oldest-pass", str(result.oldest_pass)))
    seals = ", ".join(f"i={index} {domain}" for index, domain in enumerate(result.sealers, 1))
    return MethodResult("arc", result.result, "", tuple(properties), result.problem or seals or "no chain")


def of_iprev(result: IprevResult) -> MethodResult:
    """policy.iprev (RFC 8601 §2.7.3)."""
    return MethodResult(
        "iprev", result.result, "", (Property("policy", "iprev", result.ip),), result.problem or result.name
    )


def of_auth(mailbox: str, *, mechanism: str = "") -> MethodResult:
    """A successful SMTP AUTH (RFC 8601 §2.7.4); `mailbox` is the identity the client proved."""
    comment = mechanism
    return MethodResult("auth", Outcome.PASS, "", (Property("smtp", "auth", mailbox),), comment)
