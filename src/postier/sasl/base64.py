"""Base64 as SASL profiles want it: strict both ways.

Sources: RFC 4648 §4, RFC 4954 §4 (reject, do not ignore, what is not of the alphabet). Raises ValueError only.
"""

from binascii import a2b_base64, b2a_base64


def decode_base64(text: bytes) -> bytes:
    """The octets; raises ValueError for foreign characters, misplaced or missing padding."""
    if len(text) % 4 or text.endswith(b"==="):  # what strict_mode of Python 3.11 lets pass
        raise ValueError("not base64: wrong padding")
    return a2b_base64(text, strict_mode=True)


def encode_base64(octets: bytes) -> bytes:
    """One line, without a line end."""
    return b2a_base64(octets, newline=False)
