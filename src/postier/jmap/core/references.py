"""Arguments that are taken from the responses of earlier calls.

Not here: creation ids (`creations`), the path itself (`pointers`). Source: RFC 8620 §3.7. Invariant: what all references of a
request bring together is bounded; without that, a few calls that each take the one before twice would grow without end.
"""

import msgspec

from postier.jmap.core.errors import MethodError, MethodErrorType
from postier.jmap.core.pointers import Budget, PointerError, evaluate

MAX_REFERENCE_STEPS = 1_000_000  # values stepped on by the references of one request
MAX_REFERENCED_OCTETS = 10_000_000  # as JSON, brought by the references of one request
MARK = "#"


class ResultReference(msgspec.Struct, frozen=True, rename="camel"):
    """Where an argument comes from."""

    result_of: str
    name: str
    path: str


class Responses:
    """The responses so far, each kept as the octets that will be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, msgspec.Raw, str]] = []
        self._first: dict[str, int] = {}
        self._read: dict[int, object] = {}
        self._budget = Budget(MAX_REFERENCE_STEPS, MAX_REFERENCED_OCTETS)

    def add(self, name: str, arguments: object, call_id: str) -> None:
        """One response more; `arguments` is anything that msgspec writes as an object."""
        written = msgspec.Raw(msgspec.json.encode(arguments))
        self._first.setdefault(call_id, len(self.sent))
        self.sent.append((name, written, call_id))

    def resolve(self, arguments: dict[str, object]) -> dict[str, object]:
        """The arguments with each reference replaced by its value. Raises MethodError."""
        if not any(name.startswith(MARK) for name in arguments):
            return arguments
        resolved: dict[str, object] = {}
        for name, value in arguments.items():
            plain = name.removeprefix(MARK)
            if plain == name:
                resolved[name] = value
            elif plain in arguments:
                raise MethodError(
                    MethodErrorType.INVALID_ARGUMENTS, "An argument is given and referred to as well."
                )
            else:
                resolved[plain] = self._value(value)
        return resolved

    def _value(self, reference: object) -> object:
        try:
            wanted = msgspec.convert(reference, ResultReference)
            place = self._first.get(wanted.result_of)
            if place is None or self.sent[place][0] != wanted.name:
                raise PointerError("there is no such response")
            value = evaluate(self._arguments(place), wanted.path, self._budget)
            self._budget.spend(octets=len(msgspec.json.encode(value)))
        except (msgspec.ValidationError, PointerError) as error:
            raise MethodError(MethodErrorType.INVALID_RESULT_REFERENCE, f"{error}.") from None
        return value

    def _arguments(self, place: int) -> object:
        found = self._read.get(place)
        if found is None:
            found = self._read[place] = msgspec.json.decode(self.sent[place][1])
        return found
