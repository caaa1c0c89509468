"""What both sides say of themselves: the greeting, CAPABILITY, ENABLE, ID, NAMESPACE.

Source: RFC 9051 §6.1.1, §6.3.1, §6.3.10, §7.1.1; RFC 2971. Invariant: the greeting names no version.
"""

import structlog

from postier.imap.commands.enable import Enable
from postier.imap.commands.id import Id
from postier.imap.mailbox_responses import (
    NamespacePrefix,
    capability_line,
    enabled_line,
    id_line,
    namespace_line,
)
from postier.imap.responses import capability as capability_code
from postier.imap.responses import untagged_ok
from postier.mailbox.rights import OTHER_USERS, SHARED
from postier.servers.imap import condstore
from postier.servers.imap.connection import Connection, Done

LOG = structlog.get_logger()
_NAME = {"name": "Postier"}


def greeting(connection: Connection) -> bytes:
    """The first line."""
    return untagged_ok(
        f"{connection.owner.settings.hostname} is ready", capability_code(connection.capabilities)
    )


def capability(connection: Connection) -> Done:
    """CAPABILITY."""
    connection.send(capability_line(connection.capabilities))
    return Done("CAPABILITY completed")


def enable(connection: Connection, command: Enable) -> Done:
    """ENABLE."""
    session = connection.session
    knew_modseq = session.knows_modseq
    connection.send(enabled_line(session.enable(command.names)))
    if session.knows_modseq and not knew_modseq:
        condstore.begin(connection)
    if connection.selected is not None:
        connection.selected.view.sends_vanished = session.sends_vanished
        connection.selected.view.uid_only = session.uid_only
        connection.selected.view.sends_recent = session.sends_recent
        if not session.sends_recent:
            connection.selected.view.recent_from = None
    return Done("ENABLE completed")


def identify(connection: Connection, command: Id) -> Done:
    """ID."""
    if command.fields:
        LOG.debug("imap-client", peer=connection.stream.peer_ip, client=command.fields)
    connection.send(id_line(_NAME))
    return Done("ID completed")


def namespace(connection: Connection) -> Done:
    """NAMESPACE: one's own mailboxes, without a prefix; those of other users; those of accounts that are for sharing."""
    connection.send(
        namespace_line(
            [NamespacePrefix("")],
            [NamespacePrefix(OTHER_USERS)],
            [NamespacePrefix(SHARED)],
            utf8=connection.session.utf8,
        )
    )
    return Done("NAMESPACE completed")
