"""The criteria of SORT.

Not here: reading them (`commands.sort`), putting messages in order (`mailbox.order`). Source: RFC 5256 §3 (SORT), RFC 5957
(DISPLAYFROM, DISPLAYTO); RFC 6203 §6 (RELEVANCY).
"""

import enum
from collections.abc import Iterable

import msgspec


class SortField(enum.Enum):
    """What messages are compared by."""

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    DISPLAYFROM = "DISPLAYFROM"
    DISPLAYTO = "DISPLAYTO"
    FROM = "FROM"
    RELEVANCY = "RELEVANCY"  # RFC 6203 §6: the highest first
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"


class SortKey(msgspec.Struct, frozen=True):
    """One criterion; `is_reverse` turns this one alone."""

    field: SortField
    is_reverse: bool = False


def effective(keys: Iterable[SortKey]) -> tuple[SortKey, ...]:
    """The criteria without those that can decide nothing, for the same field decided before."""
    first: dict[SortField, SortKey] = {}
    for key in keys:
        first.setdefault(key.field, key)
    return tuple(first.values())
