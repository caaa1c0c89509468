"""The calls of a request, one after the other.

Not here: what a method does; who runs this sends the outcome of each `Call` in. Source: RFC 8620 §3.3, §3.4, §3.6.2, §3.7, §4.
Invariants: calls are yielded in the order given, each after the outcome of the one before; a call whose outcome is an error, or whose
references fail, has the error at its place, and the next is processed; a method whose capability is not in "using" is unknown.
"""

from collections.abc import Generator, Mapping, Sequence

import msgspec

from postier.jmap.core.creations import CreatedIds
from postier.jmap.core.errors import MethodError, MethodErrorType
from postier.jmap.core.references import Responses
from postier.jmap.core.request import Request

CORE = "urn:ietf:params:jmap:core"
ECHO = "Core/echo"
ERROR = "error"


class Call(msgspec.Struct, frozen=True):
    """A method to run: its arguments have no references left; what it creates goes into `created_ids`."""

    name: str
    arguments: dict[str, object]
    created_ids: CreatedIds


# A method's responses, by name: its own, and those of calls that it implies (RFC 8620 §3.2)
Outcome = Sequence[tuple[str, object]] | MethodError


class _Response(msgspec.Struct, frozen=True, rename="camel"):
    method_responses: list[tuple[str, msgspec.Raw, str]]
    session_state: str
    created_ids: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


def process(
    request: Request, methods: Mapping[str, str], session_state: str
) -> Generator[Call, Outcome, bytes]:
    """Yield the calls, be sent their outcomes, return the body of the response; `methods` has the capability of each name."""
    responses = Responses()
    given = request.created_ids
    created = CreatedIds(None if isinstance(given, msgspec.UnsetType) else given)
    capabilities = {**methods, ECHO: CORE}
    for invocation in request.method_calls:
        name, call_id = invocation.name, invocation.call_id
        try:
            # RFC 8620 §2: a client opts in. RFC 8620 eid6606 wants CORE in each request; it is not asked for
            if capabilities.get(name) not in request.using:
                raise MethodError(MethodErrorType.UNKNOWN_METHOD)
            arguments = responses.resolve(invocation.arguments)
            outcome = [(ECHO, arguments)] if name == ECHO else (yield Call(name, arguments, created))
            if isinstance(outcome, MethodError):
                raise outcome
        except MethodError as error:
            responses.add(ERROR, error.arguments(), call_id)
            continue
        for response_name, response in outcome:
            responses.add(response_name, response, call_id)
    ids = msgspec.UNSET if isinstance(given, msgspec.UnsetType) else created.ids
    return msgspec.json.encode(_Response(responses.sent, session_state, ids))
