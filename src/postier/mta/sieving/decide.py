"""What a script's actions come to for one account: filings, letters to send, or a refusal.

Not here: running the script (`running`), making the letters (`posting`), the transaction (`effects`), the letter's other recipients
(`delivery`). Sources: RFC 5228 §2.10, §4; RFC 5429 §2. Invariants: nothing that is accepted is lost: an error of the run, a redirect
that would go in a circle, a refusal that can reach nobody keep the letter; a letter that was judged junk is filed elsewhere only by
a script that asks for the verdict, and is not sent on.
"""

from typing import assert_never

import msgspec

from postier.accounts.resolution import LocalRecipient
from postier.mailbox.names import INBOX
from postier.mailbox.places import Place
from postier.mta.sieving.effects import Effects, Filing, Notice, Sending
from postier.mta.sieving.memory import CPU_BUDGET_US, SECOND_US
from postier.mta.sieving.origin import Office, Received
from postier.mta.sieving.posting import Posting, WhyNot, content_of, not_yet_sent, place_of
from postier.mta.sieving.running import Case, Ran
from postier.sieve.actions import Discard, FileInto, Keep, Notify, Redirect, Reject, Vacation

JUNK = "Junk"
MAX_ERROR_CHARACTERS = 500  # of an error's words, which may be the script's own
_VERDICT_TESTS = frozenset({"spamtest", "spamtestplus", "virustest"})


class Decided(msgspec.Struct, frozen=True):
    """The effects, if the letter is accepted, and the refusal, if it can be refused."""

    effects: Effects
    reject: Reject | None = None
    result: str = "done"  # for the metric


class _Decision:
    """The effects under way."""

    def __init__(self, default: str) -> None:
        self.default = default
        self.filings: list[Filing] = []
        self.sendings: list[Sending] = []
        self.notices: list[Notice] = []
        self.remarks: list[str] = []
        self.reject: Reject | None = None

    def keep(self, action: Keep) -> None:
        """File into the default mailbox."""
        content = None if action.content is None else content_of(action.content)
        self.filings.append(Filing(Place(flags=action.flags), content))

    def file_into(self, action: FileInto) -> None:
        """File into a mailbox."""
        content = None if action.content is None else content_of(action.content)
        self.filings.append(Filing(place_of(action), content))

    def send(self, made: Sending | WhyNot) -> bool:
        """Send, or tell in the trace why not."""
        if isinstance(made, WhyNot):
            self.remarks.append(made)
            return False
        self.sendings.append(made)
        return True


async def decide(
    office: Office, received: Received, recipient: LocalRecipient, case: Case, ran: Ran
) -> Decided:
    """What the run comes to."""
    posting = Posting(office, received, recipient)
    decision = _Decision(default_of(is_junk=received.is_junk))
    result = ran.result
    is_blind = received.is_junk and _VERDICT_TESTS.isdisjoint(ran.requires)
    redirected: set[str] = set()
    for action in result.actions:
        match action:
            case Keep():
                decision.keep(action)
            case Redirect() if received.is_junk:  # docs/adr/0021
                decision.remarks.append(f"not redirected to {action.address}: junk is not passed on")
                decision.keep(Keep(content=action.content))
            case FileInto() if is_blind:
                decision.keep(Keep(content=action.content))
            case FileInto():
                decision.file_into(action)
            case Redirect():
                new = not_yet_sent(action, redirected)
                if new is not None and not decision.send(await posting.redirect(new)):
                    decision.keep(Keep(content=action.content))
            case Vacation():
                decision.send(await posting.answer(action, is_answered=ran.is_answered))
            case Notify():
                if not is_blind:
                    decision.send(await posting.notify(action))
            case Reject():
                decision.reject = action
                if not decision.send(await posting.refusal(action)):
                    decision.default = JUNK
                    decision.keep(Keep())
            case Discard():
                pass
            case _:
                assert_never(action)
    if result.keep is not None:
        decision.keep(result.keep)
    if result.error is not None:
        name, line = case.version.name, result.error_line
        decision.remarks.append(f"script {name} failed: " + (f"line {line}: " if line else "") + result.error)
        decision.notices.append(await failure_notice(posting, name, result.error, line))
    is_disabled = ran.cpu_used_us + ran.cpu_us > CPU_BUDGET_US
    if is_disabled:
        await _tell_disabled(decision, posting, case.version.name)
    effects = Effects(
        version=case.version,
        recipient=str(recipient.address),
        default=decision.default,
        filings=tuple(decision.filings),
        sendings=tuple(decision.sendings),
        tracked=result.tracked,
        seen=ran.seen,
        notices=tuple(decision.notices),
        cpu_us=ran.cpu_us,
        is_disabled=is_disabled,
        remarks=(*posting.remarks, *decision.remarks),
    )
    ended = "disabled" if is_disabled else "failed" if result.error is not None else "done"
    return Decided(effects, decision.reject, ended)


def default_of(*, is_junk: bool) -> str:
    """Where a letter lies without a script."""
    return JUNK if is_junk else INBOX


def kept(case: Case, recipient: LocalRecipient, default: str, why: str) -> Effects:
    """The letter is kept as if there were no script."""
    return Effects(
        version=case.version,
        recipient=str(recipient.address),
        default=default,
        filings=(Filing(Place()),),
        remarks=(why,),
    )


async def failure_notice(posting: Posting, name: str, error: str, error_line: int) -> Notice:
    """What the owner of a script reads when it fails."""
    at = f"line {error_line}: " if error_line else ""
    error = error[:MAX_ERROR_CHARACTERS]
    return await posting.notice(
        f"Your mail filter {name} failed",
        f'Your Sieve script "{name}" could not deal with a message:\n\n    {at}{error}\n\n'
        "The message was kept, as if there were no script. So is every further message with which the script\n"
        "fails; you are told once a day.\n",
        "failed",
        name,
    )


async def resting_notice(posting: Posting, name: str) -> Notice:
    """What the owner of a script for IMAP events reads when it took too much time."""
    return await posting.notice(
        f"Your mail filter {name} rests",
        f'Your Sieve script "{name}" took more than {CPU_BUDGET_US // SECOND_US} seconds of processor time\n'
        "within an hour. Until the hour is over it does not run on what your mail programs do.\n",
        "rests",
        name,
    )


async def _tell_disabled(decision: _Decision, posting: Posting, name: str) -> None:
    decision.remarks.append(f"script {name} was disabled, for it took too much time")
    notice = await posting.notice(
        f"Your mail filter {name} was disabled",
        f'Your Sieve script "{name}" took more than {CPU_BUDGET_US // SECOND_US} seconds of processor time\n'
        "within an hour. It is no longer active: mail is kept in your inbox until you make a script active\n"
        "again. The script itself is still there.\n",
        "disabled",
        name,
    )
    decision.notices.append(notice)
