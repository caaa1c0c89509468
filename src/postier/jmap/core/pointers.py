"""JSON pointers, and the values that they lead to.

Not here: which response is pointed into (`references`), patches (`patches`). Sources: RFC 6901 §3, §4; RFC 8620 §3.7 for "*".
Invariants: no recursion; each value that is stepped on is counted, and `Budget` ends what would be too much.
"""

import re

_IS_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")
_BAD_ESCAPE = re.compile(r"~(?![01])")


class PointerError(ValueError):
    """It is no pointer, or leads nowhere."""


class Budget:
    """What the references of one request may still cost."""

    def __init__(self, steps: int, octets: int) -> None:
        self._steps = steps
        self._octets = octets

    def spend(self, *, steps: int = 0, octets: int = 0) -> None:
        """Raises PointerError when it is used up."""
        self._steps -= steps
        self._octets -= octets
        if self._steps < 0 or self._octets < 0:
            raise PointerError("the references of the request lead to too much")


def read_pointer(text: str) -> list[str]:
    """The tokens of a pointer. Raises PointerError."""
    if not text:
        return []
    if not text.startswith("/"):
        raise PointerError("a pointer begins with a slash")
    if _BAD_ESCAPE.search(text) is not None:  # RFC 6901 §3
        raise PointerError("a tilde is followed by neither 0 nor 1")
    # RFC 6901 §4: ~1 first, so that ~01 is ~1
    return [token.replace("~1", "/").replace("~0", "~") for token in text[1:].split("/")]


def evaluate(value: object, pointer: str, budget: Budget) -> object:
    """The value that is pointed to; with a "*" for an array, the list of those. Raises PointerError."""
    budget.spend(steps=1 + pointer.count("/"))
    current, is_mapped = [value], False
    for token in read_pointer(pointer):
        budget.spend(steps=len(current))
        reached: list[object] = []
        for item in current:
            if token == "*" and isinstance(item, list):  # noqa: S105 (a token of a path)
                budget.spend(steps=len(item))
                reached += item
                is_mapped = True
            else:
                reached.append(_step(item, token))
        current = reached
    if not is_mapped:
        return current[0]
    flat: list[object] = []
    for item in current:  # RFC 8620 §3.7: arrays give their items, one level of them
        if isinstance(item, list):
            budget.spend(steps=len(item))
            flat += item
        else:
            flat.append(item)
    return flat


def _step(value: object, token: str) -> object:
    if isinstance(value, dict):
        if token in value:
            return value[token]
    elif isinstance(value, list) and _IS_INDEX.fullmatch(token) is not None and int(token) < len(value):
        return value[int(token)]
    raise PointerError("a pointer leads nowhere")
