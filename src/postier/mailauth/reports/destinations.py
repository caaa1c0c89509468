"""Who may be sent a DMARC report: the addresses of rua= whose owners agree to it.

Not here: reading rua= (`dmarc.record`), sending. Source: RFC 9990 §4, §3.5. Invariants: an address in another organisation than
the policy domain's is used only when its host says so in DNS (SECURITY 47); a host that redirects to another host gets
nothing at all; at most MAX_DESTINATIONS addresses are used. An old size limit (`!10m`) is read over: RFC 9989 §4.8.
"""

from collections.abc import Sequence
from urllib.parse import unquote

import msgspec

from postier.mailauth.dmarc.record import parse_record
from postier.mailauth.dmarc.walk import Walker, WalkError
from postier.mailauth.names import canonical
from postier.mailauth.questions import Asking, TxtQuestion
from postier.mime.address import Address

MAX_DESTINATIONS = 5  # RFC 9990 §3.5: up to the receiver's limits on supported URIs


class Destinations(msgspec.Struct, frozen=True):
    """The addresses that may be used. `is_open`: DNS did not answer for one more; ask again later."""

    addresses: tuple[Address, ...]
    is_open: bool = False
    refused: tuple[str, ...] = ()


def mail_address(uri: str) -> Address | None:
    """The address of a mailto: URI (RFC 6068 §2), its query left out; None for another scheme or no address."""
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "mailto":
        return None
    try:
        address = Address.parse(unquote(rest.partition("?")[0], errors="strict"))
    except ValueError:  # UnicodeDecodeError is one
        return None
    return address if address.is_ascii and not address.domain.startswith("[") else None


def allowed(policy_domain: str, rua: Sequence[str]) -> Asking[Destinations]:
    """Which of the addresses may get the reports on `policy_domain`."""
    walker = Walker()
    found: dict[Address, None] = {}
    refused: list[str] = []
    is_open = False
    wanted = [address for uri in rua if (address := mail_address(uri)) is not None]
    for address in dict.fromkeys(wanted[:MAX_DESTINATIONS]):
        try:
            is_internal = (yield from walker.organisation(policy_domain)) == (
                yield from walker.organisation(address.domain)
            )
        except WalkError:
            is_open = True
            continue
        if is_internal:
            found.setdefault(address)
            continue
        answers = yield from _external(policy_domain, address)
        if answers is None:
            is_open = True
        elif answers:
            found |= dict.fromkeys(answers)
        else:
            refused.append(str(address))
    return Destinations(tuple(found)[:MAX_DESTINATIONS], is_open, tuple(refused))


def _external(policy_domain: str, address: Address) -> Asking[tuple[Address, ...] | None]:
    """RFC 9990 §4 steps 2 to 9: the addresses the host wants instead, or this one; () refused; None: not known now."""
    name = canonical(f"{policy_domain}._report._dmarc.{address.domain}")
    if name is None:  # step 4: too long
        return ()
    answer = yield TxtQuestion(name)
    if answer.is_error:
        return None
    records = [record for text in answer.records if (record := parse_record(text)) is not None]
    if not records:
        return ()
    overriding = [uri for record in records for uri in record.rua]
    if not overriding:
        return (address,)
    others = [mail_address(uri) for uri in overriding]
    if any(other is not None and other.domain != address.domain for other in others):
        return ()  # RFC 9990 §4: neither to the original nor to the other host
    return tuple(other for other in others if other is not None)
