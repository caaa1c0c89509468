"""A request carried through, with methods that are plain functions."""

import json

from postier.jmap.core.errors import MethodError
from postier.jmap.core.limits import CoreLimits
from postier.jmap.core.problems import Problem
from postier.jmap.core.processing import CORE, process
from postier.jmap.core.request import read_request

LIMITS = CoreLimits()
MAIL = "urn:ietf:params:jmap:mail"
CAPABILITIES = {CORE, MAIL}


def ask(octets, methods=(), *, content_type="application/json", limits=LIMITS):
    """A Problem, or the response as a value; `methods` are functions of a Call by name, all of the mail capability."""
    methods = dict(methods)
    request = read_request(octets, content_type, CAPABILITIES, limits)
    if isinstance(request, Problem):
        return request
    steps = process(request, dict.fromkeys(methods, MAIL), "s1")
    try:
        call = next(steps)
        while True:
            try:
                outcome = methods[call.name](call)
            except MethodError as error:
                outcome = error
            call = steps.send(outcome)
    except StopIteration as stop:
        return json.loads(stop.value)


def responses(calls, methods=(), using=(CORE, MAIL), **more):
    """The method responses to these calls."""
    body = json.dumps({"using": list(using), "methodCalls": calls, **more}).encode()
    return ask(body, methods)["methodResponses"]
