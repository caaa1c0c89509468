"""The Sieve engine as the ManageSieve server asks it.

Not here: the language (`sieve`). Invariant: what is found right here is what a delivery would compile.
"""

from collections.abc import Sequence

from postier.sieve.problems import ScriptError
from postier.sieve.script import compile_script


class SieveChecker:
    """A `ScriptChecker` (`servers.managesieve`)."""

    def problems(self, content: bytes) -> Sequence[str]:
        """See `ScriptChecker`."""
        try:
            compile_script(content)
        except ScriptError as error:
            return [str(problem) for problem in error.problems]
        return ()
