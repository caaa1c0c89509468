"""Domain names with letters beyond ASCII in the form that the DNS has.

Not here: whether a name may be a host's (`address`, `mailauth.names`). Source: RFC 5891 §5.4, RFC 5892 §2.6. Invariant: no name becomes
another that its owner could not mean. Python's codec follows IDNA 2003, which made ss of the German sharp s, an ordinary sigma of the
final one, and nothing of the joiners: domains that others may hold. IDNA 2008 keeps these four; everything else is left to the codec.
"""

import re
import unicodedata
from encodings.idna import nameprep

MAX_LABEL_CHARACTERS = 63  # RFC 1035 §2.3.4; an A-label is never shorter than what it stands for

_KEPT = re.compile("([\u00df\u03c2\u200c\u200d]+)")  # RFC 5892 §2.6, §A.1, §A.2
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")  # full stops of other scripts


def a_labels(domain: str) -> str:
    """The name in lower case with A-labels for U-labels; raises UnicodeError for labels that cannot be encoded."""
    labels = domain.lower().translate(_DOTS).split(".")
    return ".".join([label if label.isascii() else _a_label(label) for label in labels])


def _a_label(label: str) -> str:
    if len(label) > MAX_LABEL_CHARACTERS:
        raise UnicodeError("the label is too long")
    pieces = _KEPT.split(label)
    if len(pieces) == 1:
        return label.encode("idna").decode("ascii")
    prepared = "".join([piece if index % 2 else nameprep(piece) for index, piece in enumerate(pieces)])
    encoded = f"xn--{unicodedata.normalize('NFC', prepared).encode('punycode').decode('ascii')}"
    if len(encoded) > MAX_LABEL_CHARACTERS or "." in prepared:
        raise UnicodeError("the label cannot be encoded")
    return encoded
