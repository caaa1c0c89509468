"""The CAPABILITY list, by state.

Not here: what ENABLE does (`state`). Source: RFC 9051 §6.1.1, §7.2.2, appendix A; RFC 7888 §5; RFC 7889.
Invariants: the list depends only on state, TLS and configuration, never on ENABLE (RFC 9051 §6.3.1);
LITERAL+ and LITERAL- are never both in it.
"""

import msgspec

from postier.imap.rights import NEW_RIGHTS
from postier.imap.state import State

# Offered before and after login: they concern the connection.
_ALWAYS = (b"IMAP4rev2", b"IMAP4rev1", b"SASL-IR", b"ID", b"ENABLE")

# Offered after login. Those folded into IMAP4rev2 are named for IMAP4rev1 clients (RFC 9051 appendix A).
EXTENSIONS: tuple[tuple[bytes, str], ...] = (
    (b"ACL", "RFC 4314"),
    (b"BINARY", "RFC 3516"),
    (b"CATENATE", "RFC 4469"),
    (b"CHILDREN", "RFC 3348"),
    (b"COMPRESS=DEFLATE", "RFC 4978"),
    (b"CONDSTORE", "RFC 7162"),
    (b"CONTEXT=SEARCH", "RFC 5267"),
    (b"CONTEXT=SORT", "RFC 5267"),
    (b"CREATE-SPECIAL-USE", "RFC 6154"),
    (b"ESEARCH", "RFC 4731"),
    (b"ESORT", "RFC 5267"),
    (b"FILTERS", "RFC 5466"),
    (b"I18NLEVEL=1", "RFC 5255"),
    (b"IDLE", "RFC 2177"),
    (b"INPROGRESS", "RFC 9585"),
    (b"LIST-EXTENDED", "RFC 5258"),
    (b"LIST-METADATA", "RFC 9590"),
    (b"LIST-MYRIGHTS", "RFC 8440"),
    (b"LIST-STATUS", "RFC 5819"),
    (b"METADATA", "RFC 5464"),
    (b"MOVE", "RFC 6851"),
    (b"MULTIAPPEND", "RFC 3502"),
    (b"MULTISEARCH", "RFC 7377"),
    (b"NAMESPACE", "RFC 2342"),
    (b"NOTIFY", "RFC 5465"),
    (b"OBJECTID", "RFC 8474"),
    (b"PARTIAL", "RFC 9394"),
    (b"PREVIEW", "RFC 8970"),
    (b"QRESYNC", "RFC 7162"),
    (b"QUOTA", "RFC 9208"),
    (b"QUOTA=RES-MAILBOX", "RFC 9208"),
    (b"QUOTA=RES-STORAGE", "RFC 9208"),
    (b"REPLACE", "RFC 8508"),
    (b"RIGHTS=" + NEW_RIGHTS.encode(), "RFC 4314"),
    (b"SAVEDATE", "RFC 8514"),
    (b"SEARCH=FUZZY", "RFC 6203"),
    (b"SEARCHRES", "RFC 5182"),
    (b"SORT", "RFC 5256"),
    (b"SORT=DISPLAY", "RFC 5957"),
    (b"SPECIAL-USE", "RFC 6154"),
    (b"STATUS=SIZE", "RFC 8438"),
    (b"THREAD=ORDEREDSUBJECT", "RFC 5256"),
    (b"THREAD=REFERENCES", "RFC 5256"),
    (b"THREAD=REFS", "draft-ietf-morg-inthread"),
    (b"UIDBATCHES", "RFC 10022"),
    (b"UIDONLY", "RFC 9586"),
    (b"UIDPLUS", "RFC 4315"),
    (b"UNSELECT", "RFC 3691"),
    (b"URL-PARTIAL", "RFC 5550"),
    (b"URLAUTH", "RFC 4467"),
    (b"UTF8=ACCEPT", "RFC 9755"),
    (b"WITHIN", "RFC 5032"),
)


class Offer(msgspec.Struct, frozen=True):
    """What this connection can be offered; `mechanisms` only those allowed on it (RFC 9051 §11.7)."""

    mechanisms: tuple[str, ...] = ()
    can_starttls: bool = False
    may_login: bool = False  # plaintext passwords: TLS is on, or the configuration allows them
    has_literal_plus: bool = True  # after login; before it always LITERAL-
    message_bytes: int | None = None
    extra: tuple[bytes, ...] = ()  # after login; extensions that the owner brings along


def capabilities(state: State, offer: Offer) -> tuple[bytes, ...]:
    """The names for the CAPABILITY response and response code."""
    names = list(_ALWAYS)
    if state is State.NOT_AUTHENTICATED:
        names.append(b"LITERAL-")
        if offer.can_starttls:
            names.append(b"STARTTLS")
        if not offer.may_login:
            names.append(b"LOGINDISABLED")
        names += [b"AUTH=" + mechanism.encode("ascii") for mechanism in offer.mechanisms]
    else:
        names.append(b"LITERAL+" if offer.has_literal_plus else b"LITERAL-")
        names += [name for name, _ in EXTENSIONS]
        if offer.message_bytes is not None:
            names.append(b"APPENDLIMIT=%d" % offer.message_bytes)
        names += offer.extra
    return tuple(names)
