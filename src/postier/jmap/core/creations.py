"""Creation ids: the names that a client gives to records before the server does.

Not here: result references (`references`), which look alike and are another thing. Source: RFC 8620 §3.3, §5.3. Invariants: one
map for all types of a request; the latest record of a name counts; sorting creations takes time linear in their references.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping

MARK = "#"


class CreatedIds:
    """The map of one request."""

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self.ids: dict[str, str] = dict(given or {})

    def note(self, creation_id: str, record_id: str) -> None:
        """The record has been made."""
        self.ids[creation_id] = record_id

    def resolve(self, reference: str) -> str | None:
        """The id that is meant: of the record made under `#name`, or the id itself; None if nothing was made under the name."""
        return self.ids.get(reference[1:]) if reference.startswith(MARK) else reference


def in_order(creations: Mapping[str, object], references: Collection[str]) -> list[str]:
    """The creation ids so that each comes after those that it refers to by one of the properties `references`.

    Such a property holds an id, a list of ids, or a map whose names are ids. What refers to itself in a circle comes last, in the
    order given; its references will not be found.
    """
    waits_for: dict[str, set[str]] = {}
    awaited_by: dict[str, list[str]] = {}
    for name, record in creations.items():
        needed = {other for other in _named(record, references) if other in creations}
        waits_for[name] = needed
        for other in needed:
            awaited_by.setdefault(other, []).append(name)
    ready = deque(name for name, needed in waits_for.items() if not needed)
    ordered: dict[str, None] = {}
    while ready:
        name = ready.popleft()
        ordered[name] = None
        for other in awaited_by.get(name, ()):
            waits_for[other].discard(name)
            if not waits_for[other]:
                ready.append(other)
    return [*ordered, *(name for name in creations if name not in ordered)]


def _named(record: object, references: Collection[str]) -> Iterable[str]:
    if not isinstance(record, dict):
        return
    for name in references:
        value = record.get(name)
        for reference in value if isinstance(value, list | dict) else [value]:
            if isinstance(reference, str) and reference.startswith(MARK):
                yield reference[1:]
