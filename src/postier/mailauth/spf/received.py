"""The Received-SPF header field of a result.

Source: RFC 7208 §9.1 with eid5436 (a comment may end the field) and eid5843 (quoted mechanism). Invariants: printable ASCII,
lines under 998 octets, nothing of the sender's stands there unescaped.
"""

import re

from postier.mailauth.names import printable
from postier.mailauth.outcome import Outcome
from postier.mailauth.spf.result import SpfResult

# RFC 5322 §3.2.3
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")


def received_spf(result: SpfResult, *, ip: str, sender: str, helo: str, receiver: str) -> bytes:
    """The folded field, CRLF at its end; `sender` is the reverse-path ("" for the null one)."""
    pairs = [("receiver", receiver), ("client-ip", ip), ("identity", result.identity)]
    if sender:
        pairs.append(("envelope-from", sender))
    pairs.append(("helo", helo))
    if result.problem:
        pairs.append(("problem", result.problem))
    else:
        pairs.append(("mechanism", result.mechanism or "default"))
    lines = [f"Received-SPF: {result.result} ({_comment(f'{receiver}: {in_words(result, ip)}')})"]
    lines += [f"{key}={_value(value)};" for key, value in pairs]
    return "\r\n ".join(lines).encode("ascii") + b"\r\n"


def in_words(result: SpfResult, ip: str) -> str:
    """The result as a sentence for a comment or a log line."""
    domain = result.domain
    match result.result:
        case Outcome.PASS:
            return f"domain of {domain} designates {ip} as permitted sender"
        case Outcome.FAIL:
            return f"domain of {domain} does not designate {ip} as permitted sender"
        case Outcome.SOFTFAIL:
            return f"domain of {domain} rather does not designate {ip} as permitted sender"
        case Outcome.NEUTRAL:
            return f"domain of {domain} says nothing about {ip}"
        case Outcome.NONE:
            return f"{domain} does not publish who may send for it"
        case Outcome.TEMPERROR:
            return f"the policy of {domain} cannot be looked up now"
        case _:
            return f"the policy of {domain} is broken"


def _comment(text: str) -> str:
    return re.sub(r"[()\\]", lambda found: f"\\{found[0]}", printable(text, 300))


def _value(text: str) -> str:
    text = printable(text, 300)
    if _DOT_ATOM.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
