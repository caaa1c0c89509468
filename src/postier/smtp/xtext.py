r"""xtext and unitext: how DSN parameters carry octets and characters that an esmtp-value may not have.

Not here: the parameters (`parameters`). Sources: RFC 3461 §4 (xtext), RFC 6533 §3 (unitext, `\x{HEX}`).
Invariants: `decode(encode(s)) == s`; encoded text is printable ASCII without space, "=" or a loose "+";
decoding raises ValueError for anything else that it cannot read.
"""

import re
from typing import Final

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")  # RFC 3461 §4: xchar and hexchar
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_OUTSIDE_XCHAR = re.compile(rb"[^!-*,-<>-~]")
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_OUTSIDE_QCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")  # RFC 6533 §3 QCHAR
_OUTSIDE_QUCHAR = re.compile(r"[^!-*,-<>-\[\]-~\x80-\U0010ffff]")
_MAX_CODE_POINT: Final = 0x10FFFF


def encode_xtext(text: str) -> str:
    """Text (its UTF-8 octets) as xtext."""
    return _OUTSIDE_XCHAR.sub(lambda match: b"+%02X" % match[0][0], text.encode()).decode("ascii")


def decode_xtext(text: str) -> str:
    """The text that an xtext stands for; raises ValueError if it is not xtext or not UTF-8 inside."""
    if not _XTEXT.fullmatch(text):
        raise ValueError("not xtext")
    if "+" not in text:
        return text
    octets = _HEXCHAR.sub(lambda match: chr(int(match[1], 16)), text)
    return octets.encode("latin-1").decode("utf-8")


def encode_unitext(text: str, *, ascii_only: bool) -> str:
    """A utf-8 address for ORCPT: everything outside ASCII escaped where the peer lacks SMTPUTF8 (RFC 6533 §3)."""
    pattern = _OUTSIDE_QCHAR if ascii_only else _OUTSIDE_QUCHAR
    return pattern.sub(lambda match: f"\\x{{{ord(match[0]):02X}}}", text)


def decode_unitext(text: str) -> str:
    """The address that any of the three forms of RFC 6533 §3 stands for; raises ValueError."""
    if any(
        int(digits, 16) > _MAX_CODE_POINT or 0xD800 <= int(digits, 16) < 0xE000
        for digits in _EMBEDDED.findall(text)
    ):
        raise ValueError("not a Unicode scalar value")
    rest = _EMBEDDED.sub("", text)
    if "\\" in rest or _OUTSIDE_QUCHAR.search(rest):
        raise ValueError("not a utf-8 address")
    return _EMBEDDED.sub(lambda match: chr(int(match[1], 16)), text)
