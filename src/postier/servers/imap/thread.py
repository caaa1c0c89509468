"""THREAD and UID THREAD.

Not here: what matches (`search`), the threads (`imap.thread_tree`), the response (`imap.thread_results`). Source: RFC 5256 §3.
"""

from postier.imap.commands.thread import Thread
from postier.imap.thread_results import thread_answer
from postier.mailbox.thread_rows import threads_of
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.matching import INLINE_MESSAGES
from postier.servers.imap.search import found


async def thread(connection: Connection, command: Thread) -> Done:
    """Answer with the threads of the messages that match."""
    selected, store = connection.opened(), connection.store
    uids = await found(connection, command.criterion, is_uid=command.is_uid)
    read = store.read if len(uids) <= INLINE_MESSAGES else store.read_bulk
    there, threads = await read(threads_of, selected.account_id, selected.mailbox_id, uids, command.algorithm)
    numbers = there if command.is_uid else selected.view.seqs_of(there)
    connection.send(thread_answer(threads, numbers))
    return Done("THREAD completed")
