"""DKIM signing: the DKIM-Signature fields to stand above a message.

Source: RFC 6376 §3.5, §5, RFC 8301, RFC 8463. Invariants: relaxed/relaxed, never l=; the fields that carry the meaning of a
letter are signed once more than they occur, so that nobody can add one; one body hash for all keys; lines of at most
78 octets. The message should have its final form: CRLF line ends, no bare CR or LF.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from postier.mailauth.dkim.canonical import BodyHasher, BodyKey, Canon
from postier.mailauth.dkim.keys import DEFAULT_RSA_BITS, MIN_RSA_BITS, PrivateKey
from postier.mailauth.dkim.verify import SignedHeader
from postier.mailauth.letter import Letter
from postier.mailauth.names import canonical, is_within
from postier.mime.scan import Bytes

# Signed once more than they occur (RFC 6376 §5.4, §8.15): adding one breaks the signature.
OVERSIGNED = (
    "From", "To", "Cc", "Subject", "Date", "Reply-To", "Message-ID", "In-Reply-To", "References",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
)  # fmt: skip
# Signed as often as they occur; mailing lists add their own, which must not break the author's signature.
SIGNED = (
    "Sender", "Resent-Date", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Message-ID", "Content-ID",
    "Content-Description", "Content-Disposition", "Auto-Submitted", "List-Id", "List-Help", "List-Unsubscribe",
    "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Feedback-ID",
)  # fmt: skip

LINE_WIDTH = 76
_SAFE = re.compile(r"(?:[!-:<>-~]|=[0-9A-F]{2})*")  # RFC 6376 §2.11: neither ";" nor white space

_BODY = BodyKey(Canon.RELAXED)
_PADDING = PKCS1v15()
_SHA256 = SHA256()


class SigningKey(msgspec.Struct, frozen=True):
    """A private key and where its public half is published; ValueError for names that cannot be."""

    domain: str
    selector: str
    private: PrivateKey

    def __post_init__(self) -> None:
        if canonical(f"{self.selector}._domainkey.{self.domain}") is None:
            raise ValueError(f"{self.selector!r} and {self.domain!r} make no key name")

    @property
    def algorithm(self) -> str:
        """The a= value this key signs with."""
        return "ed25519-sha256" if isinstance(self.private, Ed25519PrivateKey) else "rsa-sha256"


def sign(
    message: Bytes | Letter,
    keys: Sequence[SigningKey],
    now: int,
    *,
    headers: Sequence[str] | None = None,
    lifetime_s: int | None = None,
    identity: str | None = None,
    min_rsa_bits: int = DEFAULT_RSA_BITS,
) -> bytes:
    """One DKIM-Signature field for each key, CRLF-terminated, to be put in front of the message.

    `headers` pins the list of h= (it must name From); by default the present ones of OVERSIGNED and SIGNED.
    `lifetime_s` sets x=. ValueError for an RSA key below `min_rsa_bits` (never below 1024), no From, an identity (i=) outside the
    key's domain, or a lifetime that is not positive.
    """
    letter = Letter.parse(message)
    header = SignedHeader(letter.fields)
    names = header_names(header) if headers is None else tuple(headers)
    lowered = [name.lower().encode("ascii") for name in names]
    if b"from" not in lowered or not header.count(b"from"):
        raise ValueError("a message without a signed From cannot be signed (RFC 6376 §5.4)")
    if lifetime_s is not None and lifetime_s <= 0:  # RFC 6376 §3.5 x=
        raise ValueError("a signature must expire after it was made")
    hasher = BodyHasher((_BODY,))
    for piece in letter.body:
        hasher.update(piece)
    body_hash = base64.b64encode(hasher.digest(_BODY).digest).decode()
    fields = []
    for key in keys:
        check_strength(key, min_rsa_bits)
        if identity is not None:
            _check_identity(identity, key.domain)
        tags = [
            ("v", "1"),
            ("a", key.algorithm),
            ("c", "relaxed/relaxed"),
            ("d", key.domain),
            ("s", key.selector),
        ]
        if identity is not None:
            tags.append(("i", identity))
        tags.append(("t", str(now)))
        if lifetime_s is not None:
            tags.append(("x", str(now + lifetime_s)))
        tags += [("h", ":".join(names)), ("bh", body_hash), ("b", "")]
        fields.append(
            complete("DKIM-Signature", tags, key, lambda own: header.data(lowered, Canon.RELAXED, own))
        )
    return b"".join(fields)


def header_names(header: SignedHeader) -> tuple[str, ...]:
    """What to sign of this header by default, in the form of h=."""
    names: list[str] = []
    for name in OVERSIGNED:
        names += [name] * (header.count(name.lower().encode()) + 1)
    for name in SIGNED:
        names += [name] * header.count(name.lower().encode())
    return tuple(names)


def check_strength(key: SigningKey, min_rsa_bits: int) -> None:
    """ValueError for an RSA key that is too short to sign with (RFC 8301 §3.2)."""
    if not isinstance(key.private, Ed25519PrivateKey):
        wanted = max(min_rsa_bits, MIN_RSA_BITS)
        if key.private.key_size < wanted:
            raise ValueError(f"RSA key of {key.private.key_size} bits; at least {wanted} are wanted")


def _check_identity(identity: str, domain: str) -> None:
    """RFC 6376 §3.5 i=: an address (in dkim-quoted-printable) at the key's domain or below it; ValueError otherwise."""
    host, own = canonical(identity.rpartition("@")[2]), canonical(domain)
    if (
        "@" not in identity
        or not _SAFE.fullmatch(identity)
        or not host
        or not own
        or not is_within(host, own)
    ):
        raise ValueError(f"{identity!r} is not within {domain}, or not written as i= must be")


def complete(
    name: str,
    tags: Sequence[tuple[str, str]],
    key: SigningKey,
    data_of: Callable[[bytes], bytes],
    *,
    b_width: int = LINE_WIDTH - 2,
) -> bytes:
    """The field `name` with its tags and b= (at the place of its empty entry), CRLF at its end.

    `data_of` gives what is signed for a field with an empty b=; it must canonicalise relaxed, since the folds between
    tags move when b= is filled in. `b_width` is where the value of b= is folded.
    """
    own = _folded(name, tags, "", b_width)
    value = base64.b64encode(_signature(key.private, data_of(own))).decode()
    return _folded(name, tags, value, b_width) + b"\r\n"


def _signature(private: PrivateKey, data: bytes) -> bytes:
    if isinstance(private, Ed25519PrivateKey):
        return private.sign(hashlib.sha256(data).digest())  # RFC 8463 §3
    return private.sign(data, _PADDING, _SHA256)


def _folded(name: str, tags: Sequence[tuple[str, str]], signature: str, b_width: int) -> bytes:
    """The field folded between tags; within a tag only where its value does not depend on it (b=, a long h=)."""
    lines = [f"{name}:"]
    for index, (tag, value) in enumerate(tags):
        pieces = _pieces(tag, signature if tag == "b" else value, b_width)
        if index < len(tags) - 1:
            pieces[-1] += ";"
        fits = len(lines[-1]) + 1 + len(pieces[0]) <= LINE_WIDTH and (tag != "h" or len(pieces) == 1)
        if fits or not index:
            lines[-1] += f" {pieces[0]}"
        else:
            lines.append(f" {pieces[0]}")
        lines += [f" {piece}" for piece in pieces[1:]]
    return "\r\n".join(lines).encode("ascii")


def _pieces(tag: str, value: str, b_width: int) -> list[str]:
    """A tag as the lines it takes."""
    text = f"{tag}={value}"
    if len(text) < LINE_WIDTH or tag not in {"b", "h"}:
        return [text]
    if tag == "b":
        return [text[at : at + b_width] for at in range(0, len(text), b_width)]
    pieces = [""]
    for name in text.split(":"):
        if len(pieces[-1]) + len(name) > LINE_WIDTH - 2:
            pieces.append("")
        pieces[-1] += f"{name}:"
    pieces[-1] = pieces[-1].removesuffix(":")
    return pieces
