"""Why a server cannot start, in one line for the person who starts it.

Not a bug of ours and not a peer's fault: the machine or the configuration must be changed first.
"""


class StartError(Exception):
    """The server cannot start; the text says why and what to do."""
