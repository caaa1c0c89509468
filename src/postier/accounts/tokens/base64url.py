"""Base64url without padding, as JSON signatures have it.

Source: RFC 7515 §2, RFC 4648 §5. Invariant: one text for one sequence of octets: no padding, no white space, no other
alphabet, no stray bits at the end (RFC 4648 §3.5).
"""

import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
_TO_STANDARD = str.maketrans("-_", "+/")


def decode(text: str) -> bytes | None:
    """The octets; None for what is not written so."""
    if not _ALPHABET.fullmatch(text):
        return None
    try:
        octets = binascii.a2b_base64(text.translate(_TO_STANDARD) + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return octets if encode(octets) == text else None


def encode(octets: bytes) -> str:
    """The text."""
    return binascii.b2a_base64(octets, newline=False).translate(_FROM_STANDARD, b"=").decode("ascii")


_FROM_STANDARD = bytes.maketrans(b"+/", b"-_")
