"""`postier contacts`: the address books of accounts, which scripts ask by `:list`.

Not here: vCards (`vcard`), the rows (`accounts.contacts`). Invariants: a broken card costs no other one and is told; what was imported can
be exported; importing a file once more changes nothing but the times.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from postier.cli.arguments import AddressType, confirm, yes_option
from postier.cli.invocation import Invocation, Noun, pass_invocation
from postier.cli.on_store import on_store
from postier.cli.output import Column, json_option, printable, progress, show_json, show_table
from postier.cli.sieve_files import octets_of
from postier.mime.address import Address

if TYPE_CHECKING:
    from postier.accounts.contacts import Contact
    from postier.store.transaction import ReadTx, Store, WriteTx
    from postier.vcard.card import Card, Problem

F = TypeVar("F", bound=Callable[..., Any])

MAX_IMPORT_OCTETS = 256 << 20  # of a file of cards
BATCH = 200  # cards stored together
_LIST = (Column("name", "name"), Column("shown", "addresses"), Column("book", "book"), Column("uid", "uid"))

_account_argument = click.argument("account", type=AddressType(), metavar="ACCOUNT")
_file_type = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)


def _book_option(words: str, default: str | None = "") -> Callable[[F], F]:
    return click.option("--book", default=default, metavar="NAME", help=words)


@click.group(cls=Noun)
def command() -> None:
    """List, add, remove, import and export the contacts of accounts."""


@command.command(name="list")
@_account_argument
@_book_option("Only those of this book.", None)
@json_option
@pass_invocation
def list_(invocation: Invocation, account: Address, book: str | None, *, as_json: bool) -> None:
    """List the contacts of ACCOUNT."""
    rows: list[dict[str, object]] = []
    for each in on_store(invocation, lambda store: store.read_bulk(_listed, account, book)):
        rows.append({"name": each.name, "addresses": each.addresses, "book": each.book, "uid": each.uid})
        if not as_json:
            rows[-1]["shown"] = ", ".join(each.addresses)
    show_table(rows, _LIST, as_json=as_json)


@command.command()
@_account_argument
@click.argument("addresses", type=AddressType(), nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--name", default="", metavar="NAME", help="Who it is.")
@_book_option("A named book, which is made if it is new.")
@json_option
@pass_invocation
def add(
    invocation: Invocation,
    account: Address,
    addresses: tuple[Address, ...],
    name: str,
    book: str,
    *,
    as_json: bool,
) -> None:
    """Add a contact to the address book of ACCOUNT."""
    from postier.vcard.card import new_card

    emails = tuple(map(str, addresses))
    card = new_card(_made_uid(name, *emails), name or emails[0], emails)
    contact = _contact(card, book)
    on_store(invocation, lambda store: store.write(_put, account, [contact]))
    if as_json:
        show_json({"uid": contact.uid, "name": contact.name, "addresses": contact.addresses, "book": book})
    else:
        click.echo(printable(f"added {contact.name}"))


@command.command()
@_account_argument
@click.argument("who", required=False)
@_book_option("Of a named book.")
@click.option("--all", "is_all", is_flag=True, help="All contacts of the book, and a named book itself.")
@yes_option
@json_option
@pass_invocation
def remove(
    invocation: Invocation,
    account: Address,
    who: str | None,
    book: str,
    *,
    is_all: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove WHO, an address or a UID, from the address book of ACCOUNT."""
    if (who is None) != is_all:
        raise click.UsageError("say WHO, or --all")
    if is_all:
        confirm(f"Remove all contacts of {account}{f' in {printable(book)}' if book else ''}?", is_sure=yes)
    removed = on_store(invocation, lambda store: store.write_bulk(_remove, account, book, who))
    if not removed and who is not None:
        raise click.ClickException(f"there is no contact {printable(who)}")
    if as_json:
        show_json({"removed": removed})
    else:
        click.echo(f"removed {removed}")


@command.command(name="import")
@_account_argument
@click.argument("file", type=_file_type)
@_book_option("Into a named book, which is made if it is new.")
@json_option
@pass_invocation
@click.pass_context
def import_(
    ctx: click.Context, invocation: Invocation, account: Address, file: Path, book: str, *, as_json: bool
) -> None:
    """Import the cards of FILE (vCard 3.0 or 4.0) into the address book of ACCOUNT.

    A card whose UID is there is replaced; one without a UID gets one that is made of what it holds. Exit 1 if a card can't be read.
    """
    from postier.vcard.card import Card, read_cards

    octets = octets_of(file)
    if len(octets) > MAX_IMPORT_OCTETS:
        raise click.ClickException(f"a file of cards has at most {MAX_IMPORT_OCTETS} octets")
    cards: list[Card] = []
    problems: list[Problem] = []
    for each in read_cards(octets):
        if isinstance(each, Card):
            cards.append(each)
        else:
            problems.append(each)
    new = on_store(
        invocation, lambda store: _import(store, account, [_contact(each, book) for each in cards])
    )
    if as_json:
        show_json({"imported": len(cards), "new": new, "problems": problems})
    else:
        for problem in problems:
            click.echo(printable(f"{file}:{problem.line}: {problem.why}"), err=True)
        click.echo(f"imported {len(cards)} contacts, {new} of them new" + _not_read(problems))
    ctx.exit(1 if problems else 0)


@command.command()
@_account_argument
@_book_option("Only those of this book.", None)
@click.option(
    "--version",
    type=click.Choice(["3.0", "4.0"]),
    help="Write vCards of this version [default: as they came].",
)
@json_option
@pass_invocation
def export(
    invocation: Invocation, account: Address, book: str | None, version: str | None, *, as_json: bool
) -> None:
    """Write the contacts of ACCOUNT to standard output as vCards; with --json as a list of them."""
    from postier.vcard.card import Card, card_octets, read_cards
    from postier.vcard.versions import in_version

    written: list[bytes] = []
    for contact in on_store(invocation, lambda store: store.read_bulk(_listed, account, book)):
        written += [
            card_octets(card if version is None else in_version(card, version))
            for card in read_cards(contact.card)
            if isinstance(card, Card)
        ]
    if as_json:
        show_json([each.decode() for each in written])
    else:
        click.echo(b"".join(written), nl=False)


def _not_read(problems: "Sequence[Problem]") -> str:
    return f"; {len(problems)} could not be read" if problems else ""


def _made_uid(*texts: str) -> str:
    """A UID for what has none: the same for the same."""
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()
    return f"urn:sha256:{digest}"


def _contact(card: "Card", book: str) -> "Contact":
    """A card as it is stored; addresses that are none are only in the card."""
    from postier.accounts.contacts import Contact, member_address
    from postier.vcard.card import card_octets, with_uid

    if not card.uid:
        card = with_uid(card, _made_uid(*card.lines))
    addresses = [member_address(each) for each in card.emails]
    found = tuple(dict.fromkeys(each for each in addresses if each is not None))
    return Contact(card.uid, card.name, found, card_octets(card), book)


async def _import(store: "Store", account: Address, contacts: "list[Contact]") -> int:
    new = 0
    with progress(str(account), len(contacts)) as step:
        for start in range(0, len(contacts), BATCH):
            part = contacts[start : start + BATCH]
            new += await store.write_bulk(_put, account, part)
            step(len(part))
    return new


def _listed(tx: "ReadTx", account: Address, book: str | None) -> "list[Contact]":
    from postier.accounts.accounts import account_info
    from postier.accounts.contacts import list_contacts

    return list_contacts(tx, account_info(tx, account).account_id, book)


def _put(tx: "WriteTx", account: Address, contacts: "Sequence[Contact]") -> int:
    from postier.accounts.accounts import account_info
    from postier.accounts.contacts import put_contacts

    return put_contacts(tx, account_info(tx, account).account_id, contacts)


def _remove(tx: "WriteTx", account: Address, book: str, who: str | None) -> int:
    from postier.accounts.accounts import account_info
    from postier.accounts.contacts import remove_book, remove_contact

    account_id = account_info(tx, account).account_id
    return remove_book(tx, account_id, book) if who is None else remove_contact(tx, account_id, book, who)
