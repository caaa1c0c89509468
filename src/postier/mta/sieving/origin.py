"""Where a letter comes from, and what deciding about it needs of this server.

Not here: deciding (`decide`).
"""

from collections.abc import Callable

import msgspec

from postier.accounts.directory import Directory
from postier.mta.authenticate import Authentication
from postier.mta.sieving.world import Letter
from postier.smtp.parameters import MailParameters


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a letter comes from, as far as filters depend on it.

    `is_proved`: a report to the reverse-path reaches who sent it. `is_disowned`: its domain says that it did not. `may_refuse`: somebody
    is there who is told of a refusal. `is_stored`: it lay in a mailbox, so its owner sends it on. `authentication` is set for letters from
    elsewhere, which are sealed when they go on.
    """

    remote_host: str = ""
    remote_ip: str = ""
    is_proved: bool = False
    is_disowned: bool = False
    may_refuse: bool = False
    is_stored: bool = False
    authentication: Authentication | None = None


class Office(msgspec.Struct, frozen=True):
    """What deciding needs of this server."""

    hostname: str
    directory: Directory
    now_us: Callable[[], int]
    random_bits: Callable[[int], int]


class Received(msgspec.Struct, frozen=True):
    """The letter as a whole, the same for all its recipients. `account_id`: whose doing it is, if one of ours did it."""

    letter: Letter
    reverse_path: str
    parameters: MailParameters
    account_id: int | None
    message_id: str
    origin: Origin
    is_junk: bool
