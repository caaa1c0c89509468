r"""Mailboxes of others: SETACL and its kin, and what holds while one is open.

Not here: who may (`mailbox.rights`), a reader's own \Seen (`mailbox.seen`). Source: RFC 4314; RFC 8440. Invariants: rights are
asked before each command in a mailbox of another, so what is taken back ends at once; a mailbox that one may no longer read
is told to be gone.
"""

from postier.imap.acl_responses import acl_line, list_rights_line, my_rights_line
from postier.imap.commands.acl import GetAcl, ListRights, MyRights, RightsChange, SetAcl
from postier.imap.responses import permanent_flags, untagged_ok
from postier.imap.rights import ALL_RIGHTS, Right
from postier.imap.select_responses import storable_flags
from postier.mailbox.flags import permitted_flags
from postier.mailbox.rights import Place, enter, rights_on
from postier.mailbox.sharing import acl_of, grant, granted_to, identifier_in, is_owner
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.selected import MailboxGoneError
from postier.store.transaction import ReadTx, WriteTx

Grants = list[tuple[str, frozenset[Right]]]


async def set_acl(connection: Connection, command: SetAcl) -> Done:
    """SETACL and DELETEACL."""
    await connection.store.write(_set, connection.account_id, command)
    return Done("DELETEACL completed" if command.is_delete else "SETACL completed")


async def get_acl(connection: Connection, command: GetAcl) -> Done:
    """GETACL."""
    grants = await connection.store.read(_grants, connection.account_id, command.mailbox)
    connection.send(acl_line(command.mailbox, grants, utf8=connection.session.utf8))
    return Done("GETACL completed")


async def list_rights(connection: Connection, command: ListRights) -> Done:
    """LISTRIGHTS."""
    required = await connection.store.read(
        _required, connection.account_id, command.mailbox, command.identifier
    )
    connection.send(
        list_rights_line(command.mailbox, command.identifier, required, utf8=connection.session.utf8)
    )
    return Done("LISTRIGHTS completed")


async def my_rights(connection: Connection, command: MyRights) -> Done:
    """MYRIGHTS."""
    account_id = connection.account_id
    place = await connection.store.read(enter, account_id, command.mailbox, actor_id=account_id)
    connection.send(my_rights_line(command.mailbox, place.rights, utf8=connection.session.utf8))
    return Done("MYRIGHTS completed")


async def still_allowed(connection: Connection) -> None:
    """Before a command in a mailbox of another: which rights one has now. Raises MailboxGoneError, StoreError."""
    selected = connection.opened()
    rights = await connection.store.read(
        rights_on, connection.account_id, selected.account_id, selected.mailbox_id
    )
    if Right.READ not in rights:
        raise MailboxGoneError
    if rights != selected.rights:  # RFC 4314 §5.1.1
        selected.rights = rights
        permitted = 0 if connection.session.is_read_only else permitted_flags(rights)
        flags, may_create = storable_flags(selected.view.keywords, permitted)
        connection.send(
            untagged_ok("Flags that can be stored", permanent_flags(flags, may_create_keywords=may_create))
        )


def _administered(tx: ReadTx, account_id: int, name: str) -> Place:
    return enter(tx, account_id, name, actor_id=account_id, right=Right.ADMINISTER)


def _set(tx: WriteTx, account_id: int, command: SetAcl) -> None:
    place = _administered(tx, account_id, command.mailbox)
    identifier = identifier_in(tx, place.account_id, command.identifier)
    rights = command.rights
    match command.change:
        case RightsChange.ADD:
            rights |= granted_to(tx, place, identifier)
        case RightsChange.REMOVE:
            rights = granted_to(tx, place, identifier) - rights
        case RightsChange.REPLACE:
            pass
    grant(tx, place, identifier, rights)


def _grants(tx: ReadTx, account_id: int, name: str) -> Grants:
    return acl_of(tx, _administered(tx, account_id, name))


def _required(tx: ReadTx, account_id: int, name: str, text: str) -> frozenset[Right]:
    place = _administered(tx, account_id, name)
    identifier = identifier_in(tx, place.account_id, text)
    return ALL_RIGHTS if is_owner(tx, place, identifier) else frozenset()
