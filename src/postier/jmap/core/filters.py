"""Filters of a query: operators over conditions of a type.

Not here: what a condition means. Source: RFC 8620 §5.5. Invariants: no recursion over what the client sent; the number of
operators and conditions is bounded, for each may become a part of one SQL statement.
"""

from enum import Enum
from typing import Generic, TypeVar

import msgspec

from postier.jmap.core.errors import MethodError, MethodErrorType

MAX_FILTER_PARTS = 500  # operators and conditions of one filter

C = TypeVar("C", bound=msgspec.Struct)


class Junction(Enum):
    """How the parts of an operator are joined."""

    AND = "AND"
    OR = "OR"
    NOT = "NOT"  # none of them matches


class Operator(msgspec.Struct, Generic[C], frozen=True):
    """An operator; its parts are operators and conditions."""

    junction: Junction
    parts: "list[Operator[C] | C]"


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: Junction
    conditions: list[dict[str, object]]


def read_filter(value: dict[str, object] | None, kind: type[C]) -> Operator[C] | None:
    """The filter with its conditions as `kind`, a single one within AND; None matches everything. Raises MethodError."""
    if value is None:
        return None
    root: Operator[C] = Operator(Junction.AND, [])
    open_parts: list[tuple[dict[str, object], list[Operator[C] | C]]] = [(value, root.parts)]
    for count in range(MAX_FILTER_PARTS + 1):
        if not open_parts:
            return root
        if count == MAX_FILTER_PARTS:
            break
        part, into = open_parts.pop()
        try:
            if "operator" not in part:
                into.append(msgspec.convert(part, kind))
                continue
            written = msgspec.convert(part, _Written)
        except msgspec.ValidationError as error:
            raise MethodError(MethodErrorType.INVALID_ARGUMENTS, f"Filter: {error}.") from None
        operator: Operator[C] = Operator(written.operator, [])
        into.append(operator)
        if len(written.conditions) > MAX_FILTER_PARTS:
            break
        open_parts += ((inner, operator.parts) for inner in reversed(written.conditions))
    raise MethodError(
        MethodErrorType.UNSUPPORTED_FILTER,
        f"The filter has over {MAX_FILTER_PARTS} operators and conditions.",
    )
