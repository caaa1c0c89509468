"""Arguments of a method as a typed value. Source: RFC 8620 §3.5, §3.9. Not here: the arguments of each kind (`get`, `changes`, ...)."""

from typing import TypeVar

import msgspec

from postier.jmap.core.errors import MethodError, MethodErrorType

A = TypeVar("A", bound=msgspec.Struct)


def read_arguments(arguments: dict[str, object], kind: type[A]) -> A:
    """The arguments as a `kind`, a Struct that forbids fields it does not have. Raises MethodError."""
    try:
        return msgspec.convert(arguments, kind)
    except msgspec.ValidationError as error:
        raise MethodError(MethodErrorType.INVALID_ARGUMENTS, f"{error}.") from None
