"""MTA-STS: the record that announces a policy, the policy's text, and which MX hosts it allows.

Not here: fetching over HTTPS, caching, applying (`tls`). Source: RFC 8461 §3.1, §3.2, §4.1, eid6285 (no space before the first
semicolon). Invariants: unknown fields are ignored, of a repeated field the first counts; what is wrong is an MtaStsError.
"""

import enum
import re
from collections.abc import Iterable

import msgspec

from postier.mailauth.names import host_name, parent_of, printable

MAX_POLICY_OCTETS = 65_536  # RFC 8461 §3.3 suggests 64 kilobytes
MAX_AGE_S = 31_557_600  # RFC 8461 §3.2
MAX_PATTERNS = 1_000

_VERSION = b"v=STSv1;"
_FIELD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]{0,31}")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_LINE_END = re.compile(r"\r?\n")


class MtaStsError(ValueError):
    """The record or policy does not follow RFC 8461; the text says where."""


class Mode(enum.StrEnum):
    """What a sender does when a policy is not met (RFC 8461 §5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


class Policy(msgspec.Struct, frozen=True):
    """A policy; `patterns` are the mx values, lower case."""

    mode: Mode
    max_age_s: int
    patterns: tuple[str, ...]

    def allows(self, host: str) -> bool:
        """Whether an MX host matches a pattern (RFC 8461 §4.1): a wildcard stands for exactly one label."""
        name = host_name(host)
        return name is not None and (name in self.patterns or f"*.{parent_of(name)}" in self.patterns)


def record_name(domain: str) -> str:
    """Where the TXT record stands."""
    return f"_mta-sts.{domain}"


def policy_url(domain: str) -> str:
    """Where the policy is served (RFC 8461 §3.2)."""
    return f"https://mta-sts.{domain}/.well-known/mta-sts.txt"


def parse_records(records: Iterable[bytes]) -> str | None:
    """The id of the one announcement among TXT records; None without one (RFC 8461 §3.1). Raises MtaStsError."""
    found = [text for text in records if text.startswith(_VERSION)]
    if len(found) != 1:
        return None
    fields: dict[str, str] = {}
    for piece in found[0].decode("ascii", "replace").split(";")[1:]:
        name, equals, value = piece.strip(" \t").partition("=")
        if not name and not equals:
            continue
        if not equals or not value or not _FIELD.fullmatch(name):
            raise MtaStsError(f"{printable(piece, 40)!r} is not name=value")
        fields.setdefault(name, value)
    if not _ID.fullmatch(fields.get("id", "")):
        raise MtaStsError("id= is missing or malformed")
    return fields["id"]


def parse_policy(text: bytes) -> Policy:
    """A policy file; lines end in LF or CRLF (eid6253). Raises MtaStsError."""
    if len(text) > MAX_POLICY_OCTETS:
        raise MtaStsError(f"the policy has more than {MAX_POLICY_OCTETS} octets")
    try:
        lines = _LINE_END.split(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise MtaStsError("the policy is not UTF-8") from None
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in lines:
        if not line.strip(" \t"):
            continue
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not colon or not _FIELD.fullmatch(name) or "\r" in value or "\0" in value:
            raise MtaStsError(f"{printable(line, 40)!r} is not 'name: value'")
        if name == "mx":
            patterns.append(_pattern(value))
        else:
            fields.setdefault(name, value)
    if fields.get("version") != "STSv1":
        raise MtaStsError("version is not STSv1")
    try:
        mode = Mode(fields.get("mode", ""))
    except ValueError:
        raise MtaStsError("mode is not enforce, testing or none") from None
    if not _NUMBER.fullmatch(fields.get("max_age", "")):
        raise MtaStsError("max_age is missing or malformed")
    if not patterns and mode is not Mode.NONE:
        raise MtaStsError("the policy names no mx")
    return Policy(mode, min(int(fields["max_age"]), MAX_AGE_S), tuple(patterns[:MAX_PATTERNS]))


def _pattern(value: str) -> str:
    name = host_name(value.removeprefix("*."))
    if name is None or not value.isascii():
        raise MtaStsError(f"mx {printable(value, 60)!r} is not a host name")
    return f"*.{name}" if value.startswith("*.") else name
