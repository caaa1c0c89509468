"""Why a whole request is refused, as the problem document of an HTTP answer. Source: RFC 8620 §3.6.1, RFC 7807 §3.1.

Not here: what goes wrong within one method (`errors`).
"""

from enum import Enum

import msgspec

CONTENT_TYPE = "application/problem+json"  # RFC 7807 §6.1


class ProblemType(Enum):
    """The kinds of RFC 8620 §3.6.1."""

    UNKNOWN_CAPABILITY = "urn:ietf:params:jmap:error:unknownCapability"
    NOT_JSON = "urn:ietf:params:jmap:error:notJSON"
    NOT_REQUEST = "urn:ietf:params:jmap:error:notRequest"
    LIMIT = "urn:ietf:params:jmap:error:limit"


class Problem(msgspec.Struct, frozen=True):
    """The document; `limit` names the limit that a request would exceed."""

    type: ProblemType
    detail: str
    status: int = 400
    limit: str | msgspec.UnsetType = msgspec.UNSET


def over_limit(name: str) -> Problem:
    """The request would exceed the limit of that name in the core capability."""
    return Problem(ProblemType.LIMIT, f"The request is over the limit {name}.", limit=name)
