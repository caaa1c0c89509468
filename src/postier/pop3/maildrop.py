"""The maildrop that a session has open: message numbers, sizes, what is marked as deleted.

Not here: where messages lie, the lock (`mailbox.maildrop`). Source: RFC 1939 §5, §7 (UIDL). Invariants: numbers are given once
and stay; a message marked as deleted is in no answer until RSET; totals are kept, never summed up again. Messages are given
(`give`) when the first command needs them, so that a client that looks with STAT only costs nothing.
"""

from array import array
from collections.abc import Iterator, Sequence
from itertools import compress

PORTION_MESSAGES = 5_000  # lines of a listing made at a time: some milliseconds


class Maildrop:
    """Messages by their numbers, from 1 on."""

    __slots__ = (
        "_is_present",
        "_is_retrieved",
        "_prefix",
        "_sizes",
        "_uids",
        "count",
        "is_given",
        "size_octets",
    )

    def __init__(self, uidvalidity: int, count: int, size_octets: int) -> None:
        self._prefix = b"%d." % uidvalidity
        self._uids: Sequence[int] = array("I")
        self._sizes: Sequence[int] = array("I")
        self._is_present = self._is_retrieved = bytearray()
        self.count = count  # without those marked as deleted
        self.size_octets = size_octets
        self.is_given = count == 0

    def give(self, uids: Sequence[int], sizes: Sequence[int]) -> None:
        """The messages, ascending."""
        self._uids, self._sizes = uids, sizes
        self._is_present = bytearray(b"\1") * len(uids)
        self._is_retrieved = bytearray(len(uids))
        self.count, self.size_octets = len(uids), sum(sizes)
        self.is_given = True

    def has(self, number: int) -> bool:
        """Whether there is such a message that is not marked as deleted."""
        return 0 < number <= len(self._uids) and bool(self._is_present[number - 1])

    def uid(self, number: int) -> int:
        """The UID of a message."""
        return self._uids[number - 1]

    def size_line(self, number: int) -> str:
        """Its scan listing."""
        return f"{number} {self._sizes[number - 1]}"

    def unique_id_line(self, number: int) -> str:
        """Its unique-id listing: the mailbox's UIDVALIDITY and the UID, which never come back (RFC 1939 eid529)."""
        return f"{number} {self._prefix.decode()}{self._uids[number - 1]}"

    def size_lines(self) -> Iterator[bytes]:
        """All scan listings, in portions."""
        return self._lines(b"%d %d\r\n", self._sizes)

    def unique_id_lines(self) -> Iterator[bytes]:
        """All unique-id listings, in portions."""
        return self._lines(b"%%d %s%%d\r\n" % self._prefix, self._uids)

    def delete(self, number: int) -> None:
        """Mark a message (`has` it)."""
        self._is_present[number - 1] = 0
        self.count -= 1
        self.size_octets -= self._sizes[number - 1]

    def retrieved(self, number: int) -> None:
        """A message was sent as a whole."""
        self._is_retrieved[number - 1] = 1

    def reset(self) -> None:
        """Take all marks back."""
        if self.is_given:
            self._is_present = bytearray(b"\1") * len(self._uids)
            self.count, self.size_octets = len(self._uids), sum(self._sizes)

    @property
    def deleted_uids(self) -> tuple[int, ...]:
        """The UIDs marked as deleted, ascending."""
        return (*compress(self._uids, self._is_present.translate(_INVERTED)),)

    @property
    def retrieved_uids(self) -> tuple[int, ...]:
        """The UIDs of messages that were sent and stay, ascending."""
        stays = compress(zip(self._uids, self._is_retrieved, strict=True), self._is_present)
        return tuple(uid for uid, is_retrieved in stays if is_retrieved) if any(self._is_retrieved) else ()

    def _lines(self, pattern: bytes, values: Sequence[int]) -> Iterator[bytes]:
        for start in range(0, len(values), PORTION_MESSAGES):
            stop = start + PORTION_MESSAGES
            part = values[start:stop]
            numbered = zip(range(start + 1, start + len(part) + 1), part, strict=True)
            yield b"".join(map(pattern.__mod__, compress(numbered, self._is_present[start:stop])))


_INVERTED = bytes.maketrans(b"\0\1", b"\1\0")
