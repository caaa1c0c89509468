"""Where in the message a script is: the part of its innermost loop, or what it has for its whole message.

Not here: the loop (`ext.foreverypart`). Source: RFC 5703 §3; RFC 6609 §3.5: a script that is included in a loop is
presented with the part of the loop as though it were the entire message. So its tests look at `Run.seen`, its loops begin
at the part, and `replace` means the part; what is filed, sent or kept is always the message. Invariants: a path is which
child of which child of the root; a path that leads nowhere any more is the whole message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postier.sieve.message import Message, RawMessage

if TYPE_CHECKING:
    from postier.mime.part import Part
    from postier.sieve.running import Path, Run


def part_at(root: Part, path: Path) -> Part | None:
    """The part at a path, or None when there is none any more."""
    part = root
    for index in path:
        if index >= len(part.children):
            return None
        part = part.children[index]
    return part


def path_here(run: Run) -> Path:
    """The path of the part of the innermost loop of this script, else that of its whole message."""
    return run.frame.base if run.part is None else run.part_path


def part_here(run: Run) -> Part:
    """The part at `path_here`."""
    if run.part is not None:
        return run.part
    root = run.message.root()
    return part_at(root, run.frame.base) or root


def look(run: Run) -> None:
    """Set what tests look at, after the script or the message has changed."""
    run.seen = run.message
    base = run.frame.base
    part = part_at(run.message.root(), base) if base else None
    if part is not None:
        octets = run.message.raw()[part.header_start : part.body_end]
        run.charge(len(octets))
        run.seen = Message(RawMessage(octets))
