"""What the checks of this room ask the world, and what they are told.

A check is a generator: it yields a `Question`, is sent an `Answer`, and returns its result (`Asking[T]`).
Answers are values: no DNS condition is an exception. Not here: any resolver; `dns` has one, `StaticResolver`
serves from a table. Sources: RFC 1035 §3.3, RFC 7208 §4.4, RFC 7671 §4. Invariants: names are ASCII
(A-labels), lower case, without the final dot, syntactically valid, and at most 253 characters.
"""

import enum
from collections.abc import Generator, Mapping
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")


class TxtQuestion(msgspec.Struct, frozen=True, gc=False):
    """TXT records of a name; each answer record is `bytes`, its character-strings joined without a space."""

    name: str


class AddressQuestion(msgspec.Struct, frozen=True, gc=False):
    """A (family 4) or AAAA (family 6) records; each answer record is the address as text."""

    name: str
    family: Literal[4, 6]


class MxQuestion(msgspec.Struct, frozen=True, gc=False):
    """MX records; each answer record is an `Mx`."""

    name: str


class PtrQuestion(msgspec.Struct, frozen=True, gc=False):
    """PTR records of an IP address given as text; each answer record is a host name."""

    ip: str


class TlsaQuestion(msgspec.Struct, frozen=True, gc=False):
    """TLSA records of `_port._tcp.host`; each answer record is a `dane.Tlsa`."""

    name: str


Question: TypeAlias = TxtQuestion | AddressQuestion | MxQuestion | PtrQuestion | TlsaQuestion


class Mx(msgspec.Struct, frozen=True, order=True):
    """One MX record; `exchange` is "" or "." for a null MX (RFC 7505)."""

    preference: int
    exchange: str


class Status(enum.Enum):
    """How a question ended."""

    FOUND = "found"
    NODATA = "nodata"  # RCODE 0 without records
    NXDOMAIN = "nxdomain"  # RCODE 3
    TIMEOUT = "timeout"
    SERVFAIL = "servfail"  # RCODE 2, also "bogus" from a validating resolver
    REFUSED = "refused"  # RCODE 5 and every other code


_VOID = (Status.NODATA, Status.NXDOMAIN)


class Answer(msgspec.Struct, frozen=True):
    """The records, how the question ended, and whether DNSSEC vouches for it."""

    records: tuple[Any, ...] = ()
    status: Status = Status.FOUND
    authenticated: bool = False

    @property
    def is_void(self) -> bool:
        """The name or the type does not exist (RFC 7208 §4.6.4)."""
        return self.status in _VOID or (self.status is Status.FOUND and not self.records)

    @property
    def is_error(self) -> bool:
        """No answer could be had; asking later may succeed."""
        return self.status is not Status.FOUND and self.status not in _VOID


NXDOMAIN = Answer(status=Status.NXDOMAIN)
NODATA = Answer(status=Status.NODATA)
TIMEOUT = Answer(status=Status.TIMEOUT)
SERVFAIL = Answer(status=Status.SERVFAIL)

Asking: TypeAlias = Generator[Question, Answer, T]


class Resolver(Protocol):
    """Whatever answers questions at once; the library face needs nothing else."""

    def query(self, question: Question) -> Answer:
        """The answer; never raises for a DNS condition."""
        ...


def run(check: Asking[T], resolver: Resolver) -> T:
    """Drive a check to its result, asking `resolver` each question in turn."""
    try:
        question = next(check)
        while True:
            question = check.send(resolver.query(question))
    except StopIteration as stop:
        result: T = stop.value
        return result


class StaticResolver:
    """Answers from a table, NXDOMAIN for the rest; for examples, diagnosis of a draft record, and tests."""

    def __init__(self, answers: Mapping[Question, Answer]) -> None:
        self._answers = answers
        self.asked: list[Question] = []

    @classmethod
    def of_txt(cls, records: Mapping[str, str | bytes]) -> "StaticResolver":
        """A resolver that knows one TXT record for each of these names."""
        return cls(
            {
                TxtQuestion(name): Answer((text.encode() if isinstance(text, str) else text,))
                for name, text in records.items()
            }
        )

    def query(self, question: Question) -> Answer:
        """The answer in the table; what was asked is kept in `asked`."""
        self.asked.append(question)
        return self._answers.get(question, NXDOMAIN)
