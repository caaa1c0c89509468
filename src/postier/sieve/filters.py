"""Filters as people think of them (if these, then those), written as Sieve and read back from it.

Not here: who edits them. The filters stand in one block of the script between marker comments, each under its own marker
line that holds its model as JSON; the Sieve below the line is made from it. What stands outside of the block is the
owner's own: it is kept octet for octet, before and after. Invariants: what `write_filters` writes reads back as it was
and compiles; a block that was changed by hand (its checksum says so) is the owner's own from then on: `read_filters`
says so and nothing is overwritten. Whole scripts of the owner can stand beside the filters by `include`, before or
after them, with their own `require` and variables (RFC 6609).
"""

import re
from enum import Enum
from hashlib import sha256

import msgspec

from postier.sieve.addresses import outbound_address
from postier.sieve.ext.fileinto import is_mailbox_name
from postier.sieve.ext.include import is_script_name

BEGIN = "# postier filters"
END = "# end of postier filters"
_BLOCK = re.compile(
    r"^# postier filters (?P<sum>[0-9a-f]{16})\r?\n(?P<block>.*?)^# end of postier filters(?:\r?\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_FILTER = re.compile(r"^# filter (?P<model>\{.*\})\r?$", re.MULTILINE)
_BESIDE = re.compile(r"^# beside (?P<names>\{.*\})\r?$", re.MULTILINE)
_EXPANDING = re.compile(r'require\b[^;]*"(?:variables|encoded-character)"', re.IGNORECASE)
_LEADING = re.compile(
    r'(?:[ \t\r\n]++|#[^\n]*+\n|/\*[^*]*+(?:\*(?!/)[^*]*+)*\*/|require\b(?:[^;"]++|"(?:[^"\\]++|\\.)*")*;)*',
    re.IGNORECASE | re.DOTALL,
)
MAX_FILTERS = 500
MAX_PARTS = 100  # conditions or steps of one filter
MAX_TEXT_CHARACTERS = 2_000  # of one text in a filter


class Field(Enum):
    """What a condition looks at."""

    FROM = "from"
    TO = "to"  # To or Cc
    SUBJECT = "subject"
    LIST = "list"
    HEADER = "header"  # the named one
    BODY = "body"
    SIZE = "size"
    ALL = "all"  # every letter


class Relation(Enum):
    """How it looks."""

    CONTAINS = "contains"
    IS = "is"
    MATCHES = "matches"
    DOMAIN = "domain"  # of the address
    OVER = "over"  # size in octets
    UNDER = "under"


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One condition; any of `values` is enough."""

    field: Field
    relation: Relation = Relation.CONTAINS
    values: tuple[str, ...] = ()
    header: str = ""
    is_not: bool = False


class Do(Enum):
    """What is done."""

    FILE = "file"  # into a mailbox
    FLAG = "flag"
    READ = "read"
    FORWARD = "forward"
    DISCARD = "discard"
    REJECT = "reject"
    STOP = "stop"


class Deed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is done; `value` is the mailbox, flag, address or reason. `is_copy`: the letter stays, too."""

    do: Do
    value: str = ""
    is_copy: bool = False


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """If all (or any) of the conditions hold, all deeds are done."""

    name: str
    conditions: tuple[Condition, ...]
    deeds: tuple[Deed, ...]
    is_any: bool = False
    is_enabled: bool = True


class Beside(msgspec.Struct, frozen=True, omit_defaults=True):
    """Scripts of the owner that run before and after the filters, by name; a missing one is passed over."""

    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()


_ALONE = Beside()


class FilterError(ValueError):
    """A filter that cannot be written."""


class Read(msgspec.Struct, frozen=True):
    """A script in its pieces. `filters` is None when there is no block or it was changed by hand."""

    before: str
    filters: tuple[Filter, ...] | None
    after: str = ""
    is_changed_by_hand: bool = False
    beside: Beside = Beside()


def read_filters(script: str) -> Read:
    """The filters of a script and what stands around them."""
    found = _BLOCK.search(script)
    if found is None:
        return Read(script, None)
    block = found["block"]
    if _sum(block) != found["sum"]:
        return Read(script, None, is_changed_by_hand=True)
    try:
        filters = tuple([_decoder.decode(match["model"].encode()) for match in _FILTER.finditer(block)])
        names = _BESIDE.search(block)
        beside = Beside() if names is None else msgspec.json.decode(names["names"].encode(), type=Beside)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return Read(script, None, is_changed_by_hand=True)
    return Read(script[: found.start()], filters, script[found.end() :], beside=beside)


def write_filters(filters: tuple[Filter, ...], script: str = "", beside: Beside = _ALONE) -> str:
    """The script with these filters in the place of those that it has; raises FilterError.

    A script without filters gets them behind its own `require` lines, so that they come first. One whose block was
    changed by hand is the owner's: FilterError.
    """
    if len(filters) > MAX_FILTERS:
        raise FilterError(f"there are more than {MAX_FILTERS} filters")
    read = read_filters(script)
    if read.is_changed_by_hand:
        raise FilterError("the filters in the script were changed by hand")
    before, after = read.before, read.after
    if read.filters is None:
        split = _LEADING.match(script)
        at = split.end() if split else 0
        before, after = script[:at], script[at:]
        if before and not before.endswith("\n"):
            before += "\r\n"
    needed: set[str] = set()
    lines = [line for each in filters for line in _filter_lines(each, needed)]
    if any("${" in line for line in lines) and _EXPANDING.search(before):
        raise FilterError(
            'a filter holds "${", which the script expands; put the script beside the filters by include'
        )
    if beside != _ALONE:
        needed.add("include")
        first, last = [[_include(name) for name in names] for names in (beside.first, beside.last)]
        lines = [f"# beside {msgspec.json.encode(beside).decode()}", *first, *lines, *last]
    required = ", ".join([_quoted(name) for name in sorted(needed)])
    block = "".join([f"{line}\r\n" for line in ([f"require [{required}];"] if needed else []) + lines])
    return f"{before}{BEGIN} {_sum(block)}\r\n{block}{END}\r\n{after}"


def _include(name: str) -> str:
    if not is_script_name(name):
        raise FilterError(f"{name[:40]!a} cannot be the name of a script")
    return f"include :personal :optional {_quoted(name)};"


def _sum(block: str) -> str:
    return sha256(block.replace("\r\n", "\n").encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _filter_lines(each: Filter, needed: set[str]) -> list[str]:
    _check(each)
    model = _encoder.encode(each).decode()
    lines = [f"# filter {model}"]
    if not each.is_enabled:
        return lines
    tests = [_test(condition, needed) for condition in each.conditions]
    test = tests[0] if len(tests) == 1 else f"{'anyof' if each.is_any else 'allof'} ({', '.join(tests)})"
    return [
        *lines,
        f"if {test} {{",
        *[f"  {line}" for deed in sorted(each.deeds, key=_order) for line in _deed(deed, needed)],
        "}",
    ]


def _order(deed: Deed) -> int:
    """Flags count for what is filed after them, and nothing happens after stop."""
    return 0 if deed.do in (Do.FLAG, Do.READ) else 2 if deed.do is Do.STOP else 1


def _check(each: Filter) -> None:
    if not each.conditions or not each.deeds:
        raise FilterError(f'the filter "{each.name}" has no condition or does nothing')
    if len(each.conditions) > MAX_PARTS or len(each.deeds) > MAX_PARTS:
        raise FilterError(f'the filter "{each.name}" has more than {MAX_PARTS} conditions or deeds')
    texts = [each.name, *[deed.value for deed in each.deeds]]
    for condition in each.conditions:
        texts += [condition.header, *condition.values]
        if condition.field is not Field.ALL and not condition.values:
            raise FilterError(f'a condition of the filter "{each.name}" has nothing to compare with')
    for text in texts:
        if len(text) > MAX_TEXT_CHARACTERS or any(
            (c < " " and c not in "\t\r\n") or "\ud800" <= c <= "\udfff" for c in text
        ):
            raise FilterError(f'a text of the filter "{each.name}" is too long or holds control characters')


def _test(condition: Condition, needed: set[str]) -> str:
    written = _bare_test(condition, needed)
    return f"not {written}" if condition.is_not else written


def _bare_test(condition: Condition, needed: set[str]) -> str:
    keys = "[" + ", ".join([_quoted(value) for value in condition.values]) + "]"
    relation = condition.relation
    match condition.field:
        case Field.ALL:
            return "true"
        case Field.SIZE:
            if relation not in (Relation.OVER, Relation.UNDER) or len(condition.values) != 1:
                raise FilterError("a size is over or under one number")
            number = condition.values[0]
            if not (number.isascii() and number.isdigit() and len(number) <= 18):
                raise FilterError(f'"{number[:20]}" is no size in octets')
            return f"size :{relation.value} {number}"
        case Field.BODY:
            needed.add("body")
            return f"body :text {_match(relation)} {keys}"
        case Field.FROM | Field.TO:
            names = '"from"' if condition.field is Field.FROM else '["to", "cc"]'
            if relation is Relation.DOMAIN:
                return f"address :domain :is {names} {keys}"
            if relation is Relation.IS:
                return f"address :all :is {names} {keys}"
            return f"header {_match(relation)} {names} {keys}"  # names of people count, too
        case Field.SUBJECT | Field.LIST:
            return f'header {_match(relation)} "{"subject" if condition.field is Field.SUBJECT else "list-id"}" {keys}'
        case Field.HEADER:
            if not condition.header:
                raise FilterError("a condition on a header field names none")
            return f"header {_match(relation)} {_quoted(condition.header)} {keys}"


def _match(relation: Relation) -> str:
    if relation not in (Relation.CONTAINS, Relation.IS, Relation.MATCHES):
        raise FilterError(f'"{relation.value}" does not fit the field')
    return f":{relation.value}"


def _deed(deed: Deed, needed: set[str]) -> list[str]:
    copy = ":copy " if deed.is_copy else ""
    if deed.is_copy:
        needed.add("copy")
    if deed.do in (Do.FILE, Do.FLAG, Do.FORWARD, Do.REJECT) and not deed.value:
        raise FilterError(f'"{deed.do.value}" needs a value')
    match deed.do:
        case Do.FILE if not is_mailbox_name(deed.value):
            raise FilterError(f"{deed.value[:40]!a} cannot be the name of a mailbox")
        case Do.FORWARD if outbound_address(deed.value) is None:
            raise FilterError(f"{deed.value[:40]!a} is no address")
        case Do.FILE:
            needed.update(("fileinto", "mailbox"))
            return [f"fileinto {copy}:create {_quoted(deed.value)};"]
        case Do.FLAG | Do.READ:
            needed.add("imap4flags")
            return [f"addflag {_quoted(deed.value if deed.do is Do.FLAG else chr(92) + 'Seen')};"]
        case Do.FORWARD:
            return [f"redirect {copy}{_quoted(deed.value)};"]
        case Do.REJECT:
            needed.add("reject")
            return [f"reject {_quoted(deed.value)};"]
        case Do.DISCARD | Do.STOP:
            return [f"{deed.do.value};"]


def _quoted(text: str) -> str:
    """A string of Sieve; no line of it begins like a marker."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n#", "\n #") + '"'


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Filter)
