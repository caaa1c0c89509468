"""What a script wants done with a message: values, carried out by whoever ran it.

Not here: doing it. Source: RFC 5228 §4 and the extensions named at each action. `line` is the line of the command; where
there is a `content`, it is the message as the script changed it (`editheader`, `replace`, `enclose`), None when it did
not. Invariants: frozen; all text is Unicode, but for the `reason` of a `Vacation` that is MIME, where octets that are no UTF-8
stand as surrogates; addresses are checked addr-specs; flags are without doubles, in the order they came.
"""

import msgspec


class Keep(msgspec.Struct, frozen=True, tag=True):
    """File into the default mailbox."""

    line: int = 0
    flags: tuple[str, ...] = ()
    content: bytes | None = None
    is_implicit: bool = False


class FileInto(msgspec.Struct, frozen=True, tag=True):
    """File into a mailbox: that of the MAILBOXID or the special use if there is one, else the named one.

    `creates`: make the mailbox if it is missing (RFC 5490 §3.2).
    """

    mailbox: str
    line: int = 0
    flags: tuple[str, ...] = ()
    content: bytes | None = None
    creates: bool = False
    mailbox_id: str | None = None  # RFC 9042 §4
    special_use: str | None = None  # RFC 8579 §4
    is_copy: bool = False  # RFC 3894


class DeliverBy(msgspec.Struct, frozen=True):
    """RFC 2852 §4, as RFC 6009 §7 asks for it; exactly one of the times is set."""

    relative_s: int | None = None
    absolute_s: int | None = None  # seconds since 1970
    mode: str = "return"
    is_traced: bool = False


class Redirect(msgspec.Struct, frozen=True, tag=True):
    """Send on to an address, or to all addresses of a list (RFC 6134 §2.3): `address` is its URI then, `members` who is on it.

    The count of Received fields must grow; an empty reverse-path stays empty (RFC 5228 §4.2).
    """

    address: str
    line: int = 0
    content: bytes | None = None
    is_copy: bool = False
    is_list: bool = False
    notify: str | None = None  # RFC 3461 §4.1, by RFC 6009 §6
    ret: str | None = None
    deliver_by: DeliverBy | None = None
    members: tuple[str, ...] = ()


class Discard(msgspec.Struct, frozen=True, tag=True):
    """Say nothing and keep nothing."""

    line: int = 0


class Reject(msgspec.Struct, frozen=True, tag=True):
    """Refuse with a reason (RFC 5429): `ereject` in the dialogue or by a DSN, `reject` keeping the exact reason."""

    reason: str
    line: int = 0
    is_ereject: bool = False


class Copy(msgspec.Struct, frozen=True):
    """Where a copy of a generated message goes (RFC 8580 §3)."""

    mailbox: str
    flags: tuple[str, ...] = ()
    creates: bool = False
    mailbox_id: str | None = None
    special_use: str | None = None


class Vacation(msgspec.Struct, frozen=True, tag=True):
    """Answer the sender, once per `handle`, `recipient` and period (RFC 5230).

    `handle` is the script's or is made of the arguments before their variables (§4.2). `period_s` 0: each time.
    `sender` is the From field, None for the owner's address. `is_mime`: `reason` is a MIME entity.
    """

    recipient: str
    reason: str
    subject: str
    handle: str
    period_s: int
    line: int = 0
    sender: str | None = None
    is_mime: bool = False
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    fcc: Copy | None = None


class Notify(msgspec.Struct, frozen=True, tag=True):
    """Tell someone by a notification method (RFC 5435). `message` None: the implementation's own words."""

    method: str
    line: int = 0
    message: str | None = None
    importance: int = 2
    sender: str | None = None
    options: tuple[str, ...] = ()
    fcc: Copy | None = None


Action = Keep | FileInto | Redirect | Discard | Reject | Vacation | Notify


class Tracked(msgspec.Struct, frozen=True):
    """A unique id to remember once all went well (RFC 7352 §3); `is_last`: its time begins anew at each sight."""

    handle: str
    unique_id: str
    period_s: int
    is_last: bool = False


class Step(msgspec.Struct, frozen=True):
    """One line of a trace: a test with its result, or a command (result None)."""

    line: int
    what: str
    result: bool | None = None
    detail: str = ""


class Result(msgspec.Struct, frozen=True):
    """What came of a run.

    `keep` is the implicit keep, None when it is cancelled. After an error there are no actions, and the keep has the
    message as it came; `is_too_costly` says that it was one of cost. `flags` is the internal variable at the end
    (RFC 5232 §3).
    """

    actions: tuple[Action, ...]
    keep: Keep | None
    error: str | None = None
    error_line: int = 0
    flags: tuple[str, ...] = ()
    tracked: tuple[Tracked, ...] = ()
    trace: tuple[Step, ...] = ()
    is_too_costly: bool = False
