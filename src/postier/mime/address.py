"""The addr-spec, `local@domain`, as one typed value.

Not here: header address lists with names and groups (`address_list`), SMTP paths with source routes
(`smtp.syntax`). Source: RFC 5321 §4.1.2, RFC 6531 §3.3, RFC 5890. Invariants: `domain` is lower case, IDNA
U-labels are turned into A-labels; `local` is kept as written (unquoted), its case is never changed.
"""

import re
from typing import Self

import msgspec

from postier.mime.a_labels import a_labels

MAX_LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
MAX_DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2

# RFC 5321 §4.1.2 Dot-string, with the UTF8-non-ascii of RFC 6531 §3.3
_DOT_STRING = re.compile(
    r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\U0010ffff]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\U0010ffff]+)*"
)
_LABELS = re.compile(
    r"(?=.{1,255}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_LITERAL = re.compile(r"\[(?:\d{1,3}(?:\.\d{1,3}){3}|ipv6:[0-9a-f:.]+)\]")  # RFC 5321 §4.1.3
_QUOTED_CONTENT = re.compile(r"[\x20-\x7e\x80-\U0010ffff]*")


class Address(msgspec.Struct, frozen=True, order=True):
    """An addr-spec; equal addresses compare equal (domain case-folded, local part exact)."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `local@domain`; raises ValueError with what is wrong. Limits: RFC 5321 §4.5.3.1."""
        local, at, domain = text.rpartition("@")
        if not at:
            raise ValueError(f"address {text!r} has no '@'")
        if local[:1] == '"':
            if len(local) < 2 or local[-1] != '"' or re.search(r'(?<!\\)(?:\\\\)*"', local[1:-1]):
                raise ValueError(f"address {text!r} has a broken quoted local part")
            local = re.sub(r"\\(.)", r"\1", local[1:-1])
            if not _QUOTED_CONTENT.fullmatch(local):
                raise ValueError(f"address {text!r} has a control character in its local part")
        elif not _DOT_STRING.fullmatch(local):
            raise ValueError(f"address {text!r} has an invalid local part")
        if len(local.encode("utf-8", "surrogatepass")) > MAX_LOCAL_OCTETS:
            raise ValueError(f"address {text!r} has a local part over {MAX_LOCAL_OCTETS} octets")
        return cls(local, parse_domain(domain))

    @property
    def is_ascii(self) -> bool:
        """Whether it can be sent without SMTPUTF8 (RFC 6531 §3.2); the domain always can."""
        return self.local.isascii()

    def __str__(self) -> str:
        if _DOT_STRING.fullmatch(self.local):
            return f"{self.local}@{self.domain}"
        escaped = self.local.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"@{self.domain}'


def parse_domain(text: str) -> str:
    """A domain name or address literal in canonical form (lower case, A-labels); raises ValueError."""
    domain = text.lower()
    if domain[:1] == "[":
        if not _LITERAL.fullmatch(domain):
            raise ValueError(f"address literal {text!r} is malformed")
        return domain
    if not domain.isascii():
        try:
            domain = a_labels(domain)  # RFC 5890
        except UnicodeError as error:
            raise ValueError(f"domain {text!r} is not a valid internationalised name: {error}") from None
    if not _LABELS.fullmatch(domain):
        raise ValueError(f"domain {text!r} is not a valid host name")
    return domain
