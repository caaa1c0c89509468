"""The most messages that one command works on, where the configuration sets a limit (`imap.message_limit`).

Source: RFC 9738. FETCH, STORE, SEARCH, MOVE and UID EXPUNGE work on the newest messages and tell down to which UID; COPY, APPEND,
THREAD and ESEARCH of several mailboxes do all or nothing. Without a limit: SELECT with QRESYNC, EXPUNGE, CLOSE, STATUS (§3.1),
what clients are told unasked (NOTIFY, contexts), and SORT, whose keys are stored for every message (§3.3). Invariant: a
client that goes on below each UID that it is told, until it is told none, has each message once.
"""

import msgspec
import structlog

from postier.imap.message_limit import lowest_searched, newest
from postier.imap.refusals import PeerError, no
from postier.imap.responses import EXPUNGEISSUED, Status, message_limit, status_line
from postier.imap.search import Criterion, Uids
from postier.imap.search_algebra import conjunction
from postier.imap.sets import MAX_NUMBER
from postier.imap.view import Chosen
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.selected import Selected

LOG = structlog.get_logger()


def within(connection: Connection, chosen: Chosen) -> tuple[Chosen, int]:
    """The messages that the command works on, and the lowest UID of them if there are more, else 0."""
    kept = newest(chosen, connection.owner.settings.message_limit)
    return kept, 0 if kept is chosen else kept.uids[0]


def require_within(connection: Connection, chosen: Chosen, what: str, *, is_set: bool = True) -> None:
    """All or nothing. Raises PeerError, which tells how far down a set may reach; of a part of a set that would tell nothing."""
    kept, lowest = within(connection, chosen)
    if lowest:
        text = f"At most {len(kept.uids)} messages in one {what}"
        raise _refusal(connection, text, lowest if is_set else None)


async def searched(
    connection: Connection, criterion: Criterion, selected: Selected | None = None
) -> tuple[Criterion, int]:
    """The criteria of a search, narrowed to what it looks at, and the lowest UID of that if there is more, else 0. Raises StoreError."""
    limit = connection.owner.settings.message_limit
    selected = selected or connection.opened()
    if not limit or selected.view.exists <= limit:
        return criterion, 0
    view = await selected.load(connection.store)
    lowest = lowest_searched(criterion, view.uid_ranges, view.uids, limit)
    if not lowest:
        return criterion, 0
    return conjunction([Uids(((lowest, MAX_NUMBER),)), criterion]), lowest


async def require_searched_within(connection: Connection, criterion: Criterion) -> None:
    """A search whose result would mean nothing if it were not whole. Raises PeerError, StoreError."""
    _, lowest = await searched(connection, criterion)
    if lowest:
        raise _refusal(connection, "Too many messages are searched", None)


def require_total_within(connection: Connection, count: int) -> None:
    """A search of several mailboxes, in which no UID would tell where it ended. Raises PeerError."""
    limit = connection.owner.settings.message_limit
    if limit and count > limit:
        raise _refusal(connection, "Too many messages are searched", None)


def ended(connection: Connection, done: Done, lowest: int) -> Done:
    """How a command ended that worked on the messages down to the UID `lowest`; 0: on all.

    A code that must be in the tagged answer keeps its place there (§3.1: EXPUNGEISSUED; RFC 7162 §3.1.3, §3.2.7: MODIFIED and
    HIGHESTMODSEQ); the limit is then told before it.
    """
    if not lowest:
        return done
    limit = connection.owner.settings.message_limit
    LOG.info("imap-message-limit", account=str(connection.address), did=done.text)
    text, code = f"Only the last {limit} messages; repeat it for the others", message_limit(limit, lowest)
    if (
        done.code is None
        and done.status is Status.OK
        and not (done.tells_modseq and connection.session.knows_modseq)
    ):
        return msgspec.structs.replace(done, text=text, code=code)
    connection.send(status_line(Status.NO, text, code=code))
    return msgspec.structs.replace(done, status=Status.OK) if done.code is EXPUNGEISSUED else done


def _refusal(connection: Connection, text: str, lowest: int | None) -> PeerError:
    LOG.info("imap-message-limit", account=str(connection.address), did=text)
    return no(text, message_limit(connection.owner.settings.message_limit, lowest))
