"""A request to the API as a value.

Not here: HTTP (`web`), what the methods do. Source: RFC 8620 §3.2, §3.3, §3.6.1. Invariant: any octets give a `Request` or a
`Problem`, nothing else.
"""

import re
from collections.abc import Collection
from typing import Annotated

import msgspec

from postier.accounts.tokens.json_object import JsonError
from postier.jmap.core.i_json import read_i_json
from postier.jmap.core.ids import Id
from postier.jmap.core.limits import CoreLimits
from postier.jmap.core.problems import Problem, ProblemType, over_limit

MAX_CAPABILITIES = 100  # named in "using"; each is looked up

# RFC 9110 §8.3.1; parameters, as charset, change nothing (RFC 8259 §11)
_IS_JSON = re.compile(r"application/json[ \t]*(?:;.*)?", re.IGNORECASE)


class Invocation(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One method call."""

    name: str
    arguments: dict[str, object]
    call_id: str


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """What is asked. Properties that are not known are passed over (RFC 8620 §3.3)."""

    using: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_CAPABILITIES)]
    method_calls: tuple[Invocation, ...]
    created_ids: dict[Id, Id] | msgspec.UnsetType = msgspec.UNSET


def read_request(
    octets: bytes, content_type: str, capabilities: Collection[str], limits: CoreLimits
) -> Request | Problem:
    """Read the body of a POST to the API; `capabilities` are those of the session."""
    if len(octets) > limits.max_size_request:
        return over_limit("maxSizeRequest")
    if _IS_JSON.fullmatch(content_type.strip()) is None:
        return Problem(ProblemType.NOT_JSON, "The content type is not application/json.")
    try:
        value = read_i_json(octets, limits.max_size_request)
    except JsonError as error:
        return Problem(ProblemType.NOT_JSON, f"The request cannot be read: {error}.")
    try:
        request = msgspec.convert(value, Request)
    except msgspec.ValidationError as error:
        return Problem(ProblemType.NOT_REQUEST, f"{error}.")
    if len(request.method_calls) > limits.max_calls_in_request:
        return over_limit("maxCallsInRequest")
    for name in request.using:
        if name not in capabilities:
            return Problem(ProblemType.UNKNOWN_CAPABILITY, f"The capability {name[:200]!r} is not known.")
    return request
