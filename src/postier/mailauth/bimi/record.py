"""BIMI assertion records, selectors, and the https addresses that they name.

Not here: the look-up (`assertion`), the files themselves (`indicator`, `evidence`). Source: draft-brand-indicators-for-
message-identification-10 §4.3 to §4.5 and §5.1; the tag list is that of RFC 6376 §3.2. Invariants: nothing malformed is mended;
an address that comes out is https, names a host of DNS (no IP address) and is printable ASCII.
"""

import re

import msgspec

from postier.mailauth.names import canonical, host_name, printable
from postier.mailauth.tags import TagError, parse_tags

DEFAULT_SELECTOR = "default"
MAX_URL = 2_048  # octets of an address
MAX_SELECTOR = 190  # octets; with `._bimi.` and a domain it must still be a name

_VERSION = re.compile(rb"v[ \t]*=[ \t]*BIMI1[ \t]*(?:;|\Z)")
_HEADER_VERSION = re.compile(r"v[ \t\r\n]*=[ \t\r\n]*BIMI1[ \t\r\n]*(?:;|\Z)")
# §4.3 bimi-uri: one https URI, commas encoded; no user information and no fragment make sense here
_URL = re.compile(r"https://([0-9A-Za-z._-]+)(?::([0-9]{1,5}))?((?:/[!$-+\--\]_a-~]*)?)", re.IGNORECASE)
_SUBDOMAIN = r"[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?"
_SELECTOR = re.compile(rf"{_SUBDOMAIN}(?:\.{_SUBDOMAIN})*")  # §4.4: RFC 5321 sub-domains
_FOREIGN_FORMAT = re.compile(r"\.(?:png|jpe?g|gif|webp|bmp|ico|tiff?|pdf|avif)\Z", re.IGNORECASE)
_DASHES = re.compile(r"[-_.]+")
_LABEL = re.compile(r"[0-9a-z-]{1,63}")


class BimiError(ValueError):
    """A record, file or certificate does not follow BIMI; the text says where."""


class HttpsUrl(msgspec.Struct, frozen=True):
    """An https address: its text, and the host, port and target (path and query) in it."""

    text: str
    host: str
    port: int
    target: str


class AssertionRecord(msgspec.Struct, frozen=True):
    """A record: where the logo and its evidence are (None: nowhere), and the preferences of the domain's owner.

    `avatar` is avp=: "brand", "personal", or "" for a value that means nothing. `uses_local_part` is lps=true.
    """

    location: HttpsUrl | None
    evidence: HttpsUrl | None
    avatar: str = "brand"
    uses_local_part: bool = False

    @property
    def is_declined(self) -> bool:
        """The owner wants no logo shown (§4.3.1)."""
        return self.location is None and self.evidence is None


def record_name(selector: str, domain: str) -> str | None:
    """Where the TXT record stands; None when that is no possible name."""
    return canonical(f"{selector}._bimi.{domain}")


def is_bimi(text: bytes) -> bool:
    """Whether a TXT record begins with the version tag; the others are passed over (§7.2 step 4)."""
    return _VERSION.match(text) is not None


def parse_record(text: bytes) -> AssertionRecord:
    """A record for which `is_bimi` holds. Raises BimiError."""
    try:
        tags = parse_tags(text.decode("ascii"))
    except UnicodeDecodeError:
        raise BimiError("the record is not ASCII") from None
    except TagError as error:
        raise BimiError(str(error)) from None
    if "l" not in tags:
        raise BimiError("l= is missing")
    location = _address(tags["l"], "l=")
    if location is not None and _FOREIGN_FORMAT.search(location.target.partition("?")[0]):  # §4.3.2
        raise BimiError("l= does not name an SVG or SVGZ file")
    lps = tags.get("lps", "false")
    if lps not in {"true", "false"}:
        raise BimiError("lps= is neither true nor false")
    avatar = tags.get("avp", "brand")
    return AssertionRecord(
        location,
        _address(tags.get("a", ""), "a="),
        avatar if avatar in {"brand", "personal"} else "",
        lps == "true",
    )


def _address(text: str, tag: str) -> HttpsUrl | None:
    if not text:
        return None
    url = parse_url(text)
    if url is None:
        raise BimiError(f"{tag} {printable(text, 80)!r} is no https address")
    return url


def parse_url(text: str) -> HttpsUrl | None:
    """An https address with a fully qualified host name; None for anything else."""
    found = _URL.fullmatch(text) if len(text) <= MAX_URL else None
    if found is None:
        return None
    host = host_name(found[1])
    port = int(found[2] or 443)
    if host is None or "." not in host or host.rpartition(".")[2].isdigit() or not 0 < port < 65536:
        return None
    return HttpsUrl(text, host, port, found[3] or "/")


def parse_selector_field(value: bytes) -> str | None:
    """The selector that a BIMI-Selector field names, lower case; None if it is malformed (§5.1)."""
    try:
        text = value.decode("ascii").strip(" \t\r\n")
        if _HEADER_VERSION.match(text) is None:
            return None
        return parse_selector(parse_tags(text).get("s", ""))
    except (UnicodeDecodeError, TagError):
        return None


def parse_selector(text: str) -> str | None:
    """A selector in lower case; None if it is none."""
    return text.lower() if len(text) <= MAX_SELECTOR and _SELECTOR.fullmatch(text) else None


def local_part_selector(local_part: str) -> str | None:
    """The selector that lps=true makes of a local part; None when it makes none (§4.5 step 3)."""
    folded = _DASHES.sub(_folded_run, local_part.partition("+")[0].lower()).strip("-")
    return folded if _LABEL.fullmatch(folded) else None


def _folded_run(found: re.Match[str]) -> str:
    """Runs of underscores and periods become one dash; dashes alone stay as they are."""
    return "-" if found[0].strip("-") else found[0]
