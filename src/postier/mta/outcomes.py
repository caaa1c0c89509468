"""What became of a recipient in one attempt, and what follows for it in the queue.

Invariant: an attempt always has an outcome; what is unknown (the connection broke after the final dot) is a deferral: a
duplicate is possible, a loss never.
"""

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """`reply` is the last word of the other side or of ours: "550 5.1.1 No such user"; `host` who said it."""

    reply: str
    host: str = ""

    @property
    def status(self) -> str:
        """The enhanced status code for a report (RFC 3464 §2.3.4), from the reply or its class."""
        words = self.reply.split(" ", 2)
        if len(words) > 1 and words[1].count(".") == 2 and words[1].replace(".", "").isdigit():
            return words[1]
        return f"{self.reply[:1]}.0.0" if self.reply[:1] in "245" else "4.0.0"


class Delivered(Outcome, frozen=True):
    """The next server, or the mailbox, has it for good.

    `reports`: who has it sends the reports that the sender asked for; `keeps_time`: it knows the deliver-by-time; `is_home`: it
    is here.
    """

    reports: bool = False
    keeps_time: bool = False
    is_home: bool = False


class Deferred(Outcome, frozen=True):
    """Later it may work."""


class Failed(Outcome, frozen=True):
    """It never will."""
