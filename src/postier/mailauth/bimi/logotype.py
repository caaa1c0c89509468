"""The logotype extension of a certificate: the pictures it vouches for.

Not here: the certificate (`evidence`), the picture (`indicator`). Sources: RFC 3709 §4.1, kept by RFC 9399 §4.1 (the ASN.1), X.690
§8 and §10 (DER). Read are the direct images of subjectLogo; sound, community logos and indirect references are passed over.
Invariants: linear, no recursion, every length is checked against its frame; any octets give a result or a BimiError.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import msgspec

from postier.mailauth.bimi.indicator import MAX_INDICATOR_OCTETS
from postier.mailauth.bimi.record import BimiError

OID = "1.3.6.1.5.5.7.1.12"  # id-pe-logotype
MAX_IMAGES = 10  # of one extension

_SEQUENCE, _OCTETS, _IA5, _OBJECT = 0x30, 0x04, 0x16, 0x06
_SUBJECT_LOGO, _DIRECT = 0xA2, 0xA0  # [2] EXPLICIT LogotypeInfo, [0] LogotypeData
_HASHES = {
    bytes.fromhex("2b0e03021a"): "sha1",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
# RFC 2397, as the extension carries pictures
_DATA_URL = re.compile(r"data:image/svg\+xml(?:\+gzip)?(?:;[^;,]*?)*?(;base64)?,", re.IGNORECASE)


class LogotypeImage(msgspec.Struct, frozen=True):
    """One picture: its media type, (algorithm, digest) pairs, and where it is (data: URLs too)."""

    media_type: str
    hashes: tuple[tuple[str, bytes], ...]
    locations: tuple[str, ...]

    def embedded(self) -> bytes | None:
        """The octets of a data: URL, still compressed if they are; None without one. Raises BimiError."""
        for location in self.locations:
            found = _DATA_URL.match(location)
            if found is not None:
                return _data(location[found.end() :], is_base64=found[1] is not None)
        return None


def subject_images(extension: bytes) -> tuple[LogotypeImage, ...]:
    """The direct images of subjectLogo in the extension's value. Raises BimiError."""
    (outer,) = _only(_elements(extension), _SEQUENCE)
    images: list[LogotypeImage] = []
    for tag, content in _elements(outer):
        if tag != _SUBJECT_LOGO:
            continue
        for choice, data in _elements(content):
            if choice == _DIRECT:
                images += [_image(one) for part, one in _images(data) if part == _SEQUENCE]
    if len(images) > MAX_IMAGES:
        raise BimiError(f"the certificate has more than {MAX_IMAGES} logos")
    return tuple(images)


def _images(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The LogotypeImage elements; LogotypeData is their SEQUENCE OF and sound under [1]."""
    for tag, content in _elements(data):
        if tag == _SEQUENCE:
            yield from _elements(content)


def _image(content: bytes) -> LogotypeImage:
    """LogotypeImage begins with LogotypeDetails; what follows describes the picture only."""
    details = next((value for tag, value in _elements(content) if tag == _SEQUENCE), None)
    if details is None:
        raise BimiError("a logo of the certificate has no details")
    parts = [*_elements(details)]
    if [tag for tag, _ in parts[:3]] != [_IA5, _SEQUENCE, _SEQUENCE]:
        raise BimiError("the details of a logo are malformed")
    hashes = tuple(_hash(value) for tag, value in _elements(parts[1][1]) if tag == _SEQUENCE)
    locations = tuple(
        value.decode("ascii", "replace") for tag, value in _elements(parts[2][1]) if tag == _IA5
    )
    return LogotypeImage(parts[0][1].decode("ascii", "replace"), hashes, locations)


def _hash(content: bytes) -> tuple[str, bytes]:
    """HashAlgAndValue; the name is "" for an algorithm that is not known."""
    parts = [*_elements(content)]
    if [tag for tag, _ in parts] != [_SEQUENCE, _OCTETS]:
        raise BimiError("the hash of a logo is malformed")
    name = next((value for tag, value in _elements(parts[0][1]) if tag == _OBJECT), b"")
    return _HASHES.get(name, ""), parts[1][1]


def _data(text: str, *, is_base64: bool) -> bytes:
    if len(text) > MAX_INDICATOR_OCTETS * 2:
        raise BimiError("the logo in the certificate is too large")
    raw = unquote_to_bytes(text)
    if not is_base64:
        return raw
    try:
        return base64.b64decode(raw, validate=True)
    except binascii.Error:
        raise BimiError("the logo in the certificate is no base64") from None


def _only(elements: Iterator[tuple[int, bytes]], tag: int) -> tuple[bytes]:
    found = [*elements]
    if len(found) != 1 or found[0][0] != tag:
        raise BimiError("the logotype extension is malformed")
    return (found[0][1],)


def _elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The (tag, content) pairs that fill the octets; one-octet tags and definite lengths, as DER has them here."""
    place = 0
    while place < len(octets):
        header = octets[place : place + 2]
        if len(header) < 2 or header[0] & 0x1F == 0x1F:
            raise BimiError("the logotype extension is no DER")
        length, place = header[1], place + 2
        if length & 0x80:
            count = length & 0x7F
            if not 0 < count <= 4 or place + count > len(octets):
                raise BimiError("the logotype extension is no DER")
            length = int.from_bytes(octets[place : place + count])
            place += count
        if place + length > len(octets):
            raise BimiError("the logotype extension is cut off")
        yield header[0], octets[place : place + length]
        place += length
