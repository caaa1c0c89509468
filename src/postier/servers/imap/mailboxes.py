"""Mailboxes by name: CREATE, DELETE, RENAME, SUBSCRIBE, LIST, LSUB, STATUS.

Not here: what names are allowed and who may (`mailbox.folders`, `mailbox.rights`). Source: RFC 9051 §6.3.4 to §6.3.11; RFC
3501 §6.3.9 (LSUB); RFC 5258; RFC 5819; RFC 6154; RFC 7889 §3;
RFC 8474 §4.
"""

from collections.abc import Iterator

from postier.imap.acl_responses import my_rights_line
from postier.imap.commands.create import Create
from postier.imap.commands.delete import Delete
from postier.imap.commands.list import List, ListReturn, ListSelect
from postier.imap.commands.rename import Rename
from postier.imap.commands.status import StatusItem, StatusQuery
from postier.imap.commands.subscribe import Subscribe
from postier.imap.list_patterns import pattern_test
from postier.imap.mailbox_names import DELIMITER
from postier.imap.mailbox_responses import delimiter_line, list_line, status_data
from postier.imap.metadata_responses import metadata_line
from postier.imap.object_ids import mailbox_object_id
from postier.imap.refusals import no
from postier.imap.responses import USEATTR, mailbox_id
from postier.imap.rights import Right
from postier.imap.state import Step
from postier.mailbox.annotations import annotations_of
from postier.mailbox.folders import create_mailbox, delete_mailbox, rename_mailbox
from postier.mailbox.folders import subscribe as add_subscription
from postier.mailbox.folders import unsubscribe as remove_subscription
from postier.mailbox.listing import Listed, MailboxStatus, list_mailboxes, mailbox_status
from postier.mailbox.quota import deleted_bytes
from postier.mailbox.reading import open_mailbox
from postier.mailbox.rights import enter
from postier.mailbox.seen import unseen_by
from postier.mailbox.tally import tally
from postier.servers.imap import condstore
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.metadata import chosen
from postier.store.transaction import ReadTx

INLINE_MESSAGES = 5_000  # the deleted ones of more are summed beside the loop


async def create(connection: Connection, command: Create) -> Done:
    """CREATE."""
    if len(command.special_uses) > 1:
        raise no("A mailbox has at most one special use", USEATTR)
    account_id = connection.account_id
    made = await connection.store.write(
        create_mailbox,
        account_id,
        command.mailbox,
        actor_id=account_id,
        special_use=command.special_uses[0] if command.special_uses else None,
    )
    return Done("CREATE completed", mailbox_id(mailbox_object_id(made.account_id, made.mailbox_id)))


async def delete(connection: Connection, command: Delete) -> Done:
    """DELETE; one's own selected mailbox is closed by it."""
    account_id, store = connection.account_id, connection.store
    found = await store.read(
        mailbox_status, account_id, command.mailbox, actor_id=account_id, right=Right.DELETE_MAILBOX
    )
    await store.write_bulk(delete_mailbox, account_id, command.mailbox, actor_id=account_id)
    if connection.selected is not None and _is_selected(connection, found):
        connection.selected = None
        connection.session.step(Step.MAILBOX_CLOSED)
    return Done("DELETE completed")


def _is_selected(connection: Connection, found: MailboxStatus) -> bool:
    selected = connection.selected
    return selected is not None and (selected.account_id, selected.mailbox_id) == (
        found.account_id,
        found.mailbox_id,
    )


async def rename(connection: Connection, command: Rename) -> Done:
    """RENAME."""
    account_id = connection.account_id
    await connection.store.write_bulk(
        rename_mailbox, account_id, command.mailbox, command.new_name, actor_id=account_id
    )
    return Done("RENAME completed")


async def subscribe(connection: Connection, command: Subscribe) -> Done:
    """SUBSCRIBE and UNSUBSCRIBE."""
    change = add_subscription if command.is_subscribed else remove_subscription
    account_id = connection.account_id
    await connection.store.write(change, account_id, command.mailbox, actor_id=account_id)
    return Done("SUBSCRIBE completed" if command.is_subscribed else "UNSUBSCRIBE completed")


async def status(connection: Connection, command: StatusQuery) -> Done:
    """STATUS."""
    account_id, store, utf8 = connection.account_id, connection.store, connection.session.utf8
    if StatusItem.HIGHESTMODSEQ in command.items:
        condstore.client_knows(connection)
    found = await store.read(mailbox_status, account_id, command.mailbox, actor_id=account_id)
    values = await status_values(connection, command.mailbox, command.items, found)
    connection.send(status_data(command.mailbox, values, utf8=utf8))
    return Done("STATUS completed")


async def list_(connection: Connection, command: List) -> Done:
    """LIST and LSUB."""
    verb = "LSUB" if command.is_lsub else "LIST"
    if command.asks_delimiter:
        connection.send(delimiter_line(verb.encode()))
        return Done(f"{verb} completed")
    if StatusItem.HIGHESTMODSEQ in command.status_items:
        condstore.client_knows(connection)
    account_id, store, utf8 = connection.account_id, connection.store, connection.session.utf8
    listed = await store.read(list_mailboxes, account_id, actor_id=account_id)
    for name, attributes, child_info, counters in _answers(command, listed):
        connection.send(list_line(name, attributes, utf8=utf8, child_info=child_info, verb=verb.encode()))
        if command.status_items and counters is not None:  # RFC 5819 §2
            values = await status_values(connection, name, command.status_items, counters)
            connection.send(status_data(name, values, utf8=utf8))
        if ListReturn.MYRIGHTS in command.returns and counters is not None:  # RFC 8440 §3
            place = await store.read(enter, account_id, name, actor_id=account_id)
            connection.send(my_rights_line(name, place.rights, utf8=utf8))
        if command.entries and counters is not None:  # RFC 9590 §3
            found = await store.read(annotations_of, counters.account_id, counters.mailbox_id, account_id)
            connection.send(metadata_line(name, chosen(found, command.entries), utf8=utf8))
    return Done(f"{verb} completed")


def _answers(
    command: List, listed: list[Listed]
) -> Iterator[tuple[str, list[str], tuple[str, ...], MailboxStatus | None]]:
    """What is said of each name that matches."""
    matches = pattern_test(command.reference, command.patterns)
    chosen = [each for each in listed if _is_chosen(command, each)]
    parents = _parents(chosen)
    for each in listed:
        if not matches(each.name):
            continue
        is_chosen = _is_chosen(command, each)
        child_info = command.child_info if each.name in parents else ()
        if is_chosen or child_info:
            yield each.name, attributes_of(each), child_info, each.status
        elif command.is_lsub and each.name in parents and command.patterns[0].endswith("%"):
            # RFC 3501 §6.3.9: a name that is not subscribed, but has subscribed names below it
            yield each.name, ["\\Noselect"], (), None


def _is_chosen(command: List, each: Listed) -> bool:
    select = command.select
    if ListSelect.SUBSCRIBED in select and not each.is_subscribed:
        return False
    if ListSelect.SPECIAL_USE in select and (each.status is None or each.status.special_use is None):
        return False
    # a name that is only subscribed is listed only when subscriptions are asked for (RFC 9051 §6.3.9.1)
    return each.status is not None or each.has_children or ListSelect.SUBSCRIBED in select


def _parents(chosen: list[Listed]) -> set[str]:
    parents: set[str] = set()
    for each in chosen:
        name = each.name
        while (end := name.rfind(DELIMITER)) > 0 and (name := name[:end]) not in parents:
            parents.add(name)
    return parents


def attributes_of(each: Listed) -> list[str]:
    """The attributes of a LIST line."""
    attributes = []
    if each.status is None:
        attributes += ["\\NonExistent", "\\Noselect"]  # the second for clients of RFC 3501
    attributes.append("\\HasChildren" if each.has_children else "\\HasNoChildren")
    if each.is_subscribed:
        attributes.append("\\Subscribed")
    if each.status is not None and each.status.special_use is not None:
        attributes.append(each.status.special_use)
    return attributes


async def status_values(
    connection: Connection, name: str, items: tuple[StatusItem, ...], found: MailboxStatus
) -> dict[bytes, int | bytes]:
    """What a STATUS line says of a mailbox."""
    account_id, store = found.account_id, connection.store
    is_own = account_id == connection.account_id
    recent = await store.read(_recent, account_id, name) if StatusItem.RECENT in items and is_own else 0
    unseen = found.unseen_count
    if StatusItem.UNSEEN in items and not is_own:
        unseen = await store.read(unseen_by, account_id, found.mailbox_id, connection.account_id)
    deleted = 0
    if StatusItem.DELETED_STORAGE in items and found.deleted_count:
        read = store.read if found.message_count <= INLINE_MESSAGES else store.read_bulk
        deleted = await read(deleted_bytes, account_id, found.mailbox_id)
    values: dict[StatusItem, int | bytes] = {
        StatusItem.MESSAGES: found.message_count,
        StatusItem.UIDNEXT: found.uidnext,
        StatusItem.UIDVALIDITY: found.uidvalidity,
        StatusItem.UNSEEN: unseen,
        StatusItem.DELETED: found.deleted_count,
        StatusItem.DELETED_STORAGE: deleted,
        StatusItem.SIZE: found.size_bytes,
        StatusItem.RECENT: recent,
        StatusItem.HIGHESTMODSEQ: found.highest_modseq,
        StatusItem.MAILBOXID: b"(%b)" % mailbox_object_id(account_id, found.mailbox_id),
        StatusItem.APPENDLIMIT: connection.owner.settings.message_bytes,
    }
    return {item.value: values[item] for item in items}


def _recent(tx: ReadTx, account_id: int, name: str) -> int:
    """RFC 3501 §6.3.10: how many messages no session was told of yet."""
    opened = open_mailbox(tx, account_id, name, actor_id=account_id)
    return tally(tx, account_id, opened.mailbox_id, [(opened.recent_uid, opened.uidnext)]).count
