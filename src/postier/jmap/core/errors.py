"""Why one method, or the change of one record, is refused.

Not here: a whole request (`problems`). Source: RFC 8620 §3.6.2, §5.1 to §5.6. Invariant: a method that ends with `MethodError`
has changed nothing, so it is raised through the transaction.
"""

from collections.abc import Iterable
from enum import Enum

import msgspec


class MethodErrorType(Enum):
    """What may stand in place of a method's response."""

    SERVER_UNAVAILABLE = "serverUnavailable"
    SERVER_FAIL = "serverFail"
    UNKNOWN_METHOD = "unknownMethod"
    INVALID_ARGUMENTS = "invalidArguments"
    INVALID_RESULT_REFERENCE = "invalidResultReference"
    FORBIDDEN = "forbidden"
    ACCOUNT_NOT_FOUND = "accountNotFound"
    ACCOUNT_NOT_SUPPORTED = "accountNotSupportedByMethod"
    ACCOUNT_READ_ONLY = "accountReadOnly"
    REQUEST_TOO_LARGE = "requestTooLarge"  # /get, /set
    CANNOT_CALCULATE_CHANGES = "cannotCalculateChanges"  # /changes, /queryChanges
    STATE_MISMATCH = "stateMismatch"  # /set, /copy
    FROM_ACCOUNT_NOT_FOUND = "fromAccountNotFound"  # /copy
    FROM_ACCOUNT_NOT_SUPPORTED = "fromAccountNotSupportedByMethod"  # /copy
    ANCHOR_NOT_FOUND = "anchorNotFound"  # /query
    UNSUPPORTED_SORT = "unsupportedSort"  # /query
    UNSUPPORTED_FILTER = "unsupportedFilter"  # /query
    TOO_MANY_CHANGES = "tooManyChanges"  # /queryChanges


class MethodError(Exception):
    """The method is refused; `description` is for developers, not for users."""

    def __init__(self, type_: MethodErrorType, description: str = "") -> None:
        super().__init__(description or type_.value)
        self.type = type_
        self.description = description

    def arguments(self) -> dict[str, object]:
        """What stands in the response named "error"."""
        found: dict[str, object] = {"type": self.type.value}
        if self.description:
            found["description"] = self.description
        return found


class SetErrorType(Enum):
    """Why a record is not created, changed or destroyed; data types add their own."""

    FORBIDDEN = "forbidden"
    OVER_QUOTA = "overQuota"
    TOO_LARGE = "tooLarge"
    RATE_LIMIT = "rateLimit"
    NOT_FOUND = "notFound"
    INVALID_PATCH = "invalidPatch"
    WILL_DESTROY = "willDestroy"
    INVALID_PROPERTIES = "invalidProperties"
    SINGLETON = "singleton"
    ALREADY_EXISTS = "alreadyExists"


class SetError(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The refusal of one record. `type` is text, for data types have kinds of their own."""

    type: str
    description: str | None = None
    properties: tuple[str, ...] | None = None  # of invalidProperties
    existing_id: str | None = None  # of alreadyExists


def set_error(type_: SetErrorType, description: str | None = None) -> SetError:
    """A refusal of a kind that all types have."""
    return SetError(type_.value, description)


def invalid_properties(names: Iterable[str], description: str | None = None) -> SetError:
    """The named properties, all that are wrong, are invalid."""
    return SetError(SetErrorType.INVALID_PROPERTIES.value, description, tuple(names))
