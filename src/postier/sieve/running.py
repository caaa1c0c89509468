"""One run of a script: what it has done so far, and what it may still do.

Not here: the commands. Source: RFC 5228 §2.10. Invariants: every counter only falls, and below zero the run ends with a
RunError; actions are collected, nothing is done before the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from postier.sieve.actions import Action, FileInto, Keep, Redirect, Reject, Step, Tracked, Vacation
from postier.sieve.problems import CostError, RunError, readable

if TYPE_CHECKING:
    from postier.mime.part import Part
    from postier.sieve.limits import ScriptLimits
    from postier.sieve.message import Message
    from postier.sieve.world import Envelope, World

_FIELD_COST = 8  # what looking at a field costs, in characters

Path = tuple[int, ...]  # of a part: which child of which child of the root
Op = Callable[["Run"], None]
Test = Callable[["Run"], bool]


class StopRun(Exception):  # noqa: N818 # control flow, no error
    """`stop`: all scripts end."""


class LeaveScript(Exception):  # noqa: N818 # control flow, no error
    """`return`: this script ends (RFC 6609 §3.3)."""


class LeaveLoop(Exception):  # noqa: N818 # control flow, no error
    """`break`: the loop of this number ends (RFC 5703 §3)."""

    def __init__(self, loop: int) -> None:
        super().__init__()
        self.loop = loop


class Frame:
    """What belongs to one script of a run: its variables, its match variables, what `ihave` switched on.

    `base` is the path of the part that the script has for its whole message (`parts`).
    """

    __slots__ = ("base", "enabled", "key", "matches", "variables")

    def __init__(self, key: tuple[bool, str] | None = None, base: Path = ()) -> None:
        self.key = key
        self.base = base
        self.variables: dict[str, str] = {}
        self.matches: Sequence[str] = ()
        self.enabled: set[str] = set()


class Run:
    """The state of one run."""

    __slots__ = (
        "actions",
        "added_fields",
        "edits",
        "envelope",
        "flags",
        "frame",
        "frames",
        "globals",
        "has_vacation",
        "included",
        "includes",
        "is_kept",
        "limits",
        "line",
        "loops",
        "message",
        "notifications",
        "notified",
        "part",
        "part_path",
        "redirects",
        "regex_work",
        "seen",
        "steps",
        "trace",
        "tracked",
        "work",
        "world",
    )

    def __init__(
        self,
        message: Message,
        envelope: Envelope,
        world: World,
        limits: ScriptLimits,
        frame: Frame,
        trace: list[Step] | None,
    ) -> None:
        self.message = message
        self.seen = (
            message  # what tests look at: in a script that is included in a loop, the part of the loop
        )
        self.envelope = envelope
        self.world = world
        self.limits = limits
        self.trace = trace
        self.line = 0
        self.frame = frame
        self.frames = [frame]
        self.included: set[tuple[bool, str]] = set()
        self.globals: dict[str, str] = {}
        self.actions: list[Action] = []
        self.tracked: dict[tuple[str, str], Tracked] = {}
        self.is_kept = True  # RFC 5228 §2.10.2
        self.flags: tuple[str, ...] = world.flags
        self.part: Part | None = None  # of the innermost foreverypart
        self.part_path: Path = ()
        self.has_vacation = False
        self.notified: set[str] = set()  # by mail, in lower case
        self.loops = 0  # foreverypart around this place, in all scripts
        self.includes = self.redirects = self.notifications = self.added_fields = self.edits = 0
        self.steps = limits.steps
        self.work = limits.work
        self.regex_work = limits.regex_work

    def charge(self, characters: int) -> None:
        """Count work in characters."""
        self.work -= characters
        if self.work < 0:
            raise CostError(f"the script compares more than {self.limits.work} characters")

    def count_steps(self, steps: int) -> None:
        """Count commands and tests."""
        self.steps -= steps
        if self.steps < 0:
            raise CostError(f"the script takes more than {self.limits.steps} steps")

    def charge_fields(self) -> None:
        """Count a walk over all fields of the header."""
        self.charge(_FIELD_COST * len(self.message.entries))

    def charge_regex(self, steps: int) -> None:
        """Count work of regular expressions."""
        self.regex_work -= steps
        if self.regex_work < 0:
            raise CostError("the regular expressions of the script take too long")

    def kept(self) -> bytes | None:
        """The message for a keep: at an IMAP event changes are for other actions only (RFC 6785 §3.1, §3.9)."""
        return None if self.world.is_imap_event else self.content()

    def content(self, *, is_redirect: bool = False) -> bytes | None:
        """The message for an action, None when it is as it came."""
        self.charge(self.message.pending_octets)
        return self.message.content_for_redirect() if is_redirect else self.message.content()

    def act(self, action: Action, *, cancels: bool) -> None:
        """Add an action; `cancels` the implicit keep. Filing twice into one mailbox is filing once."""
        if self.world.is_imap_event and isinstance(action, Reject | Vacation):  # RFC 6785 §3.11
            raise RunError("nothing is delivered here that could be refused or answered")
        if any(_exclude_each_other(earlier, action) for earlier in self.actions):
            raise RunError("reject stands beside another reject, a vacation, or an action that delivers")
        if cancels:
            self.is_kept = False
        for index, earlier in enumerate(self.actions):
            if _is_same_mailbox(earlier, action, keep_place=None if self.world.is_imap_event else _INBOX):
                # RFC 5232 §3: the last flag list value must win
                self.actions[index] = _creating(action) if _creates(earlier) else action
                return
        if len(self.actions) >= self.limits.actions:
            raise RunError(f"the script takes more than {self.limits.actions} actions")
        self.actions.append(action)

    def keep_implicitly(self) -> Keep:
        """The implicit keep; what was copied into its mailbox is not filed there a second time (RFC 5228 §2.10.3)."""
        if self.world.is_imap_event:
            return Keep(0, self.flags, is_implicit=True)
        self.actions = [
            each for each in self.actions if not isinstance(each, FileInto) or _place(each) != _INBOX
        ]
        return Keep(0, self.flags, self.message.content(), is_implicit=True)

    def tell(self, detail: str) -> None:
        """A word of explanation for the trace."""
        if self.trace is not None:
            self.trace.append(Step(self.line, "", None, readable(detail)))


def _creates(action: Action) -> bool:
    return isinstance(action, FileInto) and action.creates


def _creating(action: Action) -> Action:
    """RFC 5490 §3.2: a mailbox that one of two may make is made."""
    return replace(action, creates=True) if isinstance(action, FileInto) else action


def _exclude_each_other(first: Action, second: Action) -> bool:
    """RFC 5429 §2.4: what is refused is neither delivered nor answered."""
    if not isinstance(first, Reject):
        first, second = second, first
    return isinstance(first, Reject) and isinstance(second, Keep | FileInto | Redirect | Reject | Vacation)


def _is_same_mailbox(first: Action, second: Action, *, keep_place: Place | None) -> bool:
    """RFC 5228 §2.10.3, and RFC 5293 §7: also when the header was changed in between.

    At an IMAP event a keep is for wherever the message is, which no name here says.
    """
    match first, second:
        case Keep(), Keep():
            return True
        case FileInto(), FileInto():
            return _place(first) == _place(second)
        case Keep(), FileInto():
            return _place(second) == keep_place
        case FileInto(), Keep():
            return _place(first) == keep_place
        case _:
            return False


Place = tuple[str, str | None, str | None]  # name, MAILBOXID, special use
_INBOX: Place = ("INBOX", None, None)


def _place(action: FileInto) -> Place:
    name = "INBOX" if action.mailbox.upper() == "INBOX" else action.mailbox
    return name, action.mailbox_id, action.special_use
