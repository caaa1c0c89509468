"""What an examination finds. Invariant: whatever is not fine names its cure."""

from enum import Enum

import msgspec


class State(Enum):
    """How a part is."""

    FINE = "fine"
    WARNING = "warning"  # it works, but not well or not for long
    WRONG = "wrong"  # it does not work


class Finding(msgspec.Struct, frozen=True):
    """One sentence about one part, and what to do about it ("" when it is fine)."""

    part: str
    state: State
    says: str
    cure: str = ""
