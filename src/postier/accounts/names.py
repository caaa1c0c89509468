"""Names of accounts and passwords in the one form in which they are stored and compared.

Not here: the syntax of addresses (`mime.address`). Sources: RFC 8265 §3.3 (UsernameCaseMapped: width mapping, lower
case, NFC, no controls, symbols or spaces), §4.2 (OpaqueString), RFC 5321 §2.4 (a local part belongs to its host, so
its case may be ignored here). Invariants: canonical names are equal exactly if they name one mailbox; preparing twice
changes nothing.
"""

import functools
import unicodedata

from postier.mime.address import MAX_LOCAL_OCTETS, Address

EXTENSION_DELIMITER = "+"
CATCH_ALL = "*"
POSTMASTER = "postmaster"  # RFC 5321 §4.5.1
MAX_LOGIN_OCTETS = 320  # 64 + "@" + 255, RFC 5321 §4.5.3.1
MAX_PASSWORD_OCTETS = 1_024
_REMEMBERED_NAMES = 4_096

# RFC 8264 §9.1 LetterDigits: what a name may hold outside ASCII; compatibility forms are mapped by width before
_NAME_CATEGORIES = frozenset({"Ll", "Lu", "Lo", "Lm", "Mn", "Mc", "Nd"})
_WIDE_OR_NARROW = ("<wide>", "<narrow>")


def canonical_address(address: Address) -> Address:
    """The stored form: the local part in lower case, NFC; the domain is canonical already."""
    local = address.local
    folded = local.lower() if local.isascii() else _folded(local)
    return address if folded == local else Address(folded, address.domain)


def split_extension(local: str) -> tuple[str, str]:
    """`carole+news` as ("carole", "news"); a local part without an extension has an empty second value.

    The first delimiter counts (RFC 5233 §1 leaves it to the server); a leading one belongs to the name.
    """
    at = local.find(EXTENSION_DELIMITER, 1)
    return (local, "") if at < 0 else (local[:at], local[at + 1 :])


def is_name(local: str) -> bool:
    """Whether a canonical local part is fit for an account: RFC 8265 §3.3 and no catch-all."""
    if (
        local == CATCH_ALL or len(local.encode("utf-8", "surrogatepass")) > MAX_LOCAL_OCTETS
    ):  # lower case can be longer
        return False
    return all(
        "!" <= character <= "~"
        if character.isascii()
        else unicodedata.category(character) in _NAME_CATEGORIES
        for character in local
    )


@functools.lru_cache(_REMEMBERED_NAMES)
def login_address(text: str) -> Address | None:
    """The account name that a client typed, canonical; None for what can't be one.

    An address only: no bare local part, nothing is expanded or unescaped (SECURITY 24).
    """
    if len(text) > MAX_LOGIN_OCTETS:
        return None
    try:
        address = canonical_address(Address.parse(text))
    except ValueError:
        return None
    return address if is_name(address.local) else None


def prepared_password(text: str) -> str | None:
    """A password as RFC 8265 §4.2 has it compared; None if it is empty, too long, or holds a control character."""
    if text.isascii():
        fit = 0 < len(text) <= MAX_PASSWORD_OCTETS and text.isprintable()
        return text if fit else None
    if len(text) > MAX_PASSWORD_OCTETS:
        return None
    mapped = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)  # RFC 8265 §4.2.1 step 2
    mapped = unicodedata.normalize("NFC", mapped)
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in mapped):
        return None
    return mapped if len(mapped.encode()) <= MAX_PASSWORD_OCTETS else None


@functools.lru_cache(_REMEMBERED_NAMES)
def _folded(local: str) -> str:
    # RFC 8265 §3.3.2: width mapping, case mapping, normalisation, in this order
    narrow = "".join(
        unicodedata.normalize("NFKC", c) if unicodedata.decomposition(c).startswith(_WIDE_OR_NARROW) else c
        for c in local
    )
    return unicodedata.normalize("NFC", narrow.lower())
