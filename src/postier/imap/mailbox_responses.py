r"""Untagged lines about mailboxes and the server: LIST, STATUS, NAMESPACE, FLAGS, EXISTS, ID, ENABLED.

Not here: status responses (`responses`), FETCH (`fetch`), ESEARCH (`search_results`). Source: RFC 9051
§7.2, §7.3; RFC 5258 §4; RFC 2971 §3; RFC 6154 §2. Invariant: whole lines; names and values leave as
well-formed strings.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from postier.imap.mailbox_names import DELIMITER, encode_mailbox
from postier.imap.quoting import nstring, string

MAX_ID_FIELD_BYTES = 30  # RFC 2971 §3.3
MAX_ID_VALUE_BYTES = 1024  # RFC 2971 §3.3

_DELIMITER = b'"%b"' % DELIMITER.encode("ascii")


class NamespacePrefix(msgspec.Struct, frozen=True):
    """One namespace: the prefix of its names."""

    prefix: str
    delimiter: str = DELIMITER


def list_line(
    name: str,
    attributes: Iterable[str],
    *,
    utf8: bool,
    child_info: Iterable[str] = (),
    old_name: str | None = None,
    verb: bytes = b"LIST",
) -> bytes:
    r"""One LIST (or LSUB) line.

    `attributes` like `\HasChildren`; `child_info`: selection options such as SUBSCRIBED.
    """
    extended = []
    options = b" ".join(b'"%b"' % option.encode("ascii") for option in child_info)
    if options:
        extended.append(b'"CHILDINFO" (%b)' % options)  # RFC 9051 §6.3.9.6
    if old_name is not None:
        extended.append(b'"OLDNAME" (%b)' % encode_mailbox(old_name, utf8=utf8))  # RFC 9051 §6.3.9.7
    tail = b" (%b)" % b" ".join(extended) if extended else b""
    return b"* %b (%b) %b %b%b\r\n" % (
        verb,
        " ".join(attributes).encode("ascii"),
        _DELIMITER,
        encode_mailbox(name, utf8=utf8),
        tail,
    )


def delimiter_line(verb: bytes = b"LIST") -> bytes:
    """The answer to `LIST "" ""`: only the hierarchy delimiter (RFC 9051 §6.3.9)."""
    return b'* %b (\\Noselect) %b ""\r\n' % (verb, _DELIMITER)


def status_data(name: str, values: Mapping[bytes, int | bytes], *, utf8: bool) -> bytes:
    """One STATUS line; `values` by item name, in the order to send."""
    items = b" ".join(
        [
            b"%b %b" % (item, value if isinstance(value, bytes) else b"%d" % value)
            for item, value in values.items()
        ]
    )
    return b"* STATUS %b (%b)\r\n" % (encode_mailbox(name, utf8=utf8), items)


def namespace_line(
    personal: Sequence[NamespacePrefix],
    others: Sequence[NamespacePrefix] = (),
    shared: Sequence[NamespacePrefix] = (),
    *,
    utf8: bool,
) -> bytes:
    """The NAMESPACE line (RFC 9051 §7.3.2); an empty class is NIL."""
    classes = [_namespace_class(prefixes, utf8=utf8) for prefixes in (personal, others, shared)]
    return b"* NAMESPACE %b\r\n" % b" ".join(classes)


def flags_line(flags: bytes) -> bytes:
    """The FLAGS line; `flags` as from `flags.flags_text`."""
    return b"* FLAGS (%b)\r\n" % flags


def exists_line(count: int) -> bytes:
    """The EXISTS line."""
    return b"* %d EXISTS\r\n" % count


def recent_line(count: int) -> bytes:
    """The RECENT line; IMAP4rev1 sessions only."""
    return b"* %d RECENT\r\n" % count


def vanished_earlier_line(uids: bytes) -> bytes:
    """The VANISHED (EARLIER) line; `uids` is the text of a set (RFC 7162 §3.2.10.1)."""
    return b"* VANISHED (EARLIER) %b\r\n" % uids


def capability_line(names: Iterable[bytes]) -> bytes:
    """The CAPABILITY line."""
    return b"* CAPABILITY %b\r\n" % b" ".join(names)


def enabled_line(names: Iterable[bytes]) -> bytes:
    """The ENABLED line; also sent when nothing was enabled (RFC 9051 §6.3.1)."""
    return b" ".join([b"* ENABLED", *names]) + b"\r\n"


def id_line(fields: Mapping[str, str | None] | None) -> bytes:
    """The ID line; None or no fields is NIL. Fields and values are cut at their limits (RFC 2971 §3.3)."""
    if not fields:
        return b"* ID NIL\r\n"
    words = []
    for field, value in fields.items():
        words.append(string(field.encode("ascii", "replace")[:MAX_ID_FIELD_BYTES]))
        words.append(
            nstring(None if value is None else value.encode("ascii", "replace")[:MAX_ID_VALUE_BYTES])
        )
    return b"* ID (%b)\r\n" % b" ".join(words)


def _namespace_class(prefixes: Sequence[NamespacePrefix], *, utf8: bool) -> bytes:
    if not prefixes:
        return b"NIL"
    return b"(%b)" % b"".join(
        [
            b'(%b "%b")' % (_quoted_name(item.prefix, utf8=utf8), item.delimiter.encode("ascii"))
            for item in prefixes
        ]
    )


def _quoted_name(name: str, *, utf8: bool) -> bytes:
    """A namespace prefix is a string, never an atom (RFC 9051 §9 namespace-descr)."""
    name_text = encode_mailbox(name, utf8=utf8)
    return name_text if name_text[:1] in {b'"', b"{"} else b'"%b"' % name_text
