"""iprev: does the client's address have a name, and does the name have the address?

Source: RFC 8601 §3, §2.7.3, RFC 7372 §3.3. Invariants: at most `MAX_NAMES` names are tried; the result's name is validated.
"""

import msgspec

from postier.mailauth.names import canonical
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import AddressQuestion, Asking, PtrQuestion
from postier.mailauth.spf.client import client_address

MAX_NAMES = 10


class IprevResult(msgspec.Struct, frozen=True):
    """`name` is the validated name of a pass; `claimed` are the names the address points to."""

    result: Outcome
    ip: str
    name: str = ""
    claimed: tuple[str, ...] = ()
    problem: str = ""


def check(ip: str) -> Asking[IprevResult]:
    """The forward-confirmed reverse name of an address (ValueError for text that is no address)."""
    version, number, ip = client_address(ip)
    answer = yield PtrQuestion(ip)
    if answer.is_error:
        return IprevResult(Outcome.TEMPERROR, ip, problem="the reverse name cannot be looked up now")
    names = [name for text in answer.records[:MAX_NAMES] if (name := canonical(text)) is not None]
    if not names:  # RFC 8601 §2.7.3: no PTR record is permerror
        return IprevResult(Outcome.PERMERROR, ip, problem="the address has no reverse name")
    claimed = tuple(names)
    is_open = False
    for name in names:
        forward = yield AddressQuestion(name, 4 if version == 4 else 6)
        is_open = is_open or forward.is_error
        for text in forward.records:
            try:
                found = client_address(text)
            except ValueError:
                continue
            if found[:2] == (version, number):
                return IprevResult(Outcome.PASS, ip, name, claimed)
    if is_open:
        return IprevResult(Outcome.TEMPERROR, ip, "", claimed, "a reverse name cannot be looked up now")
    return IprevResult(Outcome.FAIL, ip, "", claimed, "no reverse name leads back to the address")
