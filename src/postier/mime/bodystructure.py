"""IMAP BODYSTRUCTURE and BODY of a part tree.

Not here: FETCH responses (the imap room). Source: RFC 9051 §7.5.2, §9 (body). Invariants: iterative; values as in the
header (see `params` for RFC 2231); every multipart has at least one child, which `structure` sees to.
"""

from postier.mime import nstring
from postier.mime.decode import KNOWN_ENCODINGS
from postier.mime.part import Part

_ENCODINGS = {name: b'"%b"' % name.encode() for name in KNOWN_ENCODINGS}


def bodystructure_of(root: Part) -> bytes:
    """BODYSTRUCTURE: with extension data."""
    return _serialise(root, is_extended=True)


def body_of(root: Part) -> bytes:
    """BODY: without extension data."""
    return _serialise(root, is_extended=False)


def _serialise(root: Part, *, is_extended: bool) -> bytes:
    out: list[bytes] = []
    waiting: list[Part | bytes] = [root]
    while waiting:
        item = waiting.pop()
        if isinstance(item, bytes):
            out.append(item)
            continue
        after = _extension(item) if is_extended else b")"
        if item.type == "multipart":
            out.append(b"(")
            params = b" " + nstring.parameter_list(item.params) if is_extended else b""
            waiting.append(b' "%b"%b%b' % (item.subtype.encode(), params, after))
            waiting.extend(reversed(item.children))
        elif item.envelope is not None:
            out.append(b"%b %b " % (_basic(item), item.envelope))
            waiting.append(b" %d%b" % (item.lines, after))
            waiting.extend(item.children)
        elif item.type == "text":
            out.append(b"%b %d%b" % (_basic(item), item.lines, after))
        else:
            out.append(_basic(item) + after)
    return b"".join(out)


def _basic(part: Part) -> bytes:
    """The basic fields that every part but a multipart begins with."""
    return b'("%b" "%b" %b %b %b %b %d' % (
        part.type.encode(),
        part.subtype.encode(),
        nstring.parameter_list(part.params),
        b"NIL" if part.content_id is None else nstring.string(part.content_id),
        b"NIL" if part.description is None else nstring.string(part.description),
        _ENCODINGS.get(part.encoding) or nstring.string(part.encoding.encode()),
        part.body_end - part.body_start,
    )


def _extension(part: Part) -> bytes:
    """md5 (not for a multipart), disposition, language, location, and the closing parenthesis."""
    is_multipart = part.type == "multipart"
    if part.md5 is None and part.disposition is None and part.location is None and not part.language:
        return b" NIL NIL NIL)" if is_multipart else b" NIL NIL NIL NIL)"
    if part.disposition is None:
        disposition = b"NIL"
    else:
        params = nstring.parameter_list(part.disposition_params)
        disposition = b'("%b" %b)' % (part.disposition.encode(), params)
    if not part.language:
        language = b"NIL"
    elif len(part.language) == 1:
        language = nstring.string(part.language[0])
    else:
        language = b"(%b)" % b" ".join([nstring.string(tag) for tag in part.language])
    md5 = b"" if is_multipart else b" " + nstring.nstring(part.md5)
    return b"%b %b %b %b)" % (md5, disposition, language, nstring.nstring(part.location))
