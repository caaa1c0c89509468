"""Row 22: what clients invent as flag names fills no table; the limit is the account's, over all mailboxes."""

import pytest

from postier.imap.flags import MAX_KEYWORDS
from postier.mailbox.keywords import keyword_bits, keywords_of
from postier.mailbox.refusals import LimitError
from postier.store.transaction import Store
from tests.mailbox.letters import add_account


async def test_crafted_flag_names_end_at_the_limit(store: Store) -> None:
    await store.write(add_account)
    with pytest.raises(LimitError):
        await store.write(keyword_bits, 1, [f"collide-{n}" for n in range(10_000)])
    assert await store.read(keywords_of, 1) == ()
    for n in range(MAX_KEYWORDS):
        await store.write(keyword_bits, 1, [f"k{n}"])
    with pytest.raises(LimitError):
        await store.write(keyword_bits, 1, ["last-straw"])
    assert len(await store.read(keywords_of, 1)) == MAX_KEYWORDS
    assert await store.write(keyword_bits, 1, ["K3"]) == 1 << 8
