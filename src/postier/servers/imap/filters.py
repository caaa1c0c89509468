"""FILTER keys are looked up.

Not here: what is done with them (`imap.filters`). Source: RFC 5466 §3.1.
"""

from postier.imap.filters import expanded
from postier.imap.refusals import PeerError
from postier.imap.responses import UIDREQUIRED
from postier.imap.search import Criterion, Filter, Messages
from postier.imap.search_algebra import leaves
from postier.mailbox.annotations import server_annotations
from postier.servers.imap.connection import Connection


async def look_up(connection: Connection, criterion: Criterion) -> Criterion:
    """The criteria with what the client has stored in the place of FILTER. Raises PeerError, StoreError."""
    if not any(isinstance(leaf, Filter) for leaf in leaves(criterion)):
        return criterion
    entries = await connection.store.read(server_annotations, connection.account_id)
    found = expanded(criterion, entries)
    if connection.session.uid_only and any(
        isinstance(leaf, Messages) and not leaf.is_uid for leaf in leaves(found)
    ):
        raise PeerError("A filter names message numbers, with UIDONLY enabled", code=UIDREQUIRED)
    return found
