"""What visits of other servers and of our own users have in common: the facts of the peer, the transaction, the spooled letter.

Not here: what is asked of the directory and done with the letter (`receive`, `submit`). Invariants: what was acknowledged is stored for
good; a letter whose id is taken gets another.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

import msgspec
import structlog

from postier.accounts.directory import Directory
from postier.accounts.login import Login
from postier.accounts.resolution import LocalRecipient
from postier.dns.ask import Answering
from postier.mime.address import Address
from postier.mime.headers import HeaderSection
from postier.mta.acceptance import Acceptance, accept
from postier.mta.letter_id import letter_id_text, new_letter_id, under_new_id
from postier.mta.logos.shelf import LogoShelf
from postier.mta.peer import Peer
from postier.mta.queue_rows import Job
from postier.mta.reports.sightings import Sightings
from postier.mta.requests import Asked, merged, without_success
from postier.mta.sieving.delivery import Sieving, Taken
from postier.mta.sieving.origin import Origin
from postier.mta.spool import Spool
from postier.mta.tally import NO_TALLY, Tally
from postier.smtp import reason as why
from postier.smtp.events import TlsFacts
from postier.smtp.parameters import NO_RECIPIENT_PARAMETERS, MailParameters, RecipientParameters
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply
from postier.store.transaction import ConflictError, Store, StoreError, StoreFullError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MBOX_LINES = (b"From ", b">From ")  # the separator line of an mbox file, left by some tools
MAX_MESSAGE_ID = 998  # octets that are kept of it: a line (RFC 5322 §2.1.1)


class Intake(msgspec.Struct, frozen=True):
    """What every visit needs of this server."""

    hostname: str
    store: Store
    directory: Directory
    resolver: Answering
    spool_folder: Path
    now_us: Callable[[], int]
    random_bits: Callable[[int], int]
    dispatch: Callable[[Sequence[Job]], None]  # takes the leased jobs of what was just queued
    lease_owner: str
    exempt_networks: Sequence[Network] = ()
    tally: Tally = NO_TALLY
    trusted_sealers: Collection[str] = ()  # whose word in an ARC chain is believed
    sightings: Sightings | None = None  # set while reports are sent
    logos: LogoShelf | None = None  # set while the logos of senders are looked up
    sieving: Sieving | None = None  # runs the recipients' scripts and confirms deliveries


class Transaction:
    """One letter under way: envelope and spooled content."""

    __slots__ = (
        "asked",
        "forwarder",
        "forwards",
        "leads_elsewhere",
        "locals",
        "named",
        "parameters",
        "reverse_path",
        "spool",
        "storage_failed",
    )

    def __init__(self, reverse_path: Address | None, parameters: MailParameters) -> None:
        self.reverse_path = "" if reverse_path is None else str(reverse_path)
        self.parameters = parameters
        self.named: list[Address] = []  # accepted forward-paths as they were given
        self.locals: dict[int, LocalRecipient] = {}
        self.forwards: dict[Address, RecipientParameters] = {}
        self.asked: list[Asked] = []  # of `named`, those with parameters
        self.forwarder = ""  # the domain of ours that passes the letter on
        self.leads_elsewhere = False  # an accepted forward-path has no mailbox here
        self.spool: Spool | None = None
        self.storage_failed = False

    def name(
        self,
        forward_path: Address,
        parameters: RecipientParameters,
        recipients: Sequence[LocalRecipient],
        targets: Sequence[Address],
    ) -> None:
        """Take a forward-path that leads to these accounts and to these addresses elsewhere."""
        self.named.append(forward_path)
        for recipient in recipients:
            self.locals.setdefault(recipient.account_id, recipient)
        passed = parameters
        if parameters is not NO_RECIPIENT_PARAMETERS:
            account_ids = tuple(recipient.account_id for recipient in recipients)
            asked = Asked(forward_path, parameters, account_ids, len(targets))
            self.asked.append(asked)
            if asked.is_expanded:
                passed = without_success(parameters)
        for target in targets:
            self.pass_on(target, passed)

    def pass_on(self, target: Address, parameters: RecipientParameters) -> None:
        """Take an address elsewhere."""
        known = self.forwards.get(target)
        self.forwards[target] = parameters if known is None else merged(known, parameters)


def message_id_of(header: HeaderSection) -> str:
    """The letter's Message-ID as it is kept with its traces; "" if it has none."""
    value = (header.first(b"message-id") or b"").strip()
    return value[:MAX_MESSAGE_ID].decode("utf-8", "replace").replace("\0", "\ufffd")


class Visitor:
    """What visits of other servers and of our own users have in common."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.peer = Peer()
        self._login: Login | None = None
        self._transaction: Transaction | None = None
        self._log = structlog.get_logger()

    async def connected(self, ip: str, port: int) -> Reason | None:
        """See `servers.smtp.Visit`; from here on the log names the connection."""
        self.peer.ip, self.peer.port = ip, port
        self._log = self._log.bind(connection=letter_id_text(self._connection_id()), peer=ip)
        return None

    def greeted(self, hello: str) -> None:
        """See `servers.smtp.Visit`."""
        self.peer.hello = hello

    def encrypted(self, tls: TlsFacts) -> None:
        """See `servers.smtp.Visit`."""
        self.peer.tls = tls

    def logged_in(self, login: Login) -> None:
        """The peer is this account."""
        self._login = login
        self.peer.account_id, self.peer.login = login.account_id, str(login.address)

    async def body(self) -> Reason | None:
        """Whether there is room for the letter; it is spooled from here on."""
        assert self._transaction is not None
        if not self._intake.store.may_hold(self._transaction.parameters.size_bytes or 1):
            return why.STORAGE_FULL
        self._transaction.spool = Spool(self._intake.spool_folder)
        return None

    def chunk(self, data: bytes) -> None:
        """Spool a piece; a full disk is told at the letter's end."""
        transaction = self._transaction
        assert transaction is not None
        assert transaction.spool is not None
        if transaction.storage_failed:
            return
        try:
            transaction.spool.add(data)
        except OSError as error:
            self._log.error("spool-failed", error=str(error))
            transaction.storage_failed = True
            transaction.spool.discard()

    def reset(self) -> None:
        """The transaction is void."""
        if self._transaction is not None and self._transaction.spool is not None:
            self._transaction.spool.discard()
        self._transaction = None

    def refused(self, reason: Reason, line: bytes) -> None:
        """Note what the session refused by itself."""
        self._log.info(
            "command-refused",
            peer=self.peer.ip,
            reason=reason.name,
            line=line[:80].decode("ascii", "backslashreplace"),
        )

    def _content(self) -> bytes | Reason:
        transaction = self._transaction
        assert transaction is not None
        assert transaction.spool is not None
        if transaction.storage_failed:
            return why.STORAGE_FULL
        try:
            content = transaction.spool.content()
        except OSError:
            return why.STORAGE_FULL
        if content.startswith(MBOX_LINES):  # below our fields it would end the header
            content = content.partition(b"\r\n")[2]
        return content

    def _connection_id(self) -> int:
        return new_letter_id(self._intake.now_us(), self._intake.random_bits)

    async def _under_new_id(
        self, keep: Callable[[int], Awaitable[Reply | Reason]]
    ) -> tuple[str, Reply | Reason]:
        """Keep a letter under an id that no other has; that id as text, and the answer."""

        async def kept(letter_id: int) -> tuple[str, Reply | Reason]:
            return letter_id_text(letter_id), await keep(letter_id)

        try:
            return await under_new_id(kept, self._intake.now_us, self._intake.random_bits)
        except ConflictError:
            return "", why.INTERNAL_ERROR

    async def _store(self, acceptance: Acceptance, origin: Origin) -> Reply | Reason:
        """Keep a letter for good, then say so; or say that its recipients' scripts refuse it. Raises ConflictError if its id is
        taken.
        """
        intake = self._intake
        try:
            if intake.sieving is None:
                taken: Taken = await accept(intake.store, acceptance, intake.lease_owner)
            else:
                taken = await intake.sieving.take(acceptance, origin, intake.lease_owner)
        except StoreError as error:
            self._log.error("letter-not-stored", letter=acceptance.letter_id_text, error=str(error))
            return why.STORAGE_FULL if isinstance(error, StoreFullError) else why.INTERNAL_ERROR
        if isinstance(taken, Reason):
            return taken
        if taken:
            intake.dispatch(taken)
        return Reply(250, "2.0.0", (f"Accepted as {acceptance.letter_id_text}",))
