"""XML of strangers, read one element below the root at a time.

Not here: what the elements mean. Source: RFC 9990 §8.1. Invariants: a document type declaration ends the reading, so there
are no entities but the five of XML and nothing is fetched; depth, elements and text are bounded; elements of another
namespace prefix than the root's are left out (extensions, RFC 9990 §5); memory is that of one child of the root.
"""

from collections.abc import Callable
from xml.parsers import expat

from postier.mailauth.reports.fault import ReportError

MAX_DEPTH = 12
MAX_ELEMENTS = 1_500  # in one child of the root: a record with 100 signatures (RFC 9990 §3.1.3) has some 600
MAX_ELEMENT_TEXT = 4_000  # characters; what is longer is cut


class Element:
    """One element: its name without prefix, its text, the elements inside."""

    __slots__ = ("children", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.children: list[Element] = []

    def first(self, name: str) -> "Element | None":
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> "list[Element]":
        """The children of this name."""
        return [child for child in self.children if child.name == name]

    def value(self, name: str) -> str:
        """The text of the first child of this name without white space around it; "" if there is none."""
        child = self.first(name)
        return child.text.strip() if child is not None else ""


def read_children(data: bytes, root: str, take: Callable[[Element], None]) -> None:
    """Call `take` with each child of the root element, which must be called `root`. Raises ReportError."""
    reading = _Reading(root, take)
    # A byte order mark or blanks before the declaration are no XML, yet reporters send them
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    try:
        reading.parser.Parse(data, True)
    except (expat.ExpatError, LookupError, UnicodeError, ValueError, TypeError) as error:
        if isinstance(error, ReportError):
            raise
        raise ReportError("the document is no well-formed XML") from None


class _Reading:
    """One document."""

    __slots__ = ("count", "depth", "open", "parser", "prefix", "root", "skipped_at", "take", "text_left")

    def __init__(self, root: str, take: Callable[[Element], None]) -> None:
        self.root = root
        self.take = take
        self.prefix = ""
        self.depth = 0
        self.skipped_at = 0  # the depth of an element of another namespace, 0 outside
        self.count = 0
        self.open: list[Element] = []  # without the root
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = _refuse_doctype
        self.parser.EntityDeclHandler = _refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, _attributes: object) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ReportError(f"the document is nested over {MAX_DEPTH} levels")
        prefix, _, local = name.rpartition(":")
        if self.depth == 1:
            if local != self.root:
                raise ReportError(f"the document is no {self.root}")
            self.prefix = prefix
            return
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise ReportError(f"a record has over {MAX_ELEMENTS} elements")
        if self.skipped_at:
            return
        if prefix != self.prefix:
            self.skipped_at = self.depth
            return
        element = Element(local)
        if self.open:
            self.open[-1].children.append(element)
        self.open.append(element)

    def _end(self, _name: str) -> None:
        depth, self.depth = self.depth, self.depth - 1
        if self.skipped_at:
            if depth == self.skipped_at:
                self.skipped_at = 0
        elif self.open:
            element = self.open.pop()
            if not self.open:
                self.take(element)
        if depth == 2:
            self.count = 0

    def _text(self, text: str) -> None:
        if self.open and not self.skipped_at:
            element = self.open[-1]
            if len(element.text) < MAX_ELEMENT_TEXT:
                element.text = (element.text + text)[:MAX_ELEMENT_TEXT]


def _refuse_doctype(*_: object) -> None:
    raise ReportError("the document has a document type declaration")
