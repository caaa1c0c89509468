"""Encoded words in headers: decoding as mail really is, encoding as RFC 2047 says.

Not here: which fields may hold them; parameters (`params`, RFC 2231). Source: RFC 2047, RFC 2231 §5 (language tag),
RFC 6532 §3.2 (raw UTF-8). Invariants: decoding never fails and is linear; its result holds no control character, so
a decoded CR LF or NUL cannot become a line of its own anywhere.
"""

import binascii
import re

from postier.mime import charsets

MAX_WORD_OCTETS = 75  # RFC 2047 §2

# The length limits keep the scan linear; spaces inside Q text are wrong but usual
_WORD = re.compile(rb"=\?([^?*\s]{1,64})(?:\*[^?\s]{0,64})?\?([bBqQ])\?([^?]*+)\?=")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_TO_SPACE = dict.fromkeys([*range(0x20), 0x7F], " ")
_NOT_BASE64 = bytes(c for c in range(256) if not (chr(c).isascii() and (chr(c).isalnum() or c in b"+/")))
# RFC 2047 §5 (3), eid5469: what may stand unencoded in a phrase
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q_TABLE = tuple(chr(c) if c in _Q_SAFE else "_" if c == 0x20 else f"={c:02X}" for c in range(256))


def decode(value: bytes) -> str:
    """The text of an unfolded value with its encoded words decoded; control characters become spaces."""
    return _without_controls("".join(_pieces(value)) if b"=?" in value else charsets.decode_unlabelled(value))


def undecoded(value: bytes) -> str:
    """The text of a value in which encoded words have no meaning, such as an addr-spec (RFC 2047 §5)."""
    return _without_controls(charsets.decode_unlabelled(value))


def _without_controls(text: str) -> str:
    if text.isprintable():
        return text
    return text.translate(_CONTROL_TO_SPACE) if _CONTROL.search(text) else text


def _pieces(value: bytes) -> list[str]:
    pieces: list[str] = []
    position = 0
    pending: list[
        bytes
    ] = []  # decoded octets of adjacent words in one charset: a character may be split over two
    pending_charset = ""
    for match in _WORD.finditer(value):
        name, kind, encoded = match.groups()
        octets = _octets(kind, encoded)
        if octets is None:
            continue
        gap = value[position : match.start()]
        charset = name.decode("ascii", "replace").lower()
        if pending and (charset != pending_charset or gap.strip()):
            pieces.append(charsets.decode(b"".join(pending), pending_charset))
            pending.clear()
        # RFC 2047 §6.2: white space between adjacent encoded words is not shown
        if gap and (gap.strip() or not position):
            pieces.append(charsets.decode_unlabelled(gap))
        pending.append(octets)
        pending_charset = charset
        position = match.end()
    if pending:
        pieces.append(charsets.decode(b"".join(pending), pending_charset))
    pieces.append(charsets.decode_unlabelled(value[position:]))
    return pieces


def _octets(kind: bytes, encoded: bytes) -> bytes | None:
    """The octets of one word; None when it is too broken to be shown as anything but itself."""
    if kind in b"qQ":
        return binascii.a2b_qp(encoded.replace(b"\n", b""), header=True)
    cleaned = encoded.translate(None, _NOT_BASE64)
    if len(cleaned) % 4 == 1:
        cleaned = cleaned[:-1]
        if not cleaned:
            return None
    return binascii.a2b_base64(cleaned + b"=" * (-len(cleaned) % 4))


def encode(text: str, first_line_room: int = MAX_WORD_OCTETS) -> list[str]:
    """`text` as encoded words of at most 75 octets in UTF-8, whole characters each (RFC 2047 §5); joined by white
    space they decode to `text`. The first may be at most `first_line_room` octets long.
    """
    octets = text.encode("utf-8", "replace")
    q_length = sum(len(_Q_TABLE[octet]) for octet in octets)
    is_q = q_length <= 2 * len(octets) + 4  # readable as long as it costs little
    words: list[str] = []
    room = max(first_line_room, 24) - 12  # =?utf-8?q?...?=
    current: list[bytes] = []
    used = 0
    for character in text:
        encoded = character.encode("utf-8", "replace")
        cost = sum(len(_Q_TABLE[octet]) for octet in encoded) if is_q else len(encoded)
        total = used + cost
        if current and (total if is_q else (total + 2) // 3 * 4) > room:
            words.append(_word(b"".join(current), is_q=is_q))
            current, used = [], 0
            room = MAX_WORD_OCTETS - 12
        current.append(encoded)
        used += cost
    if current:
        words.append(_word(b"".join(current), is_q=is_q))
    return words


def _word(octets: bytes, *, is_q: bool) -> str:
    if is_q:
        return f"=?utf-8?q?{''.join([_Q_TABLE[octet] for octet in octets])}?="
    return f"=?utf-8?b?{binascii.b2a_base64(octets, newline=False).decode('ascii')}?="
