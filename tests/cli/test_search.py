"""`postier search`: the index is shown and built anew, whether a server runs or not."""

import asyncio
import json

from postier.app.configuration import load
from postier.app.stores import open_store
from postier.mailbox.filing import Delivery, deliver
from postier.mailbox.words.block import RUN
from postier.mime.index import index_message
from postier.store.blobs import draft
from tests.mailbox.letters import NOON_US, raw_letter


async def _fill(path, count):
    store = await open_store(load(path, {}))
    account_id = await store.read(
        lambda tx: tx.value("SELECT account_id FROM account WHERE address LIKE 'carole%'")
    )
    for number in range(count):
        raw = raw_letter(number)
        one = draft(raw)
        await store.write_with_blobs(
            [one], deliver, [Delivery(account_id)], index_message(raw), one.blob_id, len(raw), NOON_US
        )
    await store.close()


def test_status_and_rebuild(postier, tmp_path):
    config = tmp_path / "postier.toml"
    config.write_text('hostname = "mx.beta.test"\n')
    postier("domain", "add", "beta.test")
    postier("account", "add", "carole@beta.test")
    postier("account", "add", "bob@beta.test")
    asyncio.run(_fill(config, RUN + 3))
    account = ("--account", "carole@beta.test")
    (row,) = json.loads(postier("search", "status", *account, "--json")[1])
    assert (row["indexed"], row["waiting"], row["ratio"]) == (0, RUN + 3, None)
    for _ in range(2):
        code, out, _ = postier("search", "rebuild")
        assert (code, out.partition(";")[0]) == (0, f"indexed {RUN - 1} messages")
    rows = json.loads(postier("search", "status", "--json")[1])
    assert [(one["address"], one["indexed"], one["waiting"]) for one in rows] == [
        ("bob@beta.test", 0, 0),
        ("carole@beta.test", RUN - 1, 4),
    ]
    assert "carole@beta.test" in postier("search", "status")[1]
    assert postier("search", "rebuild", *account)[0] == 0
    assert postier("search", "rebuild", "--account", "none@beta.test")[0] == 1
