r"""Names of scripts. Source: RFC 5804 §1.6, RFC 5198 §2 (Net-Unicode: NFC).

Invariant: a name is never a path: `/` and `\` are refused, and so are `.` and `..` (SECURITY 15).
"""

import unicodedata

MAX_NAME_CHARACTERS = 128  # RFC 5804 §1.6: at least so many

_LINE_ENDS = "\u2028\u2029"


def script_name(octets: bytes) -> str | None:
    """The name in its one form; None for what can't be one."""
    try:
        name = unicodedata.normalize("NFC", octets.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or name in {".", ".."}:
        return None
    if any(unicodedata.category(c) in {"Cc", "Cs", "Cn"} or c in _LINE_ENDS or c in "/\\" for c in name):
        return None
    return name
