r"""The session: which state it is in, and what the client has enabled.

Not here: which verbs a state allows (`commands.table`), the selected mailbox (`view`). Source: RFC 9051 §3,
§6.3.1; RFC 5161; RFC 7162 §3.1, §3.2.3; RFC 9755 §4. Invariants: every change of state is a row of TRANSITIONS,
anything else is IllegalStepError; a feature once enabled stays, until UNAUTHENTICATE.

What ENABLE IMAP4rev2 changes for the server (RFC 9051 appendix E), and where it is built:

| item | difference | here |
| --- | --- | --- |
| 4 | SEARCH answers with ESEARCH, never SEARCH | `Session.uses_esearch`, `search_results` |
| 9 | CLOSED when SELECT closes a mailbox | always sent: older clients ignore unknown codes |
| 10 | SELECT and EXAMINE send a LIST line | `Session.lists_on_select` |
| 11, 12 | no UNSEEN code, no RECENT, no \Recent | `Session.sends_recent`, `view`, `flags.FlagTexts` |
| 16 | mailbox names and quoted strings in UTF-8 | `Session.utf8`, `mailbox_names`, `quoting` |
| 17, 18, 19 | CHECK, RFC822 items and LSUB are gone | still answered: asking for them is harmless |
| 21 | unsolicited FETCH carries UID | always sent: RFC 3501 allows it |
| 24 | human-readable text may be UTF-8 | `responses.status_line(utf8=...)` |
"""

import enum
from collections.abc import Iterable

from postier.imap.refusals import bad


class State(enum.Flag):
    """RFC 9051 §3; a Flag so that a verb's row can name several."""

    NOT_AUTHENTICATED = 1
    AUTHENTICATED = 2
    SELECTED = 4
    LOGOUT = 8


ANY_STATE = State.NOT_AUTHENTICATED | State.AUTHENTICATED | State.SELECTED
LOGGED_IN = State.AUTHENTICATED | State.SELECTED


class Step(enum.Enum):
    """What happened to the session."""

    LOGIN_SUCCEEDED = "login succeeded"
    MAILBOX_SELECTED = "mailbox selected"
    MAILBOX_CLOSED = "mailbox closed"  # CLOSE, UNSELECT, and every SELECT or EXAMINE that fails
    UNAUTHENTICATED = "unauthenticated"
    LOGGED_OUT = "logged out"


TRANSITIONS: dict[tuple[State, Step], State] = {  # RFC 9051 §3.4
    (State.NOT_AUTHENTICATED, Step.LOGIN_SUCCEEDED): State.AUTHENTICATED,
    (State.NOT_AUTHENTICATED, Step.LOGGED_OUT): State.LOGOUT,
    (State.AUTHENTICATED, Step.MAILBOX_SELECTED): State.SELECTED,
    (State.AUTHENTICATED, Step.MAILBOX_CLOSED): State.AUTHENTICATED,
    (State.AUTHENTICATED, Step.LOGGED_OUT): State.LOGOUT,
    (State.SELECTED, Step.MAILBOX_SELECTED): State.SELECTED,
    (State.SELECTED, Step.MAILBOX_CLOSED): State.AUTHENTICATED,
    (State.SELECTED, Step.LOGGED_OUT): State.LOGOUT,
    (State.AUTHENTICATED, Step.UNAUTHENTICATED): State.NOT_AUTHENTICATED,  # RFC 8437 §5
    (State.SELECTED, Step.UNAUTHENTICATED): State.NOT_AUTHENTICATED,
}


class IllegalStepError(Exception):
    """A fault of ours: this step cannot happen in this state."""


class Feature(enum.Flag):
    """What ENABLE can switch on."""

    IMAP4REV2 = enum.auto()
    UTF8_ACCEPT = enum.auto()
    CONDSTORE = enum.auto()  # also by the first command that asks for mod-sequences (RFC 7162 §3.1)
    QRESYNC = enum.auto()
    UIDONLY = enum.auto()
    METADATA = enum.auto()


ENABLEABLE: dict[bytes, tuple[Feature, bytes]] = {  # name in upper case -> feature, name as we write it
    b"IMAP4REV2": (Feature.IMAP4REV2, b"IMAP4rev2"),
    b"UTF8=ACCEPT": (Feature.UTF8_ACCEPT, b"UTF8=ACCEPT"),
    b"CONDSTORE": (Feature.CONDSTORE, b"CONDSTORE"),
    b"QRESYNC": (Feature.QRESYNC, b"QRESYNC"),
    b"UIDONLY": (Feature.UIDONLY, b"UIDONLY"),
    b"METADATA": (Feature.METADATA, b"METADATA"),
}

_UTF8 = Feature.IMAP4REV2 | Feature.UTF8_ACCEPT
_SENDS_VANISHED = Feature.QRESYNC | Feature.UIDONLY
_KNOWS_MODSEQ = Feature.CONDSTORE | Feature.QRESYNC  # RFC 7162 §3.2.3: QRESYNC implies CONDSTORE

_STATE_WORDS = {
    State.NOT_AUTHENTICATED: "before login",
    State.AUTHENTICATED: "when no mailbox is selected",
    State.SELECTED: "when a mailbox is selected",
    State.LOGOUT: "after LOGOUT",
}


class Session:
    """One connection's state; starts before login (or, for PREAUTH, takes LOGIN_SUCCEEDED at once)."""

    __slots__ = ("enabled", "is_read_only", "state")

    def __init__(self) -> None:
        self.state = State.NOT_AUTHENTICATED
        self.is_read_only = False  # of the selected mailbox
        self.enabled = Feature(0)

    def step(self, step: Step, *, is_read_only: bool = False) -> None:
        """Go on by one row of TRANSITIONS; raises IllegalStepError."""
        following = TRANSITIONS.get((self.state, step))
        if following is None:
            raise IllegalStepError(f"{step.value} in state {self.state.name}")
        self.state = following
        self.is_read_only = is_read_only and step is Step.MAILBOX_SELECTED
        if step is Step.UNAUTHENTICATED:
            self.enabled = Feature(0)  # RFC 8437 §4.1

    def enable(self, names: Iterable[bytes]) -> tuple[bytes, ...]:
        """Switch on what is known among `names`; gives the names for the ENABLED response (RFC 9051 §6.3.1)."""
        switched_on = []
        for name in names:
            feature, written = ENABLEABLE.get(name.upper(), (Feature(0), b""))
            if feature and feature not in self.enabled:
                self.enabled |= feature
                switched_on.append(written)
        return tuple(switched_on)

    def require(self, states: State, what: str) -> None:
        """Raise PeerError (BAD) unless the state is one of `states`."""
        if self.state not in states:
            raise bad(f"{what} is not allowed {_STATE_WORDS[self.state]}")

    @property
    def is_rev2(self) -> bool:
        """Whether the client enabled IMAP4rev2."""
        return Feature.IMAP4REV2 in self.enabled

    @property
    def utf8(self) -> bool:
        """Whether names and quoted strings are UTF-8 in both directions (RFC 9051 §5.1, RFC 9755 §3)."""
        return bool(self.enabled & _UTF8)

    @property
    def uses_esearch(self) -> bool:
        """Whether a plain SEARCH is answered by ESEARCH (appendix E item 4)."""
        return self.is_rev2

    @property
    def sends_recent(self) -> bool:
        r"""Whether RECENT and \Recent exist for this client (appendix E item 12)."""
        return not self.is_rev2

    @property
    def lists_on_select(self) -> bool:
        """Whether SELECT sends a LIST line (appendix E item 10)."""
        return self.is_rev2

    @property
    def knows_modseq(self) -> bool:
        """Whether untagged FETCH responses carry UID and MODSEQ (RFC 7162 §3.1, §3.2.4)."""
        return bool(self.enabled & _KNOWS_MODSEQ)

    @property
    def sends_vanished(self) -> bool:
        """Whether VANISHED is sent instead of EXPUNGE (RFC 7162 §3.2.10, RFC 9586 §3.4)."""
        return bool(self.enabled & _SENDS_VANISHED)

    @property
    def uid_only(self) -> bool:
        """Whether message numbers are neither taken nor sent (RFC 9586 §3)."""
        return Feature.UIDONLY in self.enabled

    @property
    def tells_metadata(self) -> bool:
        """Whether changes of annotations are told unasked (RFC 5464 §4.1)."""
        return Feature.METADATA in self.enabled

    @property
    def may_name_charset(self) -> bool:
        """Whether SEARCH may carry CHARSET (RFC 9755 §3)."""
        return Feature.UTF8_ACCEPT not in self.enabled
