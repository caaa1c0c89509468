"""Keywords: the names an account has given to the bits 5 to 61 of its flags.

Source: RFC 9051 §2.3.2 (keywords compare without case). Invariants: a bit keeps its name for ever, so arrays of flags
that sessions hold stay right; at most MAX_KEYWORDS names (SECURITY row 22: no table grows with what clients invent).
"""

from collections.abc import Iterable

from postier.imap.flags import FIRST_KEYWORD_BIT, MAX_KEYWORDS
from postier.mailbox import ledger
from postier.mailbox.refusals import LimitError
from postier.store.transaction import ReadTx, WriteTx


def keywords_of(tx: ReadTx, account_id: int) -> tuple[str, ...]:
    """The account's keywords by bit: the one at place n is bit 5 + n."""
    return tuple(
        row[0] for row in tx.rows("SELECT name FROM keyword WHERE account_id = ? ORDER BY bit", account_id)
    )


def keyword_bits(tx: WriteTx, account_id: int, names: Iterable[str], *, create: bool = True) -> int:
    """The mask of the named keywords; unknown ones get a bit, or are left out if not `create`.

    Raises LimitError, which names the limit.
    """
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(name.upper(), name)
    if not wanted:
        return 0
    mask, unknown = _known(tx, account_id, wanted)
    if not unknown or not create:
        return mask
    ledger.lock(tx, account_id)
    mask, unknown = _known(tx, account_id, wanted)  # another transaction may have made them
    place = tx.value("SELECT count(*) FROM keyword WHERE account_id = ?", account_id)
    if place + len(unknown) > MAX_KEYWORDS:
        raise LimitError(f"an account has at most {MAX_KEYWORDS} keywords")
    for name in unknown:
        bit = FIRST_KEYWORD_BIT + place
        tx.run("INSERT INTO keyword (account_id, bit, name) VALUES (?, ?, ?)", account_id, bit, name)
        mask |= 1 << bit
        place += 1
    return mask


def _known(tx: ReadTx, account_id: int, wanted: dict[str, str]) -> tuple[int, list[str]]:
    places = {name.upper(): place for place, name in enumerate(keywords_of(tx, account_id))}
    mask = 0
    for folded in wanted:
        if folded in places:
            mask |= 1 << (FIRST_KEYWORD_BIT + places[folded])
    return mask, [name for folded, name in wanted.items() if folded not in places]
