"""What the directory refuses to do, in words for the administrator.

Not here: refused logins, which are values (`login.LoginRefused`), and addresses without a mailbox, which are a
resolution (`resolution.Unknown`). Each error ends the transaction that meets it.
"""


class DirectoryError(Exception):
    """The change was refused; the text says what and why."""


class NotFoundError(DirectoryError):
    """There is no such domain, account or alias."""


class ExistsError(DirectoryError):
    """The name is taken already."""


class InUseError(DirectoryError):
    """Something else still needs it."""


class InvalidError(DirectoryError):
    """The value can't be used: malformed, too long, or it makes a loop."""
