"""An SPF record parsed: directives in order, redirect, exp.

Not here: evaluation (`spf.check`). Source: RFC 7208 §4.5, §4.6, §5, §6, §12. Invariants: a parsed record is
grammatical from end to end (§4.6: any syntax error anywhere is a permerror); directives behind `all` are dropped.
Parsed records are cached by their text, so that a popular include is parsed once.
"""

import enum
import ipaddress
import re
from functools import lru_cache

import msgspec

from postier.mailauth.names import printable
from postier.mailauth.outcome import Outcome
from postier.mailauth.spf.macros import MacroError, MacroString, parse_domain_spec, parse_macro_string

RECORD_CACHE = 4096
MAX_SHOWN = 500  # characters of a record in a trace

_QUALIFIERS = {
    "": Outcome.PASS,
    "+": Outcome.PASS,
    "-": Outcome.FAIL,
    "~": Outcome.SOFTFAIL,
    "?": Outcome.NEUTRAL,
}
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*)=(.*)", re.DOTALL)
_DIRECTIVE = re.compile(r"([+\-?~]?)([A-Za-z][A-Za-z0-9]*)([:/].*)?", re.DOTALL)
# RFC 7208 §5.6 and eid4453: no leading zeros; the range is checked on the number
_DUAL_CIDR = re.compile(r"(.*?)(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?", re.DOTALL)
_CIDR_4 = re.compile(r"0|[1-9][0-9]?")
_CIDR_6 = re.compile(r"0|[1-9][0-9]{0,2}")
_ALL_4 = 2**32 - 1
_ALL_6 = 2**128 - 1


class Kind(enum.Enum):
    """The mechanisms (RFC 7208 §5)."""

    ALL = "all"
    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    IP4 = "ip4"
    IP6 = "ip6"
    EXISTS = "exists"


class Directive(msgspec.Struct, frozen=True):
    """One mechanism with its qualifier's result; `network` and `mask` are set for ip4 and ip6 only."""

    qualifier: Outcome
    kind: Kind
    text: str
    spec: MacroString | None = None
    prefix_4: int = 32
    prefix_6: int = 128
    network: int = 0
    mask: int = 0


class Record(msgspec.Struct, frozen=True):
    """A whole record; `redirect` is None when an `all` makes it void (RFC 7208 §6.1)."""

    directives: tuple[Directive, ...]
    redirect: MacroString | None
    explanation: MacroString | None
    text: str = ""  # printable, shortened; for the trace


class RecordError(ValueError):
    """The record does not follow the grammar; the text names the term."""


def is_spf(text: bytes) -> bool:
    """Whether a TXT record has the version section of SPF (RFC 7208 §4.5)."""
    return text[:6].lower() == b"v=spf1" and (len(text) == 6 or text[6:7] == b" ")


@lru_cache(maxsize=RECORD_CACHE)
def parse_record(text: bytes) -> Record | RecordError:
    """The parsed record, or the error as a value (so that it is cached too)."""
    try:
        return _parse(text.decode("ascii"))
    except UnicodeDecodeError:
        return RecordError("the record has characters outside ASCII")
    except MacroError as error:
        return RecordError(str(error))
    except RecordError as error:
        return error


def _parse(text: str) -> Record:
    directives: list[Directive] = []
    modifiers: dict[str, MacroString] = {}
    for term in text[6:].split(" "):
        if not term:
            continue
        if (modifier := _MODIFIER.fullmatch(term)) is not None:
            name = modifier[1].lower()
            if name in {"redirect", "exp"}:
                if name in modifiers:  # RFC 7208 §6: at most once each
                    raise RecordError(f"{name}= occurs twice")
                modifiers[name] = parse_domain_spec(modifier[2])
            else:
                parse_macro_string(modifier[2])  # RFC 7208 §6: unknown ones are ignored, if grammatical
        else:
            directives.append(_directive(term))
    for index, directive in enumerate(directives):
        if directive.kind is Kind.ALL:  # RFC 7208 §5.1
            del directives[index + 1 :]
            modifiers.pop("redirect", None)
            break
    shown = printable(text, MAX_SHOWN)
    return Record(tuple(directives), modifiers.get("redirect"), modifiers.get("exp"), shown)


def _directive(term: str) -> Directive:
    parts = _DIRECTIVE.fullmatch(term)
    if parts is None:
        raise RecordError(f"{printable(term, 60)!r} is neither a mechanism nor a modifier")
    qualifier = _QUALIFIERS[parts[1]]
    try:
        kind = Kind(parts[2].lower())
    except ValueError:
        raise RecordError(f"mechanism {printable(parts[2], 60)!r} does not exist") from None
    argument = parts[3] or ""
    match kind:
        case Kind.ALL:
            if argument:
                raise RecordError(f"{printable(term, 60)!r}: all takes no argument")
            return Directive(qualifier, kind, term)
        case Kind.IP4 | Kind.IP6:
            return _network(term, qualifier, kind, argument)
        case Kind.A | Kind.MX:
            return _host(term, qualifier, kind, argument)
        case Kind.INCLUDE | Kind.EXISTS | Kind.PTR:
            if kind is Kind.PTR and not argument:
                return Directive(qualifier, kind, term)
            if argument[:1] != ":":
                raise RecordError(f"{printable(term, 60)!r}: {kind.value} wants a domain")
            return Directive(qualifier, kind, term, parse_domain_spec(argument[1:]))


def _host(term: str, qualifier: Outcome, kind: Kind, argument: str) -> Directive:
    """`a` and `mx`: optional domain-spec, optional dual-cidr-length (RFC 7208 §5.3, §5.4)."""
    parts = _DUAL_CIDR.fullmatch(argument)
    assert parts is not None  # every part of the pattern may be empty
    domain, four, six = parts.groups()
    prefix_4, prefix_6 = int(four or 32), int(six or 128)
    if prefix_4 > 32 or prefix_6 > 128:
        raise RecordError(f"{printable(term, 60)!r}: prefix length out of range")
    spec = None
    if domain:
        if domain[0] != ":":
            raise RecordError(f"{printable(term, 60)!r}: malformed prefix length")
        spec = parse_domain_spec(domain[1:])
    return Directive(qualifier, kind, term, spec, prefix_4, prefix_6)


def _network(term: str, qualifier: Outcome, kind: Kind, argument: str) -> Directive:
    """`ip4` and `ip6`: an address, optional prefix length (RFC 7208 §5.6)."""
    if argument[:1] != ":":
        raise RecordError(f"{printable(term, 60)!r}: {kind.value} wants a network")
    address, slash, length = argument[1:].partition("/")
    try:
        if "%" in address:  # the library would read a zone index
            raise ValueError
        if kind is Kind.IP4:
            number, width, pattern = int(ipaddress.IPv4Address(address)), 32, _CIDR_4
        else:
            number, width, pattern = int(ipaddress.IPv6Address(address)), 128, _CIDR_6
    except ValueError:
        raise RecordError(f"{printable(term, 60)!r}: not an IP address") from None
    if slash and not pattern.fullmatch(length):
        raise RecordError(f"{printable(term, 60)!r}: malformed prefix length")
    prefix = int(length) if slash else width
    if prefix > width:
        raise RecordError(f"{printable(term, 60)!r}: prefix length out of range")
    full = _ALL_4 if kind is Kind.IP4 else _ALL_6
    mask = full ^ (full >> prefix)
    return Directive(qualifier, kind, term, None, prefix, prefix, number & mask, mask)
