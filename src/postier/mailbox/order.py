"""Messages put in order.

Not here: the keys (`sort_keys`), what SORT matches (`search`). Source: RFC 5256 §3. Invariants: messages alike in all
criteria are in the order of the mailbox; both engines compare octets.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter

import msgspec

from postier.imap.sets import ranges_of
from postier.imap.sorting import SortField, SortKey
from postier.mailbox.tally import RANGES_IN_STATEMENT
from postier.store.transaction import ReadTx
from postier.store.uid_ranges import UidRange, entries_in

_NUMBERS = msgspec.json.Decoder(list[int])

# Whole seconds, as the client sees them: what it takes for alike is in the order of the mailbox.
SENT = "coalesce(k.sent_at, e.received_at / 1000000 * 1000000)"  # RFC 5256 §2.2
KEYS = "JOIN sort_key k ON k.account_id = e.account_id AND k.email_id = e.email_id"

_COLUMNS = {
    SortField.ARRIVAL: "e.received_at / 1000000",
    SortField.CC: "k.cc_mailbox",
    SortField.DATE: SENT,
    SortField.DISPLAYFROM: "k.from_name",
    SortField.DISPLAYTO: "k.to_name",
    SortField.FROM: "k.from_mailbox",
    SortField.SIZE: "e.size_bytes",
    SortField.SUBJECT: "k.subject",
    SortField.TO: "k.to_mailbox",
}


def in_order(
    tx: ReadTx, account_id: int, mailbox_id: int, uids: Sequence[int], keys: Sequence[SortKey]
) -> list[int]:
    """Those of the ascending `uids` that are still there, by the (effective) criteria."""
    ranges, is_exact = spans(uids)
    cte, source, condition, params = entries_in(ranges)
    terms = [f"{_COLUMNS[key.field]}{' DESC' if key.is_reverse else ''}" for key in keys]
    join = f" {KEYS}" if any("k." in term for term in terms) else ""
    text = tx.value(  # measured: one text costs a third of what a row for each costs
        f"{cte} SELECT string_agg(CAST(uid AS TEXT), ',') FROM (SELECT e.uid FROM {source}{join}"
        f" WHERE e.account_id = ? AND e.mailbox_id = ? AND {condition} ORDER BY {', '.join(terms)}, e.uid) AS ordered",
        account_id,
        mailbox_id,
        *params,
    )
    found = _NUMBERS.decode(f"[{text or ''}]")
    if is_exact:
        return found
    wanted = frozenset(uids)
    return [uid for uid in found if uid in wanted]


def in_scored_order(
    tx: ReadTx,
    account_id: int,
    mailbox_id: int,
    uids: Sequence[int],
    keys: Sequence[SortKey],
    scored: Mapping[int, int],
) -> list[int]:
    """The same where RELEVANCY is among the criteria; `scored` has the score of each message (RFC 6203 §6)."""
    ranges, _ = spans(uids)
    cte, source, condition, params = entries_in(ranges)
    columns = [_COLUMNS.get(key.field, "0") for key in keys]
    rows = tx.rows(
        f"{cte} SELECT e.uid, {', '.join(columns)} FROM {source} {KEYS}"
        f" WHERE e.account_id = ? AND e.mailbox_id = ? AND {condition} ORDER BY e.uid",
        account_id,
        mailbox_id,
        *params,
    )
    rows = [row for row in rows if row[0] in scored]
    for place, key in reversed([*enumerate(keys, 1)]):  # a sort keeps the order of what is alike
        if key.field is SortField.RELEVANCY:
            rows.sort(key=lambda row: scored[row[0]], reverse=not key.is_reverse)
        else:
            rows.sort(key=itemgetter(place), reverse=key.is_reverse)
    return [row[0] for row in rows]


def spans(uids: Sequence[int]) -> tuple[Sequence[UidRange], bool]:
    """Ranges for one statement that hold ascending UIDs, and whether they hold no others."""
    ranges = ranges_of(uids)
    if len(ranges) <= RANGES_IN_STATEMENT:
        return ranges, True
    return [(uids[0], uids[-1])], False
