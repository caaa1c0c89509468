"""The logo of a brand: is it an SVG Tiny PS document that may be shown?

Not here: drawing it, fetching it. Sources: draft-svg-tiny-ps-abrotman-11 §2 (the profile), SVG Tiny 1.2, draft-brand-
indicators-for-message-identification-10 §4.3.2 and §7.6; SVGZ is RFC 6170 §5.2. Invariants: a document with a DOCTYPE is refused
before any entity is declared, so nothing expands; nothing is fetched; size before and after gzip is bounded; any octets
give an Indicator or a BimiError.
"""

import hashlib
import re
import zlib
from xml.parsers import expat

import msgspec

from postier.mailauth.bimi.record import BimiError
from postier.mailauth.names import printable

MAX_INDICATOR_OCTETS = 32_768  # the profile's recommendation; also of the file as it is fetched
MAX_DEPTH = 64  # elements within elements
MAX_TITLE = 64  # characters that the profile advises
MAX_PROBLEMS = 20  # told of one document

GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib: the largest window, with gzip's header
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_XML = "http://www.w3.org/XML/1998/namespace"
_ELEMENTS = frozenset(
    ("svg", "title", "desc", "metadata", "g", "defs", "use", "path", "rect", "circle", "ellipse", "line", "polyline",
     "polygon", "text", "tspan", "textArea", "tbreak", "linearGradient", "radialGradient", "stop", "solidColor", "switch")
)  # fmt: skip
# may stand there with this value only
_INERT = {
    "zoomAndPan": "disable",
    "externalResourcesRequired": "false",
    "focusable": "false",
    "snapshotTime": "none",
    "playbackOrder": "all",
    "timelineBegin": "onLoad",
}
_URL_FUNCTION = re.compile(r"url\s*\(\s*['\"]?\s*(#?)", re.IGNORECASE)
_SCRIPT = re.compile(r"\s*(?:java|vb)script\s*:", re.IGNORECASE)
_NUMBERS = re.compile(r"[\s,]+")


class Indicator(msgspec.Struct, frozen=True):
    """A logo that conforms: the uncompressed document, its title, and what the profile advises against in it."""

    document: bytes
    title: str
    was_compressed: bool = False
    advice: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """The hash of the uncompressed document, hexadecimal."""
        return hashlib.sha256(self.document).hexdigest()


def read_indicator(octets: bytes) -> Indicator:
    """A file as it was fetched, SVG or SVGZ. Raises BimiError with all that is wrong (`MAX_PROBLEMS`)."""
    document = uncompressed(octets)
    reading = _Reading()
    reading.parse(document)
    problems = [*dict.fromkeys(reading.problems)][:MAX_PROBLEMS]
    if problems:
        raise BimiError("; ".join(problems))
    return Indicator(document, reading.title, document is not octets, tuple(dict.fromkeys(reading.advice)))


def uncompressed(octets: bytes) -> bytes:
    """The document itself, also of an SVGZ file. Raises BimiError if it is too large or cut off."""
    if len(octets) > MAX_INDICATOR_OCTETS:
        raise BimiError(f"the logo has more than {MAX_INDICATOR_OCTETS} octets")
    if not octets.startswith(GZIP_MAGIC):
        return octets
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        document = stream.decompress(octets, MAX_INDICATOR_OCTETS + 1)
    except zlib.error:
        raise BimiError("the logo is no proper gzip file") from None
    if len(document) > MAX_INDICATOR_OCTETS:
        raise BimiError(f"the logo has more than {MAX_INDICATOR_OCTETS} octets")
    if not stream.eof or stream.unused_data:
        raise BimiError("the logo is cut off or has something behind its end")
    return document


class _Reading:
    """What one pass over the document finds."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.advice: list[str] = []
        self.title = ""
        self._path: list[str] = []
        self._titles = 0
        self._text: list[str] = []

    def parse(self, document: bytes) -> None:
        """Read it all; what can't be read at all is a BimiError."""
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.XmlDeclHandler = self._declared
        parser.ProcessingInstructionHandler = self._instructed
        parser.StartElementHandler = self._started
        parser.EndElementHandler = self._ended
        parser.CharacterDataHandler = self._said
        try:
            parser.Parse(document, True)
        except expat.ExpatError as error:
            raise BimiError(f"the logo is no well-formed XML: {error}") from None

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in {"utf-8", "us-ascii"}:
            raise BimiError(f"the logo is in {printable(encoding, 40)}, not in UTF-8")

    def _instructed(self, target: str, _data: str) -> None:
        self.problems.append(f"a processing instruction <?{printable(target, 40)}?>")

    def _started(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, element = name.rpartition(" ")
        if len(self._path) >= MAX_DEPTH:
            raise BimiError(f"elements are nested over {MAX_DEPTH} deep")
        if not self._path:
            self._root(namespace, element, attributes)
        elif "metadata" not in self._path:  # what describes the logo is not drawn
            if namespace != _SVG or element not in _ELEMENTS:
                self.problems.append(f"<{printable(element, 40)}> is not allowed")
            elif element == "svg":
                self.problems.append("an <svg> within the <svg>")
            elif element == "title" and len(self._path) == 1:
                self._titles += 1
                self._text.clear()
        for attribute, value in attributes.items():
            self._attribute(element, attribute, value)
        self._path.append(element)

    def _root(self, namespace: str, element: str, attributes: dict[str, str]) -> None:
        if (namespace, element) != (_SVG, "svg"):
            raise BimiError(f"the document is <{printable(element, 40)}>, not SVG")
        if attributes.get("version") != "1.2":
            self.problems.append('version="1.2" is missing')
        if attributes.get("baseProfile") != "tiny-ps":
            self.problems.append('baseProfile="tiny-ps" is missing')
        self.problems += [f"{name}= stands on the root" for name in ("x", "y") if name in attributes]
        if not _is_square(attributes):
            self.advice.append("the viewBox should be a square")

    def _attribute(self, element: str, name: str, value: str) -> None:
        namespace, _, local = name.rpartition(" ")
        if local.lower().startswith("on"):
            self.problems.append(f"{printable(local, 40)}= is a script")
        elif local == "href" and namespace in {"", _XLINK}:
            if not value.startswith("#"):
                self.problems.append(f"<{printable(element, 40)}> refers to {printable(value, 60)!r}")
        elif local == "base" and namespace == _XML:
            self.problems.append("xml:base= is not allowed")
        elif not namespace and value != _INERT.get(local, value):
            self.problems.append(f'{local}= may be "{_INERT[local]}" only')
        if not namespace and local == "style":  # SVG Tiny 1.2 has no CSS
            self.problems.append("style= is not allowed")
        if "\\" in value:  # an escape could hide url() from the test below
            self.problems.append(f"{printable(local, 40)}= has a backslash")
        if _SCRIPT.match(value):
            self.problems.append(f"{printable(local, 40)}= is a script")
        if any(not found[1] for found in _URL_FUNCTION.finditer(value)):
            self.problems.append(f"{printable(local, 40)}= refers to something outside")

    def _ended(self, _name: str) -> None:
        element = self._path.pop()
        if element == "title" and len(self._path) == 1:
            self.title = printable_title("".join(self._text))
        elif not self._path:
            self._finish()

    def _said(self, text: str) -> None:
        if len(self._path) == 2 and self._path[1] == "title":
            self._text.append(text)

    def _finish(self) -> None:
        if self._titles != 1:
            self.problems.append("<title> is missing" if not self._titles else "more than one <title>")
        elif not self.title:
            self.problems.append("<title> is empty")
        if len(self.title) > MAX_TITLE:
            self.advice.append(f"the title should have at most {MAX_TITLE} characters")


def _refuse_doctype(name: str, _system: str | None, _public: str | None, _internal: int) -> None:
    raise BimiError(f"the logo has a DOCTYPE ({printable(name, 40)})")


def printable_title(text: str) -> str:
    """A title in one line without what does not print."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _is_square(attributes: dict[str, str]) -> bool:
    numbers = _NUMBERS.split(attributes.get("viewBox", "").strip())
    try:
        width, height = (float(number) for number in numbers[2:])
    except ValueError:
        return False
    return len(numbers) == 4 and width == height and width > 0
