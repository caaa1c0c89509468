"""The THREAD response.

Not here: how threads are found (`thread_tree`). Source: RFC 5256 §4 (BASE.7.2.THREAD), §5 (thread-data). Invariant: no recursion,
however deep a thread is.
"""

from collections.abc import Sequence

from postier.imap.thread_tree import Forest

_CLOSE = -1


def thread_answer(found: Forest, numbers: Sequence[int]) -> bytes:
    """The line for messages whose numbers are `numbers`, by their place."""
    if not found.roots:
        return b"* THREAD\r\n"
    children, count = found.children, len(numbers)
    texts = [str(number) for number in numbers]
    words = ["* THREAD "]
    waiting = found.roots[::-1]
    while waiting:
        node = waiting.pop()
        if node == _CLOSE:
            words.append(")")
            continue
        members = []
        below: Sequence[int] = (node,)
        while len(below) == 1:
            node = below[0]
            if node < count:
                members.append(texts[node])
            below = children.get(node, ())
        words.append("(" + " ".join(members))
        if below:
            if members:
                words.append(" ")
            waiting.append(_CLOSE)
            waiting += reversed(below)
        else:
            words.append(")")
    words.append("\r\n")
    return "".join(words).encode("ascii")
