"""Mod-sequences: a connection learns that its client knows them, and what the client is told of them at the end of a command.

Not here: CHANGEDSINCE (`fetch`), UNCHANGEDSINCE (`store`), QRESYNC (`select`). Source: RFC 7162 §3.1, §3.2. Invariant: a client
that remembers the HIGHESTMODSEQ it was told last, and loses the connection, has missed nothing that came before it.
"""

import msgspec

from postier.imap.responses import Status, highest_modseq, untagged_ok
from postier.imap.state import Feature
from postier.servers.imap.connection import Connection, Done


def client_knows(connection: Connection) -> None:
    """A command shows that the client knows mod-sequences (RFC 7162 §3.1: a CONDSTORE enabling command)."""
    if not connection.session.knows_modseq:
        connection.session.enabled |= Feature.CONDSTORE
        begin(connection)


def begin(connection: Connection) -> None:
    """The first enabling command is answered with HIGHESTMODSEQ."""
    selected = connection.selected
    if selected is not None:
        selected.view.sends_modseq = True
        connection.send(untagged_ok("Highest", highest_modseq(selected.told_modseq)))


def completed(connection: Connection, done: Done, *, must_tell: bool) -> Done:
    """The end of a command in a selected mailbox, with HIGHESTMODSEQ where the client might take a higher one for told."""
    selected = connection.selected
    if selected is None or not connection.session.knows_modseq or not (must_tell or selected.is_withholding):
        return done
    code = highest_modseq(selected.told_modseq)
    if done.code is None and done.status is Status.OK:
        return msgspec.structs.replace(done, code=code)
    connection.send(untagged_ok("Highest", code))
    return done
