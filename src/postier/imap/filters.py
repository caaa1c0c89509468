"""FILTER: search keys that a client has stored with the server under a name.

Not here: where they are stored (METADATA). Source: RFC 5466 §3. Invariants: a stored text is a whole search program or the
filter does not exist; filters may name filters, MAX_PASSES deep, which ends loops as well; what comes of it has no more keys than a
client may write.
"""

import re
from collections.abc import Mapping

from postier.imap.refusals import PeerError, bad
from postier.imap.responses import ResponseCode, Status
from postier.imap.search import Criterion, Filter
from postier.imap.search_algebra import leaves, with_filters
from postier.imap.search_syntax import MAX_KEYS, parse_program
from postier.imap.tokens import Cursor

MAX_PASSES = 5  # RFC 5466 §3.1: at least 3

_LITERAL = re.compile(rb"\{([0-9]{1,20})\+?\}\r\n")
_ROOTS = ("/private/filters/values/", "/shared/filters/values/")  # the first that has the name counts


class UndefinedFilterError(PeerError):
    """There is no such filter, or what is stored is no search program."""

    def __init__(self, name: str) -> None:
        code = ResponseCode(b"UNDEFINED-FILTER " + name.encode("ascii"))
        super().__init__("No such filter", status=Status.NO, code=code)


def expanded(criterion: Criterion, entries: Mapping[str, bytes]) -> Criterion:
    """The criteria with what is stored in the place of FILTER. Raises PeerError."""
    known: dict[str, Criterion] = {}
    for _ in range(MAX_PASSES):
        named = {leaf.name for leaf in leaves(criterion) if isinstance(leaf, Filter)}
        if not named:
            return criterion
        for name in named - known.keys():
            known[name] = _program(name, entries)
        sizes = {name: sum(1 for _ in leaves(known[name])) for name in named}
        total = sum(sizes[leaf.name] if isinstance(leaf, Filter) else 1 for leaf in leaves(criterion))
        if total > MAX_KEYS:
            raise bad("Too many search keys")
        criterion = with_filters(criterion, known)
    for leaf in leaves(criterion):
        if isinstance(leaf, Filter):
            raise UndefinedFilterError(leaf.name)  # RFC 5466 §3.1: a loop, or too deep
    return criterion


def is_filter(entry: str) -> bool:
    """Whether an entry of the server is a filter."""
    return entry.startswith(_ROOTS)


def check_filter(value: bytes) -> None:
    """What is to be stored must be a search program (RFC 5466 §3.2). Raises PeerError."""
    parse_program(_cursor(value))


def _cursor(value: bytes) -> Cursor:
    """A stored program with its literals, as a command has them (RFC 5466 §4: search-criteria may have any string)."""
    pieces: list[bytes] = []
    literals: list[bytes] = []
    done = 0
    while (mark := _LITERAL.search(value, done)) and mark.end() + int(mark[1]) <= len(value):
        pieces.append(value[done : mark.end()])
        done = mark.end() + int(mark[1])
        literals.append(value[mark.end() : done])
    return Cursor(b"".join([*pieces, value[done:]]), tuple(literals), utf8=True)


def _program(name: str, entries: Mapping[str, bytes]) -> Criterion:
    for root in _ROOTS:
        value = entries.get(root + name.lower())
        if value is not None:
            try:
                return parse_program(_cursor(value))
            except PeerError:
                break
    raise UndefinedFilterError(name)
