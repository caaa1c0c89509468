"""The Authentication-Results field as values, written and read.

Not here: values made from results (`methods`), removal of forged fields (`strip`). Source: RFC 8601 §2.2, eid6026. Invariants:
what is written parses to the same values, is printable ASCII (or UTF-8 where asked), and has no line over 998 octets;
reading is linear and without recursion.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from postier.mailauth.names import printable

MAX_RESULTS = 200
MAX_VALUE_OCTETS = 65_536
WRITTEN_KEPT = 512

# RFC 2045 §5.1 token
_TOKEN = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+")
# RFC 8601 §2.2 pvalue: [[local-part] "@"] domain-name; a local part may be a quoted string (RFC 5322 §3.4.1)
_MAILBOX = re.compile(
    r"""(?:(?:[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~]*|"(?:[^"\\]|\\.)*")@)?[0-9A-Za-z_](?:[0-9A-Za-z._\-]*[0-9A-Za-z_])?"""
)
_COMMENT_PART = re.compile(r'[^()\\"]+|\\.|[()"\\]', re.DOTALL)
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_VALUE = rf"(?:{_QUOTED}(?:@[^\s;\"]+)?|[^\s;\"]+)"
# a quoted string without its end takes the rest, so that nothing is looked at twice
_SEGMENT = re.compile(r'(?:[^;"]+|"(?:[^"\\]+|\\.)*"?)+', re.DOTALL)
_METHOD = re.compile(
    r"\s*([A-Za-z0-9][A-Za-z0-9\-_]*)\s*(?:/\s*([0-9]+)\s*)?=\s*([A-Za-z0-9][A-Za-z0-9\-_]*)(?!\S)", re.DOTALL
)
_REASON = re.compile(rf"\s*reason\s*=\s*({_VALUE})", re.DOTALL | re.IGNORECASE)
_PROPERTY = re.compile(
    rf"\s*([A-Za-z0-9][A-Za-z0-9\-_]*)\s*\.\s*([A-Za-z0-9][A-Za-z0-9\-_]*)\s*=\s*({_VALUE})", re.DOTALL
)
_SERVICE = re.compile(rf"\s*({_VALUE})(?:\s+([0-9]+))?\s*", re.DOTALL)


class Property(msgspec.Struct, frozen=True):
    """One `ptype.name=value`, such as smtp.mailfrom."""

    ptype: str
    name: str
    value: str


class MethodResult(msgspec.Struct, frozen=True):
    """The result of one method; `comment` is for people and lost in reading."""

    method: str
    result: str
    reason: str = ""
    properties: tuple[Property, ...] = ()
    comment: str = ""

    def value_of(self, ptype: str, name: str) -> str:
        """The value of a property, "" without it."""
        return next(
            (found.value for found in self.properties if (found.ptype, found.name) == (ptype, name)), ""
        )


class AuthenticationResults(msgspec.Struct, frozen=True):
    """A whole field: who says it, and the results (none for `; none`)."""

    authserv_id: str
    results: tuple[MethodResult, ...] = ()
    version: int = 1


def build(
    authserv_id: str, results: Sequence[MethodResult], *, name: str = "Authentication-Results"
) -> bytes:
    """The field, one folded line a result, CRLF at its end."""
    return f"{name}: {payload(authserv_id, results)}\r\n".encode()


def payload(authserv_id: str, results: Sequence[MethodResult]) -> str:
    """The authres-payload (RFC 8601 §2.2), folded with CRLF and a space."""
    if not results:
        return f"{_value(authserv_id)}; none"
    return ";\r\n ".join([_value(authserv_id), *(_written(result) for result in results)])


@lru_cache(maxsize=WRITTEN_KEPT)  # a peer that delivers many letters is told the same of each
def _written(result: MethodResult) -> str:
    words = [f"{result.method}={result.result}"]
    if result.comment:
        words.append(f"({_comment(result.comment)})")
    if result.reason:
        words.append(f"reason={_value(result.reason)}")
    words += [f"{found.ptype}.{found.name}={_value(found.value)}" for found in result.properties]
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > 76:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return "\r\n  ".join(lines)


def _value(text: str) -> str:
    text = printable(text, 300)
    if _TOKEN.fullmatch(text) or _MAILBOX.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _comment(text: str) -> str:
    return re.sub(r"[()\\]", lambda found: f"\\{found[0]}", printable(text, 200))


def parse(value: bytes) -> AuthenticationResults | None:
    """A field's value read; None when it does not follow the grammar (methods that do are kept)."""
    if len(value) > MAX_VALUE_OCTETS:
        return None
    text = without_comments(value.decode("utf-8", "replace"))
    segments = _SEGMENT.findall(text)
    if not segments or (service := _SERVICE.fullmatch(segments[0])) is None:
        return None
    results = [result for segment in segments[1 : MAX_RESULTS + 1] if (result := _read(segment)) is not None]
    version = int(service[2][:9]) if service[2] else 1
    return AuthenticationResults(_unquoted(service[1]), tuple(results), version)


def _read(segment: str) -> MethodResult | None:
    """One resinfo; None for `none`, for what is malformed, and for a version of a method that we do not know."""
    method = _METHOD.match(segment)
    if method is None or (method[2] and method[2].lstrip("0") != "1"):  # RFC 8601 §2.6
        return None
    position = method.end()
    reason = ""
    if (found := _REASON.match(segment, position)) is not None:
        reason = _unquoted(found[1])
        position = found.end()
    properties = []
    while (found := _PROPERTY.match(segment, position)) is not None:
        properties.append(Property(found[1].lower(), found[2].lower(), _unquoted(found[3])))
        position = found.end()
    return MethodResult(method[1].lower(), method[3].lower(), reason, tuple(properties))


def _unquoted(text: str) -> str:
    """A value without the marks of a quoted string; those of a quoted local part belong to it."""
    if text[:1] == '"' == text[-1:]:
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


def without_comments(text: str) -> str:
    """The text with every comment (they nest, RFC 5322 §3.2.2) turned into one space; quoted strings stay."""
    if "(" not in text:
        return text
    kept: list[str] = []
    depth = 0
    is_quoted = False
    for match in _COMMENT_PART.finditer(text):
        part = match[0]
        if is_quoted:
            kept.append(part)
            is_quoted = part != '"'
        elif part == "(":
            depth += 1
        elif part == ")" and depth:
            depth -= 1
            if not depth:
                kept.append(" ")
        elif not depth:
            kept.append(part)
            is_quoted = part == '"'
    return "".join(kept)
