"""THREAD and UID THREAD.

Not here: what matches (`search`), the threads (`imap.thread_tree`), the response (`imap.thread_results`). Source: RFC 5256 §3.
"""

from postier.imap.commands.thread import Thread
from postier.imap.thread_results import thread_answer
from postier.mailbox.thread_rows import threads_of
from postier.servers.imap import filters, message_limit
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.search import found, up_to_date
from postier.servers.imap.sort_keys import read_keyed


async def thread(connection: Connection, command: Thread) -> Done:
    """Answer with the threads of the messages that match."""
    selected = connection.opened()
    criterion = await filters.look_up(connection, command.criterion)
    if connection.owner.settings.message_limit:  # RFC 9738 §3.3
        await up_to_date(connection, criterion)
        await message_limit.require_searched_within(connection, criterion)
    uids = await found(connection, criterion, is_uid=command.is_uid)
    account_id, mailbox_id = selected.account_id, selected.mailbox_id
    there, threads = await read_keyed(
        connection, len(uids), lambda tx: threads_of(tx, account_id, mailbox_id, uids, command.algorithm)
    )
    numbers = there if command.is_uid else selected.view.seqs_of(there)
    connection.send(thread_answer(threads, numbers))
    return Done("THREAD completed")
